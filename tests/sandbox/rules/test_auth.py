from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.sandbox.bodies import OUT_OF_SCOPE, post

FORBIDDEN = {"message": "Access forbidden."}


@pytest.mark.parametrize("token", ["expired", "no such token", "1|"])
def test_a_bad_token_is_unauthenticated_whatever_is_wrong_with_it(connect, token):
    response = connect(token).get("/posts")
    assert (response.status_code, response.json()) == (401, {"message": "Unauthenticated."})


def test_a_request_without_a_token_is_unauthenticated(member):
    del member.headers["Authorization"]
    assert member.get("/posts").status_code == 401


def test_tokens_have_postboosts_format(sandbox):
    for token in sandbox.tokens.values():
        number, _, secret = token.partition("|")
        assert number.isdigit()
        assert len(secret) == 48


def test_an_access_token_expires_at_midnight_utc_on_its_date(sandbox, connect):
    day = datetime(2026, 9, 1, 15, tzinfo=UTC)
    with time_machine.travel(day, tick=False):
        sandbox.reset()
    end = datetime(2026, 9, 4, tzinfo=UTC)  # the date is in three days
    client = connect("expiring", None)
    for moment, status in ((end - timedelta(seconds=1), 200), (end, 401), (end + timedelta(seconds=1), 401)):
        with time_machine.travel(moment, tick=False):
            assert client.get("/workspaces").status_code == status


def test_a_scoped_key_works_all_of_its_last_day_in_utc(sandbox, admin, connect):
    with time_machine.travel(datetime(2026, 9, 1, 15, tzinfo=UTC), tick=False):
        body = {"name": "short", "abilities": ["read"], "expires_at": "2026-09-04"}
        token = admin.post("/api-keys", json=body).json()["data"]["token"]
    client = connect(token)
    end = datetime(2026, 9, 5, tzinfo=UTC)
    for moment, status in ((end - timedelta(seconds=1), 200), (end, 401), (end + timedelta(seconds=1), 401)):
        with time_machine.travel(moment, tick=False):
            assert client.get("/posts").status_code == status


def test_the_sandboxs_own_clock_expires_tokens_too(sandbox, connect):
    client = connect("expiring", None)
    assert client.get("/workspaces").status_code == 200
    sandbox.advance(3 * 86400)
    assert client.get("/workspaces").status_code == 401


def test_the_workspaces_of_the_caller_come_with_the_role(connect):
    mine = connect("admin", None).get("/workspaces").json()["data"]
    assert [each["name"] for each in mine] == ["Northwind Coffee", "Contoso Outdoor"]
    assert mine[0]["pivot"]["role"] == "admin"
    assert mine[0]["pivot"]["can_approve"] is True


def test_a_scoped_key_sees_its_own_workspace_only(connect, scoped):
    listed = connect("scoped", None).get("/workspaces").json()["data"]
    assert [each["name"] for each in listed] == ["Northwind Coffee"]
    assert scoped.get("/posts").status_code == 200
    response = connect("scoped", 1).get("/posts")
    assert (response.status_code, response.json()) == (403, OUT_OF_SCOPE)


@pytest.mark.parametrize("status", [404, 403])
def test_an_unknown_workspace_has_the_status_of_the_setting(sandbox, connect, status):
    sandbox.reset(unknown_workspace=status)
    response = connect("member", None).get("/00000000-0000-0000-0000-000000000000/posts")
    assert response.status_code == status


@pytest.mark.parametrize("status", [403, 404])
def test_a_foreign_workspace_has_the_status_of_the_setting(sandbox, connect, status):
    sandbox.reset(foreign_workspace=status)
    store = sandbox._service.store
    workspace = list(store.workspaces.values())[1]
    member = next(each for each in store.users.values() if each.name == "Max Member")
    del workspace.members[member.id]
    assert connect("member", 1).get("/posts").status_code == status


def test_a_viewer_reads_and_validates_and_writes_nothing(connect, accounts):
    viewer = connect("viewer")
    assert viewer.get("/posts").status_code == 200
    assert viewer.post("/posts/validate", json=post()).status_code == 200
    response = viewer.post("/posts", json=post())
    assert (response.status_code, response.json()) == (403, FORBIDDEN)


def _key(admin, connect, abilities, **more):
    response = admin.post("/api-keys", json={"name": "test", "abilities": abilities, **more})
    assert response.status_code == 201, response.text
    return connect(response.json()["data"]["token"])


def test_read_covers_every_get_and_the_dry_run_but_not_the_list_of_webhooks(admin, connect):
    key = _key(admin, connect, ["read"])
    assert key.get("/posts").status_code == 200
    assert key.post("/posts/validate", json=post()).status_code == 200
    refused = key.get("/webhooks/subscriptions")
    assert (refused.status_code, refused.json()) == (403, OUT_OF_SCOPE)
    assert key.post("/tags", json={"name": "x", "hex_color": "#fff"}).json() == OUT_OF_SCOPE


def test_a_key_without_read_reads_nothing(admin, connect):
    assert _key(admin, connect, ["write"]).get("/posts").json() == OUT_OF_SCOPE


def test_write_makes_drafts_and_publish_is_needed_to_send_them_out(admin, connect, accounts):
    writer = _key(admin, connect, ["read", "write"])
    draft = writer.post("/posts", json=post("one", accounts["threads"]))
    assert draft.status_code == 201
    assert writer.post("/posts", json=post("two", accounts["threads"], queue=True)).json() == OUT_OF_SCOPE
    url = f"/posts/schedule/{draft.json()['uuid']}"
    assert writer.post(url, json={"postNow": True}).json() == OUT_OF_SCOPE


def test_editing_a_scheduled_post_takes_publish_and_a_draft_takes_write(admin, connect, accounts, member):
    writer, publisher = _key(admin, connect, ["write"]), _key(admin, connect, ["publish"])
    body = post("later", accounts["threads"])
    draft = member.post("/posts", json=body).json()["uuid"]
    queued = member.post("/posts", json={**body, "queue": True, "allow_duplicate": True}).json()["uuid"]
    body["allow_duplicate"] = True
    assert writer.put(f"/posts/{draft}", json=body).status_code == 200
    assert publisher.put(f"/posts/{draft}", json=body).json() == OUT_OF_SCOPE
    assert writer.put(f"/posts/{queued}", json=body).json() == OUT_OF_SCOPE
    assert publisher.put(f"/posts/{queued}", json=body).status_code == 200


def test_a_limited_key_gets_short_pages_whose_totals_count_everything(admin, connect, accounts):
    mine, other = accounts["threads"], accounts["northwind"]
    for number in range(6):
        admin.post("/posts", json=post(f"post {number}", mine if number % 3 == 0 else other))
    key = _key(admin, connect, ["read"], account_ids=[mine["id"]])
    pages = [key.get("/posts", params={"limit": 2, "page": page}).json() for page in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [0, 1, 1]
    assert pages[0]["meta"]["total"] == 6
    assert pages[0]["meta"]["last_page"] == 3
    assert pages[0]["links"]["next"] is not None


def test_a_limited_key_may_not_touch_or_name_other_accounts(admin, connect, accounts):
    mine, other = accounts["threads"], accounts["northwind"]
    key = _key(admin, connect, ["read", "write", "publish"], account_ids=[mine["id"]])
    foreign = admin.post("/posts", json=post("theirs", other)).json()["uuid"]
    assert [each["id"] for each in key.get("/accounts").json()["data"]] == [mine["id"]]
    assert [each["id"] for each in key.get("/account-health").json()["data"]] == [mine["id"]]
    assert key.get(f"/accounts/{other['uuid']}").json() == OUT_OF_SCOPE
    assert key.get(f"/posts/{foreign}").json() == OUT_OF_SCOPE
    assert key.request("DELETE", "/posts", json={"posts": [foreign]}).json() == OUT_OF_SCOPE
    assert key.post("/posts", json=post("both", mine, other)).json() == OUT_OF_SCOPE
    version = {"account_id": other["id"], "is_original": False, "content": [{"body": "x"}]}
    body = post("mine", mine)
    body["versions"].append(version)
    assert key.post("/posts", json=body).json() == OUT_OF_SCOPE
    assert key.post("/posts", json=post("mine", mine)).status_code == 201


def test_a_limited_key_sees_only_groups_of_its_accounts_with_a_true_total(admin, connect, accounts):
    mine = accounts["threads"]
    created = admin.post("/account-groups", json={"name": "Mine", "accounts": [mine["id"]]}).json()["data"]
    key = _key(admin, connect, ["read"], account_ids=[mine["id"]])
    page = key.get("/account-groups").json()
    assert [group["uuid"] for group in page["data"]] == [created["uuid"]]
    assert page["meta"]["total"] == 1


def test_requests_per_minute_throttles_each_token_by_itself(sandbox, member, admin):
    sandbox.reset(requests_per_minute=2)
    first = member.get("/tags")
    assert first.headers["X-RateLimit-Limit"] == "2"
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert member.get("/nowhere/at/all").status_code == 404
    assert member.get("/tags").status_code == 200
    refused = member.get("/tags")
    assert refused.status_code == 429
    assert refused.json() == {"message": "Too Many Attempts."}
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert "X-RateLimit-Reset" in refused.headers
    assert admin.get("/tags").status_code == 200
    sandbox.advance(60)
    assert member.get("/tags").status_code == 200
