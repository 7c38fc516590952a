"""Workspaces, users and members: made once, changed only where they differ, deleted only under their name."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from postboost_provider.api.errors import (
    GatewayError,
    NotFoundError,
    PostBoostRequestError,
    ValidationError,
)
from postboost_provider.operators import panel
from postboost_provider.operators.panel import (
    PostBoostAddMemberOperator,
    PostBoostCreateUserOperator,
    PostBoostCreateWorkspaceOperator,
    PostBoostDeleteUserOperator,
    PostBoostDeleteWorkspaceOperator,
    PostBoostRemoveMemberOperator,
    PostBoostUpdateUserOperator,
    PostBoostUpdateWorkspaceOperator,
)
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import client
from tests.failures import fails
from tests.operators.panels import EMAIL, MAX, call, listed, make_user, make_workspace, run, writes

pytestmark = pytest.mark.usefixtures("panel")

NOBODY = "11111111-2222-4333-8444-555555555555"


def test_a_user_is_made_once(sandbox: Sandbox) -> None:
    first = make_user()
    assert (first["email"], first["name"], first["is_admin"], first["outcome"]) == (
        *(EMAIL, "Olga Owner", False, "created"),
    )
    assert make_user(user_email=" OLGA@client.example ") == {**first, "outcome": "found"}
    assert make_user(if_exists="update") == {**first, "outcome": "found"}
    assert writes(sandbox) == ["create_user"]


def test_ids_are_pushed_for_the_tasks_that_follow() -> None:
    ctx = context()
    user = PostBoostCreateUserOperator(task_id="act", user_email=EMAIL, name="Olga").execute(ctx)  # type: ignore[arg-type]
    assert ctx["pushed"] == {"id": user["id"]}
    made = PostBoostCreateWorkspaceOperator(task_id="act", name="Client").execute(other := context())  # type: ignore[arg-type]
    assert other["pushed"] == {"uuid": made["uuid"]}


def test_an_existing_user_is_used_changed_or_an_error(sandbox: Sandbox) -> None:
    first = make_user(is_admin=True)
    assert make_user(name="Olga O.")["name"] == "Olga Owner"
    changed = make_user(name="Olga O.", if_exists="update")
    # The rights were not given, so they stay.
    assert changed == {**first, "name": "Olga O.", "outcome": "updated"}
    with fails(word="olga@client.example"):
        make_user(if_exists="fail")
    assert make_user(is_admin=False, if_exists="update")["is_admin"] is False
    assert len(listed(sandbox, "list_users", EMAIL)) == 1


def test_the_password_is_that_of_a_connection_and_shown_nowhere(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "correct horse battery"
    monkeypatch.setenv("AIRFLOW_CONN_OLGA", json.dumps({"conn_type": "generic", "password": secret}))
    masked = mocker.patch("postboost_provider.operators.panel.mask_secret")
    sent = mocker.spy(panel, "read_password")
    result = make_user(password_conn_id="olga")
    masked.assert_called_once_with(secret)
    assert sent.spy_return == secret
    assert secret not in json.dumps(result) + caplog.text
    masked.reset_mock()
    make_user(password_conn_id="olga", if_exists="update")
    masked.assert_not_called()


def test_a_refused_password_says_what_postboost_said_and_makes_nobody(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OLGA", json.dumps({"conn_type": "generic", "password": "short"}))
    with fails(ValidationError, "password_conn_id: ") as error:
        make_user(password_conn_id="olga")
    assert "'short'" not in str(error.value)
    assert listed(sandbox, "list_users", EMAIL) == []


@pytest.mark.parametrize(("connection", "code"), [(None, "unknown_connection"), ({}, "no_password")])
def test_a_password_that_is_not_there_is_said_before_anybody_is_made(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, connection: Any, code: str
) -> None:
    if connection is not None:
        monkeypatch.setenv("AIRFLOW_CONN_OLGA", json.dumps({"conn_type": "generic"}))
    with fails(code=code, field="password_conn_id"):
        make_user(password_conn_id="olga")
    assert writes(sandbox) == []


def test_a_random_password_is_masked_and_never_the_same(mocker: Any) -> None:
    masked = mocker.patch("postboost_provider.operators.panel.mask_secret")
    make_user()
    make_user(user_email="otto@client.example")
    one, two = (str(each.args[0]) for each in masked.call_args_list)
    assert one != two
    assert len(one) >= 32


def test_a_user_is_changed_where_it_differs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    changed = run(PostBoostUpdateUserOperator, user=EMAIL, changes={"email": "o@client.example"})
    assert changed == {**user, "email": "o@client.example", "outcome": "updated"}
    again = run(PostBoostUpdateUserOperator, user=str(user["id"]), changes={"email": "o@client.example"})
    assert again["outcome"] == "found"
    assert writes(sandbox).count("update_user") == 1
    monkeypatch.setenv("AIRFLOW_CONN_NEW", json.dumps({"conn_type": "generic", "password": "another horse"}))
    assert run(PostBoostUpdateUserOperator, user=user["id"], password_conn_id="new")["outcome"] == "updated"


def test_a_user_is_deleted_under_the_right_name_only(sandbox: Sandbox) -> None:
    make_user()
    with fails(word="'Olga Owner'"):
        run(PostBoostDeleteUserOperator, user=EMAIL, confirm_name="Olga")
    assert run(PostBoostDeleteUserOperator, user=EMAIL, confirm_name="Olga Owner") is True
    assert run(PostBoostDeleteUserOperator, user=EMAIL, confirm_name="Olga Owner") is False
    assert listed(sandbox, "list_users", EMAIL) == []


def test_nobody_deletes_themselves() -> None:
    with fails(PostBoostRequestError, "You cannot delete your own account"):
        run(PostBoostDeleteUserOperator, user=1, confirm_name="Ada Admin")


def test_a_workspace_is_made_once(sandbox: Sandbox) -> None:
    first = make_workspace()
    assert (first["name"], first["owner"]["name"], first["access_status"], first["outcome"]) == (
        *("Client", "Ada Admin", "subscription", "created"),
    )
    again = {**first, "outcome": "found"}
    assert make_workspace(workspace_owner=1) == make_workspace(workspace_owner=None) == again
    assert make_workspace(if_exists="update") == again
    assert writes(sandbox) == ["create_workspace"]


def test_a_workspace_of_another_owner_or_a_longer_name_is_another(sandbox: Sandbox) -> None:
    uuids = {make_workspace(workspace_owner=owner)["uuid"] for owner in (1, MAX)}
    uuids.add(make_workspace(name="Client Two")["uuid"])
    assert len(uuids) == 3
    make_workspace(name="Nobody's", workspace_owner=None)
    call(sandbox, "create_workspace", body={"name": "Nobody's", "access_status": "unlimited"})
    for name in ("Client", "Nobody's"):
        with fails(word=name):
            make_workspace(name=name, workspace_owner=None)


def test_a_workspace_is_found_on_the_second_page(sandbox: Sandbox) -> None:
    for number in range(20):
        make_workspace(name=f"Client {number}")
    before = len(writes(sandbox))
    assert make_workspace(name="Client 19")["outcome"] == "found"
    make_workspace()
    assert len(writes(sandbox)) == before + 1


def test_an_existing_workspace_is_used_changed_or_an_error() -> None:
    first = make_workspace()
    assert make_workspace(access_status="unlimited")["access_status"] == "subscription"
    changed = make_workspace(access_status="unlimited", if_exists="update")
    assert changed == {**first, "access_status": "unlimited", "outcome": "updated"}
    with fails(word="ada@northwind.example"):
        make_workspace(if_exists="fail")


def test_a_workspace_is_renamed_and_keeps_its_owner(sandbox: Sandbox) -> None:
    first = make_workspace()
    options = {"workspace_uuid": first["uuid"], "changes": {"name": "Client Inc."}}
    assert run(PostBoostUpdateWorkspaceOperator, **options) == {
        **first,
        "name": "Client Inc.",
        "outcome": "updated",
    }
    assert run(PostBoostUpdateWorkspaceOperator, **options)["outcome"] == "found"
    given = run(PostBoostUpdateWorkspaceOperator, workspace_uuid=first["uuid"], changes={"owner": MAX})
    assert (given["owner"]["email"], given["name"]) == (MAX, "Client Inc.")
    assert writes(sandbox).count("update_workspace") == 2


def test_a_workspace_is_deleted_under_the_right_name_only(sandbox: Sandbox) -> None:
    workspace = make_workspace()
    options = {"workspace_uuid": workspace["uuid"]}
    with fails(word="confirm_name"):
        run(PostBoostDeleteWorkspaceOperator, confirm_name="client", **options)
    assert "delete_workspace" not in writes(sandbox)
    assert run(PostBoostDeleteWorkspaceOperator, confirm_name="Client", **options) is True
    assert run(PostBoostDeleteWorkspaceOperator, confirm_name="Client", **options) is False


def test_a_mistyped_workspace_or_user_is_not_deleted(sandbox: Sandbox) -> None:
    workspace = make_workspace()
    make_user()
    for options in (
        {"workspace_uuid": NOBODY, "confirm_name": "Client"},
        {"user": "olga@typo.example", "confirm_name": "Olga Owner"},
    ):
        operator = PostBoostDeleteUserOperator if "user" in options else PostBoostDeleteWorkspaceOperator
        with fails(code="mistyped"):
            run(operator, **options)
    assert listed(sandbox, "list_workspaces", "Client")[0]["uuid"] == workspace["uuid"]
    with fails(NotFoundError):
        run(PostBoostRemoveMemberOperator, workspace_uuid=NOBODY, user=MAX)


@pytest.mark.parametrize("operation", ["get_workspace", "delete_workspace", "remove_user_from_workspace"])
def test_a_page_of_a_gateway_deletes_nothing(sandbox: Sandbox, operation: str) -> None:
    uuid = make_workspace()["uuid"]
    run(PostBoostAddMemberOperator, workspace_uuid=uuid, user=MAX)
    kong = {"kind": "server_error", "status": 404, "message": "no Route matched with those values"}
    sandbox.faults({**kong, "operation": operation, "count": 99})
    with pytest.raises(GatewayError):
        run(PostBoostRemoveMemberOperator, workspace_uuid=uuid, user=MAX)
        run(PostBoostDeleteWorkspaceOperator, workspace_uuid=uuid, confirm_name="Client")


def test_a_deletion_succeeds_after_a_lost_response(sandbox: Sandbox) -> None:
    workspace = make_workspace()
    sandbox.faults({"kind": "drop_after", "operation": "delete_workspace"})
    options = {"workspace_uuid": workspace["uuid"], "confirm_name": "Client"}
    assert run(PostBoostDeleteWorkspaceOperator, **options) is True
    assert writes(sandbox).count("delete_workspace") == 2


def place(sandbox: Sandbox, workspace: dict[str, Any]) -> dict[str, Any] | None:
    """Return the member's place in the workspace."""
    with client(sandbox, "member") as api:
        mine = {each["uuid"]: each["pivot"] for each in api.pages("list_my_workspaces")}
    return mine.get(workspace["uuid"])


def test_a_member_is_added_changed_and_removed(sandbox: Sandbox) -> None:
    workspace = make_workspace()
    options = {"workspace_uuid": workspace["uuid"], "user": MAX}
    assert run(PostBoostAddMemberOperator, **options) == "created"
    again = run(PostBoostAddMemberOperator, **options)
    assert again == ("found" if sandbox.state()["settings"]["member_again"] == 422 else "created")
    run(PostBoostAddMemberOperator, **options, role="admin", can_approve=True, if_exists="update")
    seen = place(sandbox, workspace)
    assert seen is not None
    assert (seen["role"], seen["can_approve"]) == ("admin", True)
    assert run(PostBoostRemoveMemberOperator, **options) is True
    assert run(PostBoostRemoveMemberOperator, **options) is False
    assert (
        run(PostBoostRemoveMemberOperator, workspace_uuid=workspace["uuid"], user="no@body.example") is False
    )
    assert place(sandbox, workspace) is None


def test_a_member_in_the_way_is_said_where_postboost_says_it(sandbox: Sandbox) -> None:
    options = {
        "workspace_uuid": make_workspace(workspace_owner=MAX)["uuid"],
        "user": MAX,
        "if_exists": "fail",
    }
    if sandbox.state()["settings"]["member_again"] == 422:
        with fails(word="max@northwind.example"):
            run(PostBoostAddMemberOperator, **options)
    else:
        assert run(PostBoostAddMemberOperator, **options) == "created"


def test_changing_a_members_role_does_not_take_the_workspace_away(sandbox: Sandbox) -> None:
    workspace = make_workspace(workspace_owner=MAX)
    options = {"workspace_uuid": workspace["uuid"], "user": MAX, "if_exists": "update"}
    run(PostBoostAddMemberOperator, **options, role="member")
    seen = call(sandbox, "get_workspace", parameters={"workspace_uuid": workspace["uuid"]})
    assert seen["owner"]["email"] == MAX
    run(PostBoostAddMemberOperator, **options, role="member", is_owner=False)
    seen = call(sandbox, "get_workspace", parameters={"workspace_uuid": workspace["uuid"]})
    assert seen.get("owner") is None
