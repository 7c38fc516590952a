"""Whatever the panel, the lists of keys and the checks get from PostBoost: it is read, or refused with a typed error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from hypothesis import given, strategies as st

from postboost_provider.api.errors import PostBoostError
from postboost_provider.api.operations import load_operations
from postboost_provider.api.pagination import items_of
from postboost_provider.api.responses import Response
from postboost_provider.connection import diagnosis
from postboost_provider.connection.key_expiry import look_up_expiry
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.identity import Actor
from postboost_provider.operators import billing, panel
from postboost_provider.rotation.keys import Keys
from postboost_provider.rotation.plan import Maker, Renew, decide
from postboost_provider.rotation.target import ConnectionContents
from postboost_provider.services import reports
from tests.airflow_stubs import context
from tests.api.support import WORKSPACE, settings
from tests.test_outside_data import EXPORT, HEALTH, TEXT, quickly, spoiled

NOW = datetime(2026, 10, 16, 9, 30, tzinfo=UTC)
USER = {"id": 1, "name": "Olga", "email": "olga@client.example", "is_admin": False}
SPACE = {"uuid": WORKSPACE, "name": "Client", "access_status": "locked", "owner": {"id": 1, "email": "a@b.c"}}
SUBSCRIPTION = {
    "platform_subscription_id": "s-1",
    "platform_plan_id": "p-1",
    "status": "active",
    "trial_ends_at": None,
    "ends_at": None,
}
RECEIPT = {
    "uuid": "r-1",
    "invoice_number": "2026-1",
    "amount": 1,
    "description": "x",
    "paid_at": "Oct 16, 2026",
}
KEY = {
    "id": 7,
    "name": "airflow/a~1/b~2 after 6 run 0123abcd",
    "abilities": ["read"],
    "account_ids": [1],
    "created_by": "Ada",
    "created_at": "2026-10-16 09:30:00",
    "last_used_at": None,
    "expires_at": "2026-11-16",
}
ENTRY = {
    "client": "airflow/00000000/000000000000 approve",
    "outcome": "ok",
    "http_status": 200,
    "post_uuid": "p",
    "user_id": 1,
    "created_at": "2026-10-16 09:30:00",
}
MINE = {"data": [{"name": "Client", "uuid": WORKSPACE, "pivot": {"role": "member", "can_approve": True}}]}
RESPONSES: dict[str, Any] = {
    **dict.fromkeys(("get_user", "create_user", "update_user"), USER),
    **dict.fromkeys(("get_workspace", "create_workspace", "update_workspace"), SPACE),
    **dict.fromkeys(("get_subscription", "create_subscription", "update_subscription"), SUBSCRIPTION),
    "create_receipt": RECEIPT,
    "update_receipt": RECEIPT,
    "list_users": {"data": [USER]},
    "list_workspaces": {"data": [SPACE]},
    "list_receipts": {"data": [RECEIPT]},
    "list_api_keys": {"data": [KEY]},
    "create_api_key": {"data": {**KEY, "token": "7|secret"}},
    "list_api_activity": {"data": [ENTRY]},
    "list_my_workspaces": MINE,
    "get_account_health": HEALTH,
    "get_report_export": EXPORT,
    "create_report_export": EXPORT,
}


class PostBoost:
    """A client that PostBoost responds to with these payloads, and with a text where it has none."""

    settings = settings()

    def __init__(self, payloads: dict[str, Any], date: Any = None) -> None:
        self.payloads, self.date = payloads, date

    def call(self, operation: str, **_: Any) -> Any:
        return self.payloads.get(operation)

    def send(self, operation: str, **_: Any) -> Response:
        return Response(self.call(operation), 200, False, self.date)

    def pages(self, operation: str, **_: Any) -> Any:
        return iter(items_of(load_operations()[operation], self.call(operation)))


def responding(*operations: str) -> st.SearchStrategy[PostBoost]:
    spoiled_ones = {name: spoiled(RESPONSES[name]) for name in operations}
    return st.builds(PostBoost, st.fixed_dictionaries(spoiled_ones), st.one_of(st.none(), TEXT, DATES))


DATES = st.sampled_from(
    ["Fri, 16 Oct 2026 07:30:00 GMT", "Fri, 16 Oct 2026 07:30:00 -0000", "Fri, 16 Oct 2026"]
)
USERS = ("get_user", "list_users", "create_user", "update_user")
SPACES = ("get_workspace", "list_workspaces", "create_workspace", "update_workspace")
BILLING = ("get_subscription", "create_subscription", "update_subscription")
RECEIPTS = ("list_receipts", "create_receipt", "update_receipt")


def act(operator: type[Any], **options: Any) -> Callable[[PostBoost], None]:
    def read(api: PostBoost) -> None:
        task: Any = operator(task_id="act", **options)
        task.client = lambda: nullcontext(api)
        task.execute(context())

    return read


SPACE_OPTIONS = {"workspace_uuid": WORKSPACE}
RECEIPT_OPTIONS = {
    "invoice_number": "2026-1",
    "transaction_id": "t",
    "amount": 2,
    "currency": "EUR",
    "paid_at": date(2026, 10, 16),
}
MAKER = Maker("a~1", "b", "0123abcd")


def rotate(api: PostBoost) -> None:
    admin: Any = api
    keys = Keys(admin, MAKER, mask=lambda _: None)
    connection = ConnectionContents(settings(), {})
    listed = keys.listed(connection)
    current = keys.find(7, connection, listed)
    if current is not None:
        decide(current, listed, MAKER, when_less_than=timedelta(days=3), now=NOW)
        created, _ = keys.create(connection, Renew(current, ()), date(2026, 12, 1))
        keys.check_same_powers(connection, current, created)


def diagnose(api: PostBoost) -> None:
    known = replace(settings(), scoped_key_id=7)
    client: Any = lambda *_, **__: nullcontext(api)
    with mock.patch.object(diagnosis, "PostBoostClient", client):
        for finding in diagnosis.diagnose(lambda: (known, []), timedelta(days=7), "admin", client):
            str(finding)


READERS: dict[str, tuple[Callable[[Any], Any], st.SearchStrategy[Any]]] = {
    "user created": (
        act(panel.PostBoostCreateUserOperator, user_email=USER["email"], name="O", if_exists="update"),
        responding(*USERS),
    ),
    "user changed": (
        act(panel.PostBoostUpdateUserOperator, user=1, changes={"name": "O"}),
        responding(*USERS),
    ),
    "user deleted": (
        act(panel.PostBoostDeleteUserOperator, user=USER["email"], confirm_name="Olga"),
        responding(*USERS),
    ),
    "workspace created": (
        act(
            panel.PostBoostCreateWorkspaceOperator,
            name="Client",
            workspace_owner=1,
            access_status="unlimited",
            if_exists="update",
        ),
        responding(*USERS, *SPACES),
    ),
    "workspace changed": (
        act(panel.PostBoostUpdateWorkspaceOperator, changes={"name": "C", "owner": 1}, **SPACE_OPTIONS),
        responding(*USERS, *SPACES),
    ),
    "workspace deleted": (
        act(panel.PostBoostDeleteWorkspaceOperator, confirm_name="Client", **SPACE_OPTIONS),
        responding(*SPACES),
    ),
    "member added": (
        act(panel.PostBoostAddMemberOperator, user=1, role="member", **SPACE_OPTIONS),
        responding(*USERS, *SPACES),
    ),
    "member removed": (
        act(panel.PostBoostRemoveMemberOperator, user=1, **SPACE_OPTIONS),
        responding(*USERS, *SPACES),
    ),
    "subscription created": (
        act(
            billing.PostBoostCreateSubscriptionOperator,
            platform_subscription_id="s-1",
            platform_plan_id="p-2",
            status="active",
            if_exists="update",
            **SPACE_OPTIONS,
        ),
        responding(*BILLING),
    ),
    "subscription changed": (
        act(billing.PostBoostChangeSubscriptionOperator, changes={"status": "past_due"}, **SPACE_OPTIONS),
        responding(*BILLING),
    ),
    "subscription canceled": (
        act(billing.PostBoostCancelSubscriptionOperator, **SPACE_OPTIONS),
        responding(*BILLING),
    ),
    "subscription resumed": (
        act(billing.PostBoostResumeSubscriptionOperator, **SPACE_OPTIONS),
        responding(*BILLING),
    ),
    "receipt": (
        act(billing.PostBoostCreateReceiptOperator, if_exists="update", **RECEIPT_OPTIONS, **SPACE_OPTIONS),
        responding(*RECEIPTS),
    ),
    "keys": (rotate, responding("list_api_keys", "create_api_key")),
    "expiry of a key": (
        lambda api: look_up_expiry(replace(settings(), scoped_key_id=7), api, "admin"),
        responding("list_api_keys"),
    ),
    "activity log": (
        lambda api: read_log(api, Actor.of_row("c", "k").owner),
        responding("list_api_activity"),
    ),
    "diagnosis": (
        diagnose,
        responding("list_api_keys", "list_my_workspaces", "list_workspaces", "get_account_health"),
    ),
    "report": (
        lambda api: reports._finding(reports._read(api, "e")),
        responding("get_report_export"),
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_what_postboost_responds_is_read_or_refused(name: str) -> None:
    read, values = READERS[name]

    @quickly
    @given(values)
    def check(value: Any) -> None:
        # The second is what a task raises for an error that is not retryable.
        with suppress(PostBoostError, AirflowFailException):
            read(value)

    check()
