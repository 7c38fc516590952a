"""Changes of an account: expiry, disconnection and control."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.sandbox.bodies import health_of, post


def day(days):
    return str((datetime.now(UTC) + timedelta(days=days)).date())


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
    reason = health["connection"]["reconnect_reason"]
    assert (reason["code"], reason["found_at"]) == ("linkedin_expired", connection["expires_at"])
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


def test_webhooks_are_told_of_an_expiring_connection(sandbox, admin):
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


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"id": 99, "authorized": False}, "99"),
        ({"id": 1, "nothing": 1}, "nothing"),
        ({"id": 1, "authorized": "no"}, "authorized"),
        ({"id": 1, "daily_cap": -1}, "daily_cap"),
        ({"id": 1, "last_error": 3}, "last_error"),
        ({"authorized": False}, "id"),
    ],
)
def test_an_invalid_change_is_rejected(sandbox, body, word):
    response = httpx.post(f"{sandbox.control_url}/accounts", json=body)
    assert response.status_code == 422
    assert word in response.json()["message"]


def test_an_account_is_changed_over_http(sandbox, member):
    response = httpx.post(f"{sandbox.control_url}/accounts", json={"id": 1, "has_token": False})
    assert response.json() == {"id": 1}
    assert health_of(member, 1)["has_token"] is False
