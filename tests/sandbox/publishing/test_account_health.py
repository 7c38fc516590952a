"""Account health."""

from __future__ import annotations

import pytest

from tests.sandbox.bodies import health_of, post


@pytest.mark.parametrize("choice", ["null", "object"])
def test_a_healthy_account_has_the_reconnect_reason_of_the_setting(sandbox, member, choice):
    sandbox.reset(reconnect_reason=choice)
    healths = member.get("/account-health").json()["data"]
    reasons = {each["name"]: each["connection"]["reconnect_reason"] for each in healths}
    assert (reasons["Northwind Sky"] is None) is (choice == "null")
    assert reasons["Northwind Old Page"]["code"] == "meta_190_460"


CHANGES = [
    ({"authorized": False}, 5, "meta_190_460"),
    ({"authorized": False}, 6, "linkedin_revoked"),
    ({"authorized": False}, 9, "google_revoked"),
    ({"authorized": False}, 11, "refresh_expired"),
    ({"reconnect_code": "meta_190_463"}, 5, "meta_190_463"),
    ({"authorized": False}, 1, None),
]


@pytest.mark.parametrize(("change", "account_id", "code"), CHANGES)
def test_an_account_that_needs_reconnection_has_its_networks_reason(
    sandbox, member, change, account_id, code
):
    sandbox.change_account(account_id, **change)
    health = health_of(member, account_id)
    assert (health["authorized"], health["has_token"], health["healthy"]) == (False, True, False)
    connection = health["connection"]
    assert (connection["status"], connection["expiry_kind"]) == ("expired", "expired")
    assert (connection["reconnect_reason"] or {"code": None})["code"] == code
    assert connection["reconnect_url"].startswith("http")
    sandbox.change_account(account_id, authorized=True)
    connection = health_of(member, account_id)["connection"]
    assert (connection["status"], connection["reconnect_reason"]) == ("healthy", None)


def test_an_accounts_own_cap_applies_only_to_it(sandbox, member, accounts):
    sandbox.change_account(2, daily_cap=1)
    first = member.post("/posts", json=post("One", accounts["threads"], schedule_now=True))
    assert first.status_code == 201
    assert health_of(member, 2)["daily_cap"] == {"limit": 1, "used_today": 1}
    assert health_of(member, 1)["daily_cap"] == {"limit": 25, "used_today": 0}
    second = member.post("/posts", json=post("Two", accounts["threads"], schedule_now=True))
    assert (second.status_code, second.json()["limit"]) == (429, 1)
    sandbox.change_account(2, daily_cap=None)
    assert member.post("/posts", json=post("Two", accounts["threads"], schedule_now=True)).status_code == 201


def test_a_failing_account_shows_its_error_in_300_characters(sandbox, member):
    sandbox.change_account(1, last_error="x" * 400)
    connection = health_of(member, 1)["connection"]
    assert (connection["status"], connection["last_error"]) == ("failing", "x" * 300)


def test_account_health_shows_the_cap_and_its_use_today(sandbox, member, accounts):
    sandbox.reset(publish_seconds=0, daily_cap=7)
    member.post("/posts", json=post("one", accounts["threads"], schedule_now=True))
    health = {each["id"]: each for each in member.get("/account-health").json()["data"]}
    assert health[accounts["threads"]["id"]]["daily_cap"] == {"limit": 7, "used_today": 1}
    assert health[accounts["northwindold"]["id"]]["healthy"] is False
