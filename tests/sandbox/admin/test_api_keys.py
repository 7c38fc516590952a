"""API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.clients import promote_member
from tests.sandbox.bodies import OUT_OF_SCOPE


def test_an_account_is_bare_and_has_no_publishing_keys_outside_a_post(member, accounts):
    account = member.get(f"/accounts/{accounts['threads']['uuid']}").json()
    assert account == accounts["threads"]
    assert account["data"] == {}
    assert "publish_status" not in account
    assert member.get("/accounts/nope").status_code == 404


def test_a_keys_token_is_shown_once_and_revoking_it_is_immediate(admin, connect):
    created = admin.post("/api-keys", json={"name": "bot", "abilities": ["read"]})
    assert created.status_code == 201
    key = dict(created.json()["data"])
    token = key.pop("token")
    assert connect(token).get("/tags").status_code == 200
    listed = admin.get("/api-keys").json()["data"][0]
    assert {**listed, "last_used_at": None} == key
    assert listed["last_used_at"] is not None
    assert listed["created_by"] == "Ada Admin"
    assert admin.delete(f"/api-keys/{key['id']}").json() == {"success": True}
    assert connect(token).get("/tags").status_code == 401
    assert admin.delete(f"/api-keys/{key['id']}").status_code == 404


def test_only_admins_with_an_unscoped_token_handle_keys(member, scoped, admin):
    body = {"name": "bot", "abilities": ["read"]}
    for refused in (
        scoped.get("/api-keys"),
        scoped.post("/api-keys", json=body),
        scoped.delete("/api-keys/1"),
    ):
        assert (refused.status_code, refused.json()) == (403, OUT_OF_SCOPE)
    assert member.get("/api-keys").json() == {"message": "Access forbidden."}


def test_a_key_expires_tomorrow_at_the_earliest(admin):
    with time_machine.travel(datetime(2026, 9, 1, 23, 59, tzinfo=UTC), tick=False):
        for day, status in (("2026-09-01", 422), ("2026-09-02", 201)):
            body = {"name": "bot", "abilities": ["read"], "expires_at": day}
            assert admin.post("/api-keys", json=body).status_code == status


@pytest.mark.parametrize("choice, count", [("listed", 2), ("hidden", 1)])
def test_expired_keys_are_listed_or_hidden(sandbox, admin, choice, count):
    sandbox.reset(expired_keys=choice)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    body = {"name": "bot", "abilities": ["read"], "expires_at": tomorrow.isoformat()}
    admin.post("/api-keys", json=body)
    sandbox.advance(3 * 86400)
    assert len(admin.get("/api-keys").json()["data"]) == count


@pytest.mark.parametrize("choice, seen, status", [("workspace", 2, 200), ("caller", 1, 404)])
def test_an_admin_sees_and_revokes_every_key_or_their_own(sandbox, admin, member, choice, seen, status):
    sandbox.reset(listed_keys=choice)
    promote_member(sandbox)
    assert member.post("/api-keys", json={"name": "bot", "abilities": ["read"]}).status_code == 201
    assert len(member.get("/api-keys").json()["data"]) == seen
    assert member.delete("/api-keys/1").status_code == status


def test_an_invalid_key_is_rejected_with_all_errors(admin):
    response = admin.post(
        "/api-keys", json={"abilities": ["fly"], "account_ids": [999], "expires_at": "soon"}
    )
    assert set(response.json()["errors"]) == {"name", "abilities.0", "account_ids.0", "expires_at"}
