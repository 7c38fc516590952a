"""Subscriptions and receipts: made once, changed only where they differ."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.errors import PermissionDeniedError, ValidationError
from postboost_provider.operators.billing import (
    PostBoostCancelSubscriptionOperator,
    PostBoostChangeSubscriptionOperator,
    PostBoostCreateReceiptOperator,
    PostBoostCreateSubscriptionOperator,
    PostBoostResumeSubscriptionOperator,
)
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import client
from tests.failures import fails
from tests.operators.test_panel import call, run, writes

SOON = datetime.now(UTC) + timedelta(days=9)
RECORD: dict[str, Any] = {"platform_subscription_id": "sub_9", "platform_plan_id": "agency"}


@pytest.fixture(autouse=True, params=["canceled", "active"])
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> Sandbox:
    sandbox.reset(canceled_status=request.param)
    use_connection(monkeypatch, sandbox, "admin")
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    return sandbox


@pytest.fixture
def uuid(server: Sandbox) -> str:
    """Return a workspace without a subscription."""
    made = call(server, "create_workspace", body={"name": "Client", "access_status": "subscription"})
    return str(made["uuid"])


def subscribe(uuid: str, **options: Any) -> dict[str, Any]:
    return run(
        PostBoostCreateSubscriptionOperator,
        workspace_uuid=uuid,
        **(options if "plan_id" in options else {**RECORD, **options}),
    )


def seen(sandbox: Sandbox, uuid: str) -> dict[str, Any]:
    found: dict[str, Any] = call(sandbox, "get_subscription", parameters={"workspace_uuid": uuid})
    return found


def change(uuid: str, **changes: Any) -> str:
    done = run(PostBoostChangeSubscriptionOperator, workspace_uuid=uuid, changes=changes)
    return str(done["outcome"])


def cancel(uuid: str, **options: Any) -> bool:
    return bool(run(PostBoostCancelSubscriptionOperator, workspace_uuid=uuid, **options))


def resume(uuid: str) -> bool:
    return bool(run(PostBoostResumeSubscriptionOperator, workspace_uuid=uuid))


def test_a_subscription_is_written_down_once(sandbox: Sandbox, uuid: str) -> None:
    first = subscribe(uuid)
    assert (first["platform_plan_id"], first["status"], first["outcome"]) == ("agency", "active", "created")
    assert subscribe(uuid) == subscribe(uuid, if_exists="update") == {**first, "outcome": "found"}
    assert subscribe(uuid, platform_plan_id="other") == {**first, "outcome": "found"}
    changed = subscribe(uuid, platform_plan_id="other", if_exists="update")
    assert changed == {**first, "platform_plan_id": "other", "outcome": "updated"}
    with fails(word="if_exists"):
        subscribe(uuid, if_exists="fail")
    with fails(word="'sub_9'"):
        subscribe(uuid, platform_subscription_id="sub_1", if_exists="update")
    assert writes(sandbox).count("create_subscription") == 1
    assert writes(sandbox).count("update_subscription") == 1


@pytest.mark.parametrize(
    "end", [SOON, SOON.isoformat(), f"{SOON:%Y-%m-%d %H:%M}"], ids=["datetime", "iso", "minutes"]
)
def test_a_trial_has_its_end_which_each_run_sends_again(
    sandbox: Sandbox, uuid: str, end: datetime | str
) -> None:
    first = subscribe(uuid, status="trialing", trial_ends_at=end)
    assert first["trial_ends_at"] == f"{SOON:%b} {SOON.day}, {SOON:%Y}"
    again = subscribe(uuid, status="trialing", trial_ends_at=end, if_exists="update")
    # PostBoost shows only the day, so another hour can't be seen.
    assert again == {**first, "outcome": "updated"}


def test_a_trial_may_end_at_another_hour_of_the_day_or_of_a_zone_that_is_not_told(
    sandbox: Sandbox, uuid: str
) -> None:
    sandbox.change(panel_timezone="Pacific/Kiritimati")
    for hour in (2, 22):
        end = f"{SOON:%Y-%m-%d} {hour:02}:00"
        subscribe(uuid, status="trialing", trial_ends_at=end, if_exists="update")
    assert writes(sandbox).count("update_subscription") == 1


def test_a_trial_may_end_on_a_day(sandbox: Sandbox, uuid: str) -> None:
    first = subscribe(uuid, status="trialing", trial_ends_at=SOON.date())
    assert first["trial_ends_at"] == f"{SOON:%b} {SOON.day}, {SOON:%Y}"


def test_a_plan_is_given_away_once(sandbox: Sandbox, uuid: str) -> None:
    first = subscribe(uuid, plan_id=3, trial_days=7)
    assert (first["name"], first["status"], first["outcome"]) == ("generic", "trialing", "created")
    assert subscribe(uuid, plan_id=4) == {**first, "outcome": "found"}
    assert writes(sandbox).count("add_generic_subscription") == 1


def test_a_subscription_is_changed_where_it_differs(sandbox: Sandbox, uuid: str) -> None:
    subscribe(uuid)
    assert change(uuid, platform_plan_id="agency") == "found"
    assert change(uuid, platform_plan_id="bigger") == "updated"
    assert change(uuid, status="paused", paused_from=SOON) == "updated"
    assert change(uuid, status="paused") == "found"
    there = seen(sandbox, uuid)
    assert (there["platform_plan_id"], there["status"]) == ("bigger", "paused")
    assert writes(sandbox).count("update_subscription") == 2


def test_the_plan_of_a_subscription_that_postboost_bills_is_changed(sandbox: Sandbox, uuid: str) -> None:
    subscribe(uuid)
    assert change(uuid, plan_id=3, cycle="yearly") == "updated"
    assert seen(sandbox, uuid)["platform_plan_id"] == "plan_3_yearly"


def test_a_subscription_is_canceled_and_resumed_once(sandbox: Sandbox, uuid: str) -> None:
    subscribe(uuid)
    assert (cancel(uuid), cancel(uuid)) == (True, False)
    assert seen(sandbox, uuid)["ends_at"] is not None
    assert (resume(uuid), resume(uuid)) == (True, False)
    assert seen(sandbox, uuid)["ends_at"] is None
    assert (cancel(uuid, immediately=True), cancel(uuid, immediately=True)) == (True, False)
    assert seen(sandbox, uuid) is None
    with fails(word="subscription"):
        resume(uuid)


@pytest.mark.parametrize("immediately", [False, True])
def test_canceling_is_done_once_after_a_lost_response(sandbox: Sandbox, uuid: str, immediately: bool) -> None:
    subscribe(uuid)
    sandbox.faults({"kind": "drop_after", "operation": "cancel_subscription"})
    assert cancel(uuid, immediately=immediately) is True
    assert writes(sandbox).count("cancel_subscription") == 2
    there = seen(sandbox, uuid)
    assert there is None if immediately else there["ends_at"] is not None


def test_resuming_is_done_once_after_a_lost_response(sandbox: Sandbox, uuid: str) -> None:
    subscribe(uuid)
    cancel(uuid)
    sandbox.faults({"kind": "drop_after", "operation": "resume_subscription"})
    assert resume(uuid) is True
    assert seen(sandbox, uuid)["ends_at"] is None


def test_what_can_not_be_canceled_says_so(uuid: str) -> None:
    subscribe(uuid, status="paused")
    with fails(ValidationError, "active"):
        cancel(uuid)


def test_a_canceled_subscription_can_be_ended_at_once(sandbox: Sandbox, uuid: str) -> None:
    subscribe(uuid)
    cancel(uuid)
    if sandbox.state()["settings"]["canceled_status"] == "active":
        cancel(uuid, immediately=True)
        assert seen(sandbox, uuid) is None
    else:
        # PostBoost cancels what is active or past due. What is canceled ends by itself.
        assert cancel(uuid, immediately=True) is False


def receipt(uuid: str, **options: Any) -> dict[str, Any]:
    common: dict[str, Any] = {
        "invoice_number": "INV-1",
        "transaction_id": "txn_1",
        "amount": 49.5,
        "currency": "EUR",
        "paid_at": "2026-10-01",
    }
    return run(PostBoostCreateReceiptOperator, workspace_uuid=uuid, **{**common, **options})


def test_a_number_with_a_space_behind_it_is_the_same_receipt(sandbox: Sandbox, uuid: str) -> None:
    first = receipt(uuid, invoice_number="INV-7\n")
    assert first["invoice_number"] == "INV-7"
    assert receipt(uuid, invoice_number=" INV-7")["outcome"] == "found"
    assert writes(sandbox).count("create_receipt") == 1


def test_a_receipt_is_written_down_once(sandbox: Sandbox, uuid: str) -> None:
    first = receipt(uuid, description="October")
    assert (first["paid_at"], first["tax"], first["outcome"]) == ("Oct 1, 2026", 0, "created")
    found = {**first, "outcome": "found"}
    assert receipt(uuid, amount=50) == receipt(uuid, paid_at=date(2026, 10, 1), if_exists="update") == found
    changed = receipt(uuid, amount=50, if_exists="update")
    assert changed == {**first, "amount": 50, "outcome": "updated"}
    with fails(word="INV-1"):
        receipt(uuid, if_exists="fail")
    assert writes(sandbox).count("create_receipt") == 1
    assert writes(sandbox).count("update_receipt") == 1
    assert receipt(sandbox.workspaces[0]["uuid"])["uuid"] != first["uuid"]


def test_two_receipts_with_one_number_are_said(sandbox: Sandbox, uuid: str) -> None:
    receipt(uuid)
    body = {"workspace_uuid": uuid, "transaction_id": "x", "invoice_number": "INV-1", "amount": 1, "tax": 0}
    call(sandbox, "create_receipt", body={**body, "currency": "EUR", "paid_at": "2026-10-01"})
    with fails(word="2 receipts"):
        receipt(uuid)


@pytest.mark.parametrize("token", ["member", "scoped"])
@pytest.mark.parametrize(
    "act", [subscribe, cancel, resume, receipt, lambda uuid: change(uuid, status="paused")]
)
def test_a_token_without_admin_rights_fails_at_its_first_request(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token: str, act: Any
) -> None:
    use_connection(monkeypatch, sandbox, token)
    with fails(PermissionDeniedError):
        act(sandbox.workspaces[0]["uuid"])
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"platform_plan_id": ""}, "plan_id"),
        ({"plan_id": 3, "platform_plan_id": "x"}, "plan_id"),
        ({"plan_id": 3, "if_exists": "update"}, "if_exists"),
        ({"status": "great"}, "status"),
        ({"status": "trialing"}, "trial_ends_at"),
        ({"status": "trialing", "trial_ends_at": "soon"}, "trial_ends_at"),
        ({"if_exists": "never"}, "if_exists"),
    ],
)
def test_a_subscription_that_can_not_be_meant_fails_without_a_retry(
    sandbox: Sandbox, uuid: str, options: dict[str, Any], field: str
) -> None:
    with fails(field=field):
        subscribe(uuid, **options)
    assert seen(sandbox, uuid) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "changes"),
        ({"plan": 3}, "changes"),
        ({"plan_id": 3}, "cycle"),
        ({"plan_id": 3, "cycle": "yearly", "status": "active"}, "changes"),
        ({"cycle": "yearly"}, "changes"),
        ({"status": "paused"}, "paused_from"),
    ],
)
def test_a_change_that_can_not_be_meant_fails_without_a_retry(
    sandbox: Sandbox, uuid: str, changes: dict[str, Any], field: str
) -> None:
    before = subscribe(uuid)
    with fails(field=field):
        change(uuid, **changes)
    assert {**seen(sandbox, uuid), "outcome": "created"} == before


def test_a_day_that_is_none_fails_without_a_retry(sandbox: Sandbox, uuid: str) -> None:
    with fails(code="not_a_date", field="paid_at"):
        receipt(uuid, paid_at="Oct 1")
    with client(sandbox, "admin") as api:
        assert list(api.pages("list_receipts")) == []
