"""Billing in the panel: subscriptions and AI credits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from tests.sandbox.bodies import SUCCESS, errors

NOW = datetime(2026, 10, 16, 10, tzinfo=UTC)


@pytest.fixture
def path(panel):
    """Return the path of the subscription of a workspace without one."""
    made = panel("POST", "workspaces", name="Client", access_status="subscription").json()
    return f"workspaces/{made['uuid']}/subscription"


def record(**changes):
    return {
        "platform_subscription_id": "sub_9",
        "platform_plan_id": "agency",
        "status": "active",
        **changes,
    }


def test_a_workspace_has_no_subscription_until_one_is_recorded(panel, path):
    none = panel("GET", path)
    assert (none.status_code, none.content) == (200, b"null")
    made = panel("POST", path, **record())
    assert (made.status_code, made.json()) == (201, SUCCESS)
    assert panel("GET", path).json() == {
        "name": "default",
        **record(),
        "recurring": True,
        "trial_ends_at": None,
        "paused_from": None,
        "ends_at": None,
    }
    assert panel("DELETE", path).json() == SUCCESS
    assert panel("GET", path).json() is None
    assert panel("DELETE", path).status_code == panel("PUT", path, **record()).status_code == 404


def test_a_workspace_may_have_two_subscriptions(panel, path):
    for number in ("sub_1", "sub_2"):
        assert panel("POST", path, **record(platform_subscription_id=number)).status_code == 201
    panel("DELETE", path)
    assert panel("GET", path).json()["platform_subscription_id"] == "sub_1"


def test_a_trial_and_a_pause_need_their_dates_which_are_shown_as_text(sandbox, panel, path):
    assert set(errors(panel("POST", path))) == {"platform_subscription_id", "platform_plan_id", "status"}
    assert set(errors(panel("POST", path, **record(status="trialing")))) == {"trial_ends_at"}
    assert set(errors(panel("POST", path, **record(status="great")))) == {"status"}
    assert set(errors(panel("POST", path, **record(trial_ends_at="soon")))) == {"trial_ends_at"}
    panel("POST", path, **record(status="trialing", trial_ends_at="2026-11-05T00:00:00Z"))
    assert panel("GET", path).json()["trial_ends_at"] == "Nov 5, 2026"
    sandbox.change(panel_timezone="America/New_York")
    assert panel("GET", path).json()["trial_ends_at"] == "Nov 4, 2026"
    sandbox.change(panel_timezone="UTC")
    assert set(errors(panel("PUT", path, platform_plan_id="x", status="paused"))) == {"paused_from"}
    assert (
        panel("PUT", path, platform_plan_id="x", status="paused", paused_from="2026-11-06").json() == SUCCESS
    )
    seen = panel("GET", path).json()
    assert (seen["platform_plan_id"], seen["status"], seen["paused_from"]) == ("x", "paused", "Nov 6, 2026")


@pytest.mark.parametrize("status", ["canceled", "active"])
def test_a_subscription_is_canceled_and_resumed_before_it_ends(sandbox, panel, path, status):
    sandbox.change(canceled_status=status)
    with time_machine.travel(NOW, tick=False):
        panel("POST", path, **record())
        assert panel("POST", f"{path}/cancel").json() == SUCCESS
        seen = panel("GET", path).json()
        assert (seen["status"], seen["ends_at"]) == (status, "Nov 15, 2026")
        assert set(errors(panel("POST", f"{path}/cancel"))) == {"subscription"}
        assert panel("POST", f"{path}/resume").json() == SUCCESS
        seen = panel("GET", path).json()
        assert (seen["status"], seen["ends_at"]) == ("active", None)
        assert set(errors(panel("POST", f"{path}/resume"))) == {"subscription"}
        panel("POST", f"{path}/cancel", immediately=False)
        sandbox.advance(31 * 86400)
        assert panel("GET", path).json() is None
        assert set(errors(panel("POST", f"{path}/resume"))) == {"subscription"}


def test_canceling_at_once_ends_the_subscription(panel, path):
    panel("POST", path, **record(status="past_due"))
    assert panel("POST", f"{path}/cancel", immediately=True).json() == SUCCESS
    assert panel("GET", path).json() is None
    assert set(errors(panel("POST", f"{path}/cancel", immediately=True))) == {"subscription"}


def test_plans_are_changed_and_checked_out(panel, path):
    plan = {"plan_id": 3, "cycle": "yearly"}
    flags = {"prorate": True, "billing_immediately": False}
    assert set(errors(panel("PUT", f"{path}/change-plan", **plan, **flags))) == {"subscription"}
    panel("POST", path, **record())
    assert panel("PUT", f"{path}/change-plan", **plan, **flags).json() == SUCCESS
    assert panel("GET", path).json()["platform_plan_id"] == "plan_3_yearly"
    assert set(errors(panel("PUT", f"{path}/change-plan"))) == {"plan_id", "cycle", *flags}
    assert panel("POST", f"{path}/new", **plan).json()["url"].startswith("https://")
    assert set(errors(panel("POST", f"{path}/new", plan_id=3, cycle="weekly"))) == {"cycle"}


def test_a_free_plan_is_granted_and_removed(panel, path):
    refused = panel("DELETE", f"{path}/generic")
    assert refused.status_code == 422
    with time_machine.travel(NOW, tick=False):
        given = panel("POST", f"{path}/generic", plan_id=3, trial_days=7, keep_prev_trial_ends_at=False)
        assert (given.status_code, given.json()) == (201, SUCCESS)
        seen = panel("GET", path).json()
        assert (seen["name"], seen["status"], seen["recurring"], seen["trial_ends_at"]) == (
            *("generic", "trialing", False, "Oct 23, 2026"),
        )
        panel("POST", f"{path}/generic", plan_id=4, trial_days=30, keep_prev_trial_ends_at=True)
        assert panel("GET", path).json()["trial_ends_at"] == "Oct 23, 2026"
    assert set(errors(panel("POST", f"{path}/cancel"))) == {"subscription"}
    assert panel("DELETE", f"{path}/generic").json() == SUCCESS
    wrong = panel("POST", f"{path}/generic", plan_id=3, trial_days=366)
    assert set(errors(wrong)) == {"trial_days", "keep_prev_trial_ends_at"}


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({}, {"available": True, "balance": 200, "low": False}),
        ({"ai_text_credits": 11}, {"available": True, "balance": 11, "low": False}),
        ({"ai_text_credits": 10}, {"available": True, "balance": 10, "low": True}),
        ({"ai_text_credits": 0}, {"available": False, "balance": 0, "low": False}),
        ({"ai_unlimited": True}, {"available": True, "balance": None, "low": False}),
    ],
)
def test_ai_credits_are_low_from_10_down_and_null_without_a_limit(sandbox, panel, settings, seen):
    sandbox.change(**settings)
    path = f"workspaces/{sandbox.workspaces[0]['uuid']}/ai-credits"
    assert panel("GET", path).json() == seen
    assert panel("GET", "workspaces/nope/ai-credits").status_code == 404
