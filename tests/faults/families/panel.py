"""The panel, whose operations take no keys: each object exists once, in the shape that was asked for."""

from __future__ import annotations

from typing import Any

from postboost_provider.operators.panel import (
    PostBoostAddMemberOperator,
    PostBoostCreateUserOperator,
    PostBoostCreateWorkspaceOperator,
)
from tests.faults.checker import FALSE_SUCCESS, Verdict
from tests.faults.families.base import Family
from tests.faults.families.library import Once
from tests.faults.world import Outcome

EMAIL = "olga@client.example"


class EnsureUser(Once):
    name = "panel: user"
    conn_prefix = "admin_"
    can_race = False

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostCreateUserOperator(
            task_id="act", postboost_conn_id=conn_id, user_email=EMAIL, name="Olga"
        )

    def found(self) -> list[Any]:
        return list(
            self.world.in_server(lambda store: [u.id for u in store.users.values() if u.email == EMAIL])
        )


class EnsureWorkspace(Once):
    name = "panel: workspace"
    conn_prefix = "admin_"
    can_race = False

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostCreateWorkspaceOperator(
            task_id="act",
            postboost_conn_id=conn_id,
            name="Client Inc.",
            workspace_owner="max@northwind.example",
        )

    def found(self) -> list[Any]:
        read = lambda store: [w.uuid for w in store.workspaces.values() if w.name == "Client Inc."]
        return list(self.world.in_server(read))

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        owners = self.world.in_server(
            lambda store: [
                w.owner and w.owner.email for w in store.workspaces.values() if w.name == "Client Inc."
            ]
        )
        wrong = (
            [Verdict(FALSE_SUCCESS, f"its owners are {owners}")]
            if owners and "max@northwind.example" not in owners
            else []
        )
        return super().check_green(words, outcome) + wrong


class AddMember(Once):
    name = "panel: member"
    conn_prefix = "admin_"
    can_race = False

    def make(self, conn_id: str, words: Any) -> Any:
        uuid = self.world.sandbox.workspaces[1]["uuid"]
        return PostBoostAddMemberOperator(
            task_id="act",
            postboost_conn_id=conn_id,
            workspace_uuid=uuid,
            user="guest@northwind.example",
            role="viewer",
        )

    def found(self) -> list[Any]:
        uuid = self.world.sandbox.workspaces[1]["uuid"]
        return list(
            self.world.in_server(
                lambda store: [
                    m.role
                    for m in store.workspaces[uuid].members.values()
                    if m.user.email == "guest@northwind.example"
                ]
            )
        )

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        wrong = [role for role in self.found() if role != "viewer"]
        return super().check_green(words, outcome) + [
            Verdict(FALSE_SUCCESS, f"the role is {role}") for role in wrong
        ]


PANEL: list[type[Family]] = [EnsureUser, EnsureWorkspace, AddMember]
