"""What has rules of its own: inbox, agents, competitors, the schedule, connecting, brand voice, clients, tools."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
import time_machine

from tests.sandbox.bodies import post


def publish(member, sandbox, *texts):
    """Publish posts on threads."""
    threads = next(a["id"] for a in member.get("/accounts").json()["data"] if a["provider"] == "threads")
    for text in texts:
        body = {**post(text), "accounts": [threads], "schedule_now": True}
        assert member.post("/posts", json=body).status_code == 201
    sandbox.advance(5)


def test_a_reply_is_drafted_by_one_key_and_sent_by_another(admin, connect):
    make = {"abilities": ["read", "write", "publish"]}
    writer, reviewer = (
        connect(admin.post("/api-keys", json={"name": name, **make}).json()["data"]["token"]) for name in "ab"
    )
    conversation = writer.get("/inbox/conversations", params={"provider": "bluesky"}).json()["data"][0]
    assert conversation["latest_message"]["body"] == "Are you open on Sunday?"
    url = f"/inbox/conversations/{conversation['id']}"
    assert list(writer.post(f"{url}/drafts", json={"body": "x" * 301}).json()["errors"]) == ["body"]
    draft = writer.post(f"{url}/drafts", json={"body": "Yes!"}).json()["data"]
    assert (draft["status"], draft["in_reply_to"]["id"]) == ("pending", conversation["latest_message"]["id"])
    mine = writer.post(f"/inbox/drafts/{draft['id']}/approve", json={})
    assert (mine.status_code, mine.json()["code"]) == (403, "self_approval")
    sent = reviewer.post(f"/inbox/drafts/{draft['id']}/approve", json={"body": "Yes, till six."}).json()[
        "data"
    ]
    assert (sent["status"], bool(sent["sent_message_id"])) == ("sent", True)
    messages = reviewer.get(url).json()["data"]["messages"]
    assert [each["body"] for each in messages] == ["Are you open on Sunday?", "Yes, till six."]
    for again in (
        reviewer.post(f"/inbox/drafts/{draft['id']}/approve", json={}),
        reviewer.post(f"/inbox/drafts/{draft['id']}/reject"),
        writer.put(f"/inbox/drafts/{draft['id']}", json={"body": "No"}),
        writer.delete(f"/inbox/drafts/{draft['id']}"),
    ):
        assert again.status_code == 409
    assert writer.get("/inbox/drafts", params={"status": "pending"}).json()["data"] == []


def test_a_key_of_other_accounts_has_no_draft(admin, connect):
    conversation = admin.get("/inbox/conversations").json()["data"][0]
    draft = admin.post(f"/inbox/conversations/{conversation['id']}/drafts", json={"body": "Yes"}).json()[
        "data"
    ]
    key = {"name": "k", "abilities": ["read", "publish"], "account_ids": [1]}
    limited = connect(admin.post("/api-keys", json=key).json()["data"]["token"])
    assert limited.get("/inbox/conversations").json()["data"] == []
    assert limited.get("/inbox/drafts").json()["data"] == []
    for path in (f"conversations/{conversation['id']}", f"drafts/{draft['id']}"):
        assert limited.get(f"/inbox/{path}").status_code == 403
    assert limited.post(f"/inbox/drafts/{draft['id']}/approve").status_code == 403


def test_a_conversation_is_resolved_and_read(member):
    conversation = member.get("/inbox/conversations", params={"unread": "true"}).json()["data"][0]
    changed = member.patch(
        f"/inbox/conversations/{conversation['id']}", json={"status": "resolved", "unread": False}
    )
    assert (changed.json()["data"]["status"], changed.json()["data"]["unread"]) == ("resolved", False)
    assert len(member.get("/inbox/conversations", params={"status": "open"}).json()["data"]) == 1


def test_conversations_are_found_by_when_somebody_wrote_last(sandbox, member):
    now = datetime.fromisoformat(sandbox.state()["now"])
    zone = timezone(timedelta(hours=5))
    for hours, count in ((3, 2), (1, 1), (-1, 0)):
        since = (now - timedelta(hours=hours)).astimezone(zone).isoformat()
        assert len(member.get("/inbox/conversations", params={"since": since}).json()["data"]) == count
    wrong = member.get("/inbox/conversations", params={"since": "lately"})
    assert list(wrong.json()["errors"]) == ["since"]


def test_an_inbox_that_is_off_is_not_found_and_viewers_have_none(sandbox, member, connect):
    assert connect("viewer").get("/inbox/conversations").status_code == 403
    sandbox.change(inbox="off")
    assert member.get("/inbox/conversations").json() == {"message": "Not found."}
    assert member.get("/inbox/drafts").status_code == 404


def test_an_agent_proposes_and_a_person_decides(member, accounts):
    agent = member.post(
        "/agents",
        json={"type": "pre_publish_checker", "settings": {"horizon_hours": 48, "banned_phrases": ["cheap "]}},
    ).json()["data"]
    assert (agent["settings"]["horizon_hours"], agent["settings"]["check_links"]) == (48, True)
    assert list(member.post("/agents", json={"type": "pre_publish_checker"}).json()["errors"]) == ["type"]
    body = {**post("A cheap coffee"), "accounts": [accounts["threads"]["id"]], "queue": True}
    uuid = member.post("/posts", json=body).json()["uuid"]
    queued = member.post(f"/agents/{agent['uuid']}/run")
    assert (queued.status_code, queued.json()["data"]["status"]) == (202, "queued")
    run = member.get(f"/agent-runs/{queued.json()['data']['uuid']}").json()["data"]
    assert (run["status"], run["proposals_created"]) == ("succeeded", 1)
    (proposal,) = run["proposals"]
    assert (proposal["kind"], proposal["payload"]["after"]) == ("edit_caption", "A coffee")
    assert member.get("/agent-proposals").json()["meta"] == {
        "current_page": 1,
        "last_page": 1,
        "per_page": 25,
        "total": 1,
    }
    member.post(f"/agents/{agent['uuid']}/run")
    assert len(member.get("/agent-proposals").json()["data"]) == 1  # one that is open is enough
    applied = member.post(f"/agent-proposals/{proposal['uuid']}/approve", json={"note": "Right"})
    assert (applied.json()["data"]["status"], applied.json()["data"]["note"]) == ("applied", "Right")
    assert member.get(f"/posts/{uuid}").json()["versions"][0]["content"][0]["body"] == "A coffee"
    again = member.post(f"/agent-proposals/{proposal['uuid']}/reject", json={})
    assert (again.status_code, again.json()["data"]["status"]) == (409, "applied")
    assert len(member.get(f"/agents/{agent['uuid']}/runs").json()["data"]) == 2
    member.put(f"/agents/{agent['uuid']}", json={"enabled": False})
    assert member.post(f"/agents/{agent['uuid']}/run").status_code == 409


def test_a_failed_account_is_retried_by_the_agent_unless_the_post_has_moved_on(sandbox, member, accounts):
    threads = accounts["threads"]
    sandbox.faults({"kind": "fail_account", "provider": "threads", "count": 2})
    for text in ("one", "two"):
        member.post("/posts", json={**post(text), "accounts": [threads["id"]], "schedule_now": True})
    sandbox.advance(5)
    agent = member.post("/agents", json={"type": "failed_post_fixer"}).json()["data"]
    member.post(f"/agents/{agent['uuid']}/run")
    first, second = member.get("/agent-proposals").json()["data"]
    assert {first["kind"], second["kind"]} == {"retry_account"}
    member.post(f"/posts/retry/{first['post_uuid']}/{threads['uuid']}")
    sandbox.advance(5)
    stale = member.post(f"/agent-proposals/{first['uuid']}/approve", json={}).json()["data"]
    assert (stale["status"], stale["applied_at"]) == ("stale", None)
    member.post(f"/agent-proposals/{second['uuid']}/approve", json={})
    sandbox.advance(5)
    assert member.get(f"/posts/{second['post_uuid']}").json()["status"] == "published"


def test_an_agent_runs_six_times_an_hour(sandbox, member):
    agent = member.post("/agents", json={"type": "failed_post_fixer"}).json()["data"]
    statuses = [member.post(f"/agents/{agent['uuid']}/run").status_code for _ in range(7)]
    assert statuses == [202] * 6 + [429]
    sandbox.advance(3600)
    assert member.post(f"/agents/{agent['uuid']}/run").status_code == 202


def test_a_competitors_numbers_come_after_the_answer(member, accounts):
    instagram = accounts["northwind.coffee"]["id"]
    body = {"account_id": instagram, "username": "@rival"}
    added = member.post("/competitors", json=body)
    assert (added.status_code, added.json()["status"]) == (202, "importing")
    assert added.json()["data"]["followers_count"] is None
    key = added.json()["data"]["id"]
    detail = member.get(f"/competitors/{key}").json()["data"]
    assert (len(detail["snapshots"]), len(detail["recent_media"])) == (90, 12)
    assert detail["followers_count"] > 0
    again = member.post("/competitors", json=body)
    assert (again.status_code, again.json()["competitor_id"]) == (409, key)
    other = member.post("/competitors", json={"account_id": accounts["threads"]["id"], "username": "x"})
    assert list(other.json()["errors"]) == ["account_id"]
    member.post("/competitors", json={"account_id": instagram, "username": "second"})
    counts = [each["followers_count"] for each in member.get("/competitors").json()["data"]]
    assert counts == sorted(counts, reverse=True)
    assert member.delete(f"/competitors/{key}").status_code == 204


def days(*values):
    times = [{"value": value} for value in values]
    return [{"id": day, "status": day != 0, "times": times} for day in range(7)]


def test_the_queue_follows_the_schedule_of_the_account(admin, member, accounts):
    monday = datetime(2026, 9, 7, 6, tzinfo=UTC)
    with time_machine.travel(monday, tick=False):
        threads, sky = accounts["threads"]["id"], accounts["northwind.bsky.social"]["id"]
        body = {"account_id": threads, "timezone": "UTC", "times": days("10:30")}
        assert member.put("/posting-schedule", json=body).status_code == 403
        own = admin.put("/posting-schedule", json=body).json()["data"]
        assert (own["inherited"], own["source_account_id"]) == (False, threads)
        uuid = member.post("/posts", json={**post(), "accounts": [threads, sky], "queue": True}).json()[
            "uuid"
        ]
        slots = member.get("/queue/slots", params={"account_id": threads}).json()
        assert slots["slots"][0] == {"scheduled_at": "2026-09-07 10:30:00", "post_uuid": uuid}
        assert [each["scheduled_at"][:10] for each in slots["slots"]][5:8] == [
            "2026-09-12",
            "2026-09-14",
            "2026-09-15",
        ]
        reset = admin.delete(f"/posting-schedule/{threads}").json()["data"]
        assert (reset["inherited"], reset["source_account_id"], len(reset["times"])) == (True, 0, 7)


def test_the_queue_is_read_forward_by_cursor(member):
    seen, cursor = [], None
    while cursor is not None or not seen:
        page = member.get("/queue/slots", params={"after": cursor} if cursor else {}).json()
        seen += [each["scheduled_at"] for each in page["slots"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) >= 41
    assert seen == sorted(seen)
    assert list(member.get("/queue/slots", params={"after": "soon"}).json()["errors"]) == ["after"]


def test_a_schedule_has_all_seven_days_and_times_of_day(admin):
    week = days("10:00")
    for times in (week[:6], [*week[:6], week[0]], days("25:00")):
        body = {"account_id": 0, "timezone": "UTC", "times": times}
        assert list(admin.put("/posting-schedule", json=body).json()["errors"]) == ["times"]
    assert admin.get("/posting-schedule", params={"account_id": 99}).status_code == 404


def test_times_are_recommended_once_there_are_posts(sandbox, member):
    assert member.get("/posting-schedule/recommended").json()["has_data"] is False
    publish(member, sandbox, "a", "b", "c")
    found = member.get("/posting-schedule/recommended", params={"slots_per_day": 2}).json()
    assert (found["has_data"], found["samples"], len(found["times"])) == (True, 3, 7)
    assert len(found["times"][0]["times"]) == 2


def test_links_are_for_admins_and_ten_a_minute(sandbox, admin, member, accounts):
    body = {"provider": "linkedin"}
    assert member.post("/accounts/connect-links", json=body).status_code == 403
    statuses = [admin.post("/accounts/connect-links", json=body).status_code for _ in range(11)]
    assert statuses == [201] * 10 + [429]
    page, tweets = accounts["northwindold"], accounts["northwind"]
    link = admin.post(f"/accounts/{page['uuid']}/reconnect-links")
    assert (link.status_code, link.json()["account_uuid"]) == (201, page["uuid"])
    assert admin.post(f"/accounts/{tweets['uuid']}/reconnect-links").status_code == 422
    sandbox.change(reconnect_links="off")
    assert admin.post(f"/accounts/{page['uuid']}/reconnect-links").status_code == 404


def test_a_channel_is_connected_once_and_then_updated(admin):
    hook = {"webhook_url": "https://hooks.slack.com/services/T1/B2/s3", "name": "Team"}
    first = admin.post("/accounts/connect/slack", json=hook)
    again = admin.post("/accounts/connect/slack", json={**hook, "name": "News"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert "s3" not in first.text
    assert admin.get(f"/accounts/{first.json()['uuid']}").json()["name"] == "News"
    for provider, body, field in (
        ("discord", hook, "webhook_url"),
        ("telegram", {"chat": "@a"}, "bot_token"),
    ):
        answer = admin.post(f"/accounts/connect/{provider}", json=body)
        assert list(answer.json()["errors"]) == [field]
    assert admin.post("/accounts/connect/myspace", json={}).status_code == 404


def test_a_brand_voice_is_set_merged_learned_and_removed(sandbox, admin, connect):
    assert admin.get("/brand-voice").json() == {"data": None}
    voice = admin.put("/brand-voice", json={"business_name": "Northwind", "tone_playful": 5}).json()["data"]
    assert (voice["tone_playful"], voice["tone_formal"], voice["audience"]) == (5, 3, [])
    few = admin.post("/brand-voice/learn", json={})
    assert (few.status_code, few.json()["code"]) == (422, "not_enough_posts")
    publish(admin, sandbox, "a", "b", "c")
    learned = admin.post("/brand-voice/learn", json={}).json()
    assert (learned["meta"]["applied"], learned["data"]["example_posts"]) == (False, ["c", "b", "a"])
    assert admin.get("/brand-voice").json()["data"] == voice
    key = {"name": "k", "abilities": ["read", "ai"]}
    reader = connect(admin.post("/api-keys", json=key).json()["data"]["token"])
    assert reader.post("/brand-voice/learn", json={}).status_code == 200
    assert reader.post("/brand-voice/learn", json={"apply": True}).status_code == 403
    admin.post("/brand-voice/learn", json={"apply": True})
    assert admin.get("/brand-voice").json()["data"]["business_name"] == "Northwind"
    assert admin.get("/brand-voice").json()["data"]["example_posts"] == ["c", "b", "a"]
    assert admin.delete("/brand-voice").json() == {"success": True}
    assert admin.get("/brand-voice").json() == {"data": None}


def test_a_client_is_a_workspace_of_its_own(sandbox, admin, connect, scoped):
    assert scoped.get("/clients").status_code == 403
    sandbox.change(reseller_clients=1)
    client = admin.post("/clients", json={"name": "Fabrikam"})
    assert client.status_code == 201
    uuid = client.json()["data"]["uuid"]
    assert connect("admin", None).get(f"/{uuid}/tags").json() == {"data": []}
    listed = admin.get("/clients").json()
    assert ([each["name"] for each in listed["data"]], listed["meta"]) == (
        ["Fabrikam"],
        {"used": 1, "limit": 1},
    )
    full = admin.post("/clients", json={"name": "Other"})
    assert (full.status_code, full.json()["code"]) == (422, "client_limit_reached")
    sandbox.change(reseller_clients=0)
    assert admin.get("/clients").json()["code"] == "not_a_reseller"


def test_x_posts_are_counted_and_limited_only_where_that_is_enforced(sandbox, member, accounts):
    body = {**post("See https://a.example"), "accounts": [accounts["northwind"]["id"]], "schedule_now": True}
    member.post("/posts", json=body)
    usage = member.get("/usage/x").json()
    assert (usage["enforced"], usage["posts"], usage["link_posts"]["used"]) == (
        False,
        {"used": 1, "limit": None},
        1,
    )
    sandbox.change(x_enforced=True)
    assert member.get("/usage/x").json()["posts"] == {"used": 1, "limit": 500}


def test_most_tools_take_no_token_and_those_with_ai_do(sandbox, connect):
    url = f"{sandbox.base_url}/tools"
    fits = httpx.post(f"{url}/social-media-character-counter", json={"text": "abc", "network": "x"})
    assert fits.status_code == 200
    short = httpx.post(f"{url}/hook-generator", json={"topic": "Coffee"})
    assert (short.status_code, short.json()) == (401, {"message": "Unauthenticated."})
    bad = httpx.get(url, headers={"Authorization": "Bearer nonsense"})
    assert bad.status_code == 401
    assert connect("member", None).post("/tools/hook-generator", json={"topic": "Coffee"}).status_code == 200
    assert connect("scoped", None).post("/tools/hook-generator", json={"topic": "C"}).status_code == 403
    assert len(httpx.get(url).json()["data"]) == 53


def test_a_tool_says_what_is_wrong_and_gives_back_what_it_was_told(sandbox):
    url = f"{sandbox.base_url}/tools/ai-text-cleaner"
    assert list(httpx.post(url, json={"text": "x", "dashes": "long"}).json()["errors"]) == ["dashes"]
    assert httpx.post(url, json={"text": "Clean"}).json()["text"] == "Clean"


@pytest.mark.parametrize("encoding, prefix", [("hex", ""), ("hex", "sha256="), ("base64", "")])
def test_a_webhooks_signature_is_verified(sandbox, encoding, prefix):
    url = f"{sandbox.base_url}/tools/webhook-signature-verifier"
    body = {"body": "{}", "secret": "s", "encoding": encoding, "prefix": prefix, "signature": "wrong"}
    wrong = httpx.post(url, json=body).json()
    assert (wrong["valid"], len(wrong["hints"])) == (False, 1)
    right = httpx.post(url, json={**body, "signature": wrong["expected"]}).json()
    assert (right["valid"], right["hints"]) == (True, [])
    if (encoding, prefix) == ("hex", ""):
        assert wrong["expected"] == hmac.new(b"s", b"{}", hashlib.sha256).hexdigest()
