"""Account health, and what a test can do to an account."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.sandbox.bodies import post

CHANGES = [
    ({"authorized": False}, 5, "meta_190_460"),
    ({"authorized": False}, 6, "linkedin_revoked"),
    ({"authorized": False}, 9, "google_revoked"),
    ({"authorized": False}, 11, "refresh_expired"),
    ({"reconnect_code": "meta_190_463"}, 5, "meta_190_463"),
    ({"authorized": False}, 1, None),
]


def health_of(client, account_id):
    return next(each for each in client.get("/account-health").json()["data"] if each["id"] == account_id)


@pytest.mark.parametrize(("change", "account_id", "code"), CHANGES)
def test_an_account_that_needs_reconnection_says_why_where_its_network_does(
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


def test_a_connection_expires_by_the_clock(sandbox, member):
    sandbox.change_account(6, expires_in_seconds=10 * 86400)
    connection = health_of(member, 6)["connection"]
    assert (connection["status"], connection["expiry_kind"]) == ("healthy", "refresh")
    assert (connection["days_left"], connection["refreshable"]) == (9, True)
    sandbox.advance(4 * 86400)
    connection = health_of(member, 6)["connection"]
    assert (connection["status"], connection["days_left"]) == ("expiring", 5)
    sandbox.advance(6 * 86400)
    health = health_of(member, 6)
    assert (health["healthy"], health["connection"]["status"]) == (False, "expired")
    assert health["connection"]["reconnect_reason"] == {
        "code": "linkedin_expired",
        "message": "LinkedIn's permission has ended.",
        "found_at": connection["expires_at"],
    }
    assert health["connection"]["days_left"] is None


def test_a_post_fails_on_an_account_whose_connection_ended_before_it_left(sandbox, member):
    account = health_of(member, 2)
    sandbox.change_account(2, expires_in_seconds=86400)
    sandbox.change_account(1, expires_in_seconds=3 * 86400)
    when = {"schedule": True, "timezone": "UTC", "date": day(2), "time": "00:00"}
    uuid = member.post("/posts", json=post("Too late", account, health_of(member, 1), **when)).json()["uuid"]
    sandbox.advance(4 * 86400)
    accounts = {each["id"]: each for each in member.get(f"/posts/{uuid}").json()["accounts"]}
    assert (accounts[1]["publish_status"], accounts[2]["publish_status"]) == ("published", "failed")
    assert accounts[2]["errors"] == ["Northwind Coffee must be reconnected before it can publish."]


def test_webhooks_hear_of_a_connection_that_ends(sandbox, admin):
    hook = {
        "callback_url": "http://127.0.0.1:9/",
        "events": ["account.token_expiring", "account.disconnected"],
    }
    assert admin.post("/webhooks/subscriptions", json=hook).status_code == 201
    sandbox.change_account(6, expires_in_seconds=10 * 86400)
    sandbox.change_account(1, authorized=False)

    def told():
        return [(each["event"], json.loads(each["body"])["data"]["id"]) for each in sandbox.deliveries()]

    assert told() == [("account.disconnected", 1)]
    sandbox.advance(4 * 86400)
    sandbox.advance(1)
    assert told()[1:] == [("account.token_expiring", 6)]
    sandbox.advance(6 * 86400)
    assert told()[2:] == [("account.disconnected", 6)]


def test_the_cap_of_one_account_holds_for_it_alone(sandbox, member, accounts):
    sandbox.change_account(2, daily_cap=1)
    first = member.post("/posts", json=post("One", accounts["threads"], schedule_now=True))
    assert first.status_code == 201
    assert health_of(member, 2)["daily_cap"] == {"limit": 1, "used_today": 1}
    assert health_of(member, 1)["daily_cap"] == {"limit": 25, "used_today": 0}
    second = member.post("/posts", json=post("Two", accounts["threads"], schedule_now=True))
    assert (second.status_code, second.json()["limit"]) == (429, 1)
    sandbox.change_account(2, daily_cap=None)
    assert member.post("/posts", json=post("Two", accounts["threads"], schedule_now=True)).status_code == 201


def test_a_failing_account_says_its_error_in_300_characters(sandbox, member):
    sandbox.change_account(1, last_error="x" * 400)
    connection = health_of(member, 1)["connection"]
    assert (connection["status"], connection["last_error"]) == ("failing", "x" * 300)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"id": 99, "authorized": False}, "no account 99"),
        ({"id": 1, "nothing": 1}, "no 'nothing' to change"),
        ({"id": 1, "authorized": "no"}, "authorized is true or false"),
        ({"id": 1, "daily_cap": -1}, "daily_cap is a number"),
        ({"id": 1, "last_error": 3}, "last_error is a text"),
        ({"authorized": False}, "Say which account"),
    ],
)
def test_a_change_that_cannot_be_meant_is_refused(sandbox, body, said):
    answer = httpx.post(f"{sandbox.control_url}/accounts", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["message"]


def test_an_account_is_changed_over_http(sandbox, member):
    answer = httpx.post(f"{sandbox.control_url}/accounts", json={"id": 1, "has_token": False})
    assert answer.json() == {"id": 1}
    assert health_of(member, 1)["has_token"] is False


def day(days):
    return str((datetime.now(UTC) + timedelta(days=days)).date())
