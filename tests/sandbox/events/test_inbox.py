"""The inbox: conversations and reply drafts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


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


def test_an_inbox_that_is_off_is_not_found_and_viewers_are_forbidden(sandbox, member, connect):
    assert connect("viewer").get("/inbox/conversations").status_code == 403
    sandbox.change(inbox="off")
    assert member.get("/inbox/conversations").json() == {"message": "Not found."}
    assert member.get("/inbox/drafts").status_code == 404
