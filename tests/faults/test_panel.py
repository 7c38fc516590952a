"""The panel takes no idempotency keys: after any lost response and any retry, each object exists once."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import PostBoostError, UnconfirmedError
from postboost_provider.operators.billing import (
    PostBoostCreateReceiptOperator,
    PostBoostCreateSubscriptionOperator,
)
from postboost_provider.operators.panel import (
    PostBoostAddMemberOperator,
    PostBoostCreateUserOperator,
    PostBoostCreateWorkspaceOperator,
)
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.faults.killing import kill_at_each_request

MAX = "max@northwind.example"


class Case(NamedTuple):
    """A task that creates an object, the operation that creates it, the one that searches for it, and how many exist."""

    operator: Any
    options: dict[str, Any]
    create: str
    search: str
    count: Callable[[PostBoostClient, str], int]


def subscriptions(api: PostBoostClient, uuid: str) -> int:
    """Count by deleting: PostBoost shows only the last one."""
    parameters, found = {"workspace_uuid": uuid}, 0
    while api.call("get_subscription", parameters=parameters):
        api.call("delete_subscription", parameters=parameters)
        found += 1
    return found


def memberships(api: PostBoostClient, uuid: str) -> int:
    """Count by removing."""
    parameters, found = {"workspace_uuid": uuid}, 0
    try:
        while True:
            api.call("remove_user_from_workspace", parameters=parameters, body={"user_id": 2})
            found += 1
    except PostBoostError:
        return found


CASES = [
    Case(
        PostBoostCreateUserOperator,
        {"user_email": "olga@client.example", "name": "Olga"},
        "create_user",
        "list_users",
        lambda api, uuid: len(list(api.pages("list_users", parameters={"keyword": "olga@"}))),
    ),
    Case(
        PostBoostCreateWorkspaceOperator,
        {"name": "Client Inc.", "workspace_owner": MAX},
        "create_workspace",
        "list_workspaces",
        lambda api, uuid: len(list(api.pages("list_workspaces", parameters={"keyword": "Inc."}))),
    ),
    Case(
        PostBoostAddMemberOperator,
        {"workspace_uuid": "", "user": MAX},
        "add_user_to_workspace",
        "get_workspace",
        memberships,
    ),
    Case(
        PostBoostCreateSubscriptionOperator,
        {"workspace_uuid": "", "platform_subscription_id": "sub_9", "platform_plan_id": "agency"},
        "create_subscription",
        "get_subscription",
        subscriptions,
    ),
    Case(
        PostBoostCreateSubscriptionOperator,
        {"workspace_uuid": "", "plan_id": 3},
        "add_generic_subscription",
        "get_subscription",
        subscriptions,
    ),
    Case(
        PostBoostCreateReceiptOperator,
        {
            "workspace_uuid": "",
            "invoice_number": "INV-1",
            "transaction_id": "txn_1",
            "amount": 49,
            "currency": "EUR",
            "paid_at": "2026-10-01",
        },
        "create_receipt",
        "list_receipts",
        lambda api, uuid: len(list(api.pages("list_receipts"))),
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.create)
def case(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> Case:
    use_connection(monkeypatch, sandbox, "admin")
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    found: Case = request.param
    return found


@pytest.fixture
def uuid(sandbox: Sandbox) -> str:
    with client(sandbox, "admin") as api:
        made = api.call("create_workspace", body={"name": "Client", "access_status": "subscription"})
    return str(made["uuid"])


def attempt(case: Case, uuid: str) -> Any:
    options = {**case.options, **({"workspace_uuid": uuid} if "workspace_uuid" in case.options else {})}
    return case.operator(task_id="act", **options).execute(context())


def outcome(result: Any) -> str:
    return str(result["outcome"] if isinstance(result, dict) else result)


def count(case: Case, sandbox: Sandbox, uuid: str) -> int:
    with client(sandbox, "admin") as api:
        return case.count(api, uuid)


def test_after_a_lost_response_the_created_object_is_found_and_used(
    sandbox: Sandbox, case: Case, uuid: str
) -> None:
    sandbox.faults({"kind": "drop_after", "operation": case.create})
    first = attempt(case, uuid)
    assert outcome(first) == "created"
    assert outcome(attempt(case, uuid)) == "found"
    assert count(case, sandbox, uuid) == 1


def test_if_the_search_fails_too_the_next_attempt_finds_the_object(
    sandbox: Sandbox, case: Case, uuid: str
) -> None:
    again = {"kind": "drop_before", "operation": case.create, "count": 99}
    sandbox.faults(
        {"kind": "drop_after", "operation": case.create},
        {"kind": "drop_before", "operation": case.search, "after": 1, "count": 99},
        again,
    )
    with pytest.raises(PostBoostError):
        attempt(case, uuid)
    sandbox.faults()
    assert outcome(attempt(case, uuid)) == "found"
    assert count(case, sandbox, uuid) == 1


def test_an_object_whose_request_never_arrived_is_created_by_the_next_attempt(
    sandbox: Sandbox, case: Case, uuid: str
) -> None:
    sandbox.faults({"kind": "drop_before", "operation": case.create, "count": 2})
    if case.create != "add_user_to_workspace":
        with pytest.raises(UnconfirmedError):
            attempt(case, uuid)
        assert count(case, sandbox, uuid) == 0
        sandbox.faults()
    else:
        # Adding a member again is safe, and the only way to check.
        with pytest.raises(UnconfirmedError):
            attempt(case, uuid)
    assert outcome(attempt(case, uuid)) == "created"
    assert count(case, sandbox, uuid) == 1


def test_a_server_error_is_left_to_a_retry_and_makes_one(sandbox: Sandbox, case: Case, uuid: str) -> None:
    sandbox.faults({"kind": "server_error", "operation": case.create, "count": 2})
    with pytest.raises(PostBoostError, match="500"):
        attempt(case, uuid)
    sandbox.faults()
    assert outcome(attempt(case, uuid)) == "created"
    assert count(case, sandbox, uuid) == 1


def test_if_exists_fail_does_not_fail_on_what_this_task_made_itself(
    sandbox: Sandbox, case: Case, uuid: str
) -> None:
    sandbox.faults({"kind": "drop_after", "operation": case.create})
    failing = case._replace(options={**case.options, "if_exists": "fail"})
    assert outcome(attempt(failing, uuid)) == "created"
    assert count(case, sandbox, uuid) == 1


def set_up() -> str:
    """Run the tasks that set up a client, and return the workspace's uuid."""

    def run(operator: Any, **options: Any) -> Any:
        return operator(task_id="act", **options).execute(context())

    owner = run(PostBoostCreateUserOperator, user_email="olga@client.example", name="Olga")
    made = run(PostBoostCreateWorkspaceOperator, name="Client", workspace_owner=owner["id"])
    uuid = str(made["uuid"])
    run(PostBoostAddMemberOperator, workspace_uuid=uuid, user=MAX)
    for each in CASES[3], CASES[5]:
        run(each.operator, **{**each.options, "workspace_uuid": uuid})
    return uuid


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_setup_that_is_killed_at_each_of_its_requests_in_turn_creates_each_object_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    use_connection(monkeypatch, sandbox, "admin")
    _, killed = kill_at_each_request(monkeypatch, moment, set_up)
    writes = [r["operation"] for r in sandbox.requests() if r["method"] == "POST" and r["status"] == 201]
    assert sorted(writes) == sorted(
        [
            "create_user",
            "create_workspace",
            "add_user_to_workspace",
            "create_subscription",
            "create_receipt",
        ]
    )
    assert killed > 7
