"""Accounts, groups, tags, API keys and the activity log."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.clients import promote_member
from tests.sandbox.bodies import post

OUT_OF_SCOPE = {"message": "Access forbidden.", "code": "insufficient_scope"}


def test_accounts_are_newest_first_and_can_be_searched(member, accounts):
    listed = member.get("/accounts").json()["data"]
    assert [each["created_at"] for each in listed] == sorted(
        (each["created_at"] for each in listed), reverse=True
    )
    assert len({each["provider"] for each in listed}) >= 8

    def usernames(**params):
        return {each["username"] for each in member.get("/accounts", params=params).json()["data"]}

    assert usernames(**{"providers[]": ["youtube", "tiktok"]}) == {"northwindvideo", "northwindclips"}
    assert usernames(unauthorized="true") == {"northwindold"}
    assert usernames(keyword="TOOTS") == {"northwind@mastodon.social"}
    group = next(each for each in member.get("/account-groups").json()["data"] if each["name"] == "Visual")
    assert usernames(group=group["uuid"]) == {"northwind.coffee", "northwind.berlin", "northwindboards"}


def test_a_username_and_a_provider_are_ambiguous_in_the_first_workspace(member):
    listed = member.get("/accounts").json()["data"]
    assert {each["provider"] for each in listed if each["username"] == "northwind"} == {"twitter", "threads"}
    assert [each["provider"] for each in listed].count("instagram") == 2


def test_an_account_is_bare_and_has_no_publishing_keys_outside_a_post(member, accounts):
    account = member.get(f"/accounts/{accounts['threads']['uuid']}").json()
    assert account == accounts["threads"]
    assert account["data"] == {}
    assert "publish_status" not in account
    assert member.get("/accounts/nope").status_code == 404


@pytest.mark.parametrize("choice", ["null", "object"])
def test_a_healthy_account_has_the_reconnect_reason_of_the_setting(sandbox, member, choice):
    sandbox.reset(reconnect_reason=choice)
    healths = member.get("/account-health").json()["data"]
    reasons = {each["name"]: each["connection"]["reconnect_reason"] for each in healths}
    assert (reasons["Northwind Sky"] is None) is (choice == "null")
    assert reasons["Northwind Old Page"]["code"] == "meta_190_460"


def test_account_groups_are_wrapped_listed_by_name_and_deleted_with_204(member, accounts):
    ids = [accounts["threads"]["id"]]
    created = member.post("/account-groups", json={"name": "All", "accounts": ids})
    assert created.status_code == 201
    group = created.json()["data"]
    assert group["account_ids"] == ids
    url = f"/account-groups/{group['uuid']}"
    assert member.put(url, json={"name": "A"}).json()["data"] == {**group, "name": "A", "account_ids": []}
    page = member.get("/account-groups", params={"per_page": 2}).json()
    assert [each["name"] for each in page["data"]] == ["A", "Short texts"]
    assert page["meta"]["per_page"] == 2
    assert member.get(url).json()["data"]["name"] == "A"
    gone = member.delete(url)
    assert (gone.status_code, gone.content) == (204, b"")
    assert member.get(url).status_code == 404
    assert member.post("/account-groups", json={"accounts": [999]}).json()["errors"] == {
        "name": ["The name field is required."],
        "accounts.0": ["The selected account is invalid."],
    }


def test_tags_come_and_go_and_leave_their_posts(member):
    tag = member.post("/tags", json={"name": "New", "hex_color": "#ABC"}).json()
    assert member.get("/tags").json()["data"][0] == tag
    uuid = member.post("/posts", json=post(tags=[tag["id"]])).json()["uuid"]
    url = f"/tags/{tag['uuid']}"
    assert member.put(url, json={"name": "Newer", "hex_color": "#aabbcc"}).json() == {"success": True}
    assert member.get(f"/posts/{uuid}").json()["tags"] == [{**tag, "name": "Newer", "hex_color": "#aabbcc"}]
    assert member.delete(url).json() == {"success": True}
    assert member.get(f"/posts/{uuid}").json()["tags"] == []
    assert member.get(url).status_code == 404


@pytest.mark.parametrize("color", ["abc", "#abcd", "red", "#ggg"])
def test_a_color_is_a_hash_and_hex_digits(member, color):
    answer = member.post("/tags", json={"name": "x", "hex_color": color})
    assert list(answer.json()["errors"]) == ["hex_color"]


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


def test_a_key_is_refused_for_what_is_wrong_with_it(admin):
    answer = admin.post("/api-keys", json={"abilities": ["fly"], "account_ids": [999], "expires_at": "soon"})
    assert set(answer.json()["errors"]) == {"name", "abilities.0", "account_ids.0", "expires_at"}


def test_writes_are_logged_with_token_label_and_outcome_and_reads_are_not(sandbox, member, accounts):
    member.headers["X-PostBoost-Client"] = "my-agent/1.2"
    body = post("same", accounts["threads"])
    uuid = member.post("/posts", json=body).json()["uuid"]
    member.get("/posts")
    member.post("/posts", json=body)
    member.post("/posts", json={})
    member.post("/posts/validate", json=body)
    member.post("/posts", json=post("x", accounts["northwindold"], queue=True))
    member.put(f"/posts/{uuid}", json=body)
    member.delete(f"/posts/{uuid}")
    log = member.get("/activity").json()["data"]
    assert [entry["outcome"] for entry in reversed(log)] == [
        *("created", "blocked_duplicate", "validation_failed", "validated", "blocked_unauthorized"),
        *("updated", "deleted"),
    ]
    first = log[-1]
    assert first["token_ref"] == hashlib.sha256(sandbox.tokens["member"].encode()).hexdigest()[:12]
    assert (first["client"], first["post_uuid"], first["http_status"]) == ("my-agent/1.2", uuid, 201)


def test_the_log_is_filtered_by_outcome_client_prefix_and_time(sandbox, member, connect):
    def count(**params):
        return member.get("/activity", params=params).json()["meta"]["total"]

    tag = {"name": "x", "hex_color": "#fff"}
    member.post("/tags", json=tag, headers={"X-PostBoost-Client": "mcp/1"})
    sandbox.advance(3600)
    since = sandbox.state()["now"]
    member.post("/tags", json=tag, headers={"X-PostBoost-Client": "airflow/3"})
    member.post("/tags", json={})
    assert (count(), count(client="mcp"), count(client="flow")) == (3, 1, 0)
    assert (count(outcome="created"), count(outcome="validation_failed")) == (2, 1)
    assert count(since=since) == 2
    assert count(since=since[:19]) == 2
    refused = member.get("/activity", params={"outcome": "great", "since": "yesterday"})
    assert set(refused.json()["errors"]) == {"outcome", "since"}
    sandbox.advance(90 * 86400 - 60)
    assert count() == 2
    sandbox.advance(3600)
    assert count() == 0


def test_the_log_has_50_entries_per_page(member):
    for _ in range(51):
        member.post("/tags", json={})
    page = member.get("/activity").json()
    assert (len(page["data"]), page["meta"]["last_page"]) == (50, 2)
