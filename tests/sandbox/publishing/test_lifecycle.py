from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.remote_files import PNG
from tests.sandbox.bodies import post


@pytest.fixture
def publish(member):
    def create(text, *accounts, **more):
        response = member.post("/posts", json=post(text, *accounts, schedule_now=True, **more))
        assert response.status_code == 201, response.text
        return response.json()

    return create


def test_posting_now_starts_in_the_request_and_finishes_by_the_clock(sandbox, member, accounts, publish):
    created = publish("now", accounts["northwind"], accounts["threads"])
    assert created["status"] == "publishing"
    assert created["publish_progress"] == {"total": 2, "published": 0, "failed": 0}
    sandbox.advance(2)
    done = member.get(f"/posts/{created['uuid']}").json()
    assert done["status"] == "published"
    assert "publish_progress" not in done
    assert done["published_at"] is not None
    for account in done["accounts"]:
        assert account["publish_status"] == "published"
        assert account["published_parts"] == 1
        assert account["external_url"].endswith(account["provider_post_id"])
        assert account["errors"] == []


def test_a_scheduled_post_waits_for_its_time(sandbox, member, accounts):
    when = datetime.now(UTC) + timedelta(hours=2)
    at = {"date": f"{when:%Y-%m-%d}", "time": f"{when:%H:%M}", "timezone": "UTC", "schedule": True}
    uuid = member.post("/posts", json=post("later", accounts["threads"], **at)).json()["uuid"]
    sandbox.advance(3600)
    assert member.get(f"/posts/{uuid}").json()["status"] == "scheduled"
    sandbox.advance(3602)
    after = member.get(f"/posts/{uuid}").json()
    assert after["status"] == "published"
    assert after["published_at"] == f"{when:%Y-%m-%d %H:%M}:02"


def test_accounts_publish_at_their_own_times(sandbox, member, accounts):
    early = datetime.now(UTC) + timedelta(hours=1)
    late = early + timedelta(hours=1)
    first, second = accounts["threads"], accounts["northwind"]
    times = [
        {"account_id": second["id"], "date": f"{late:%Y-%m-%d}", "time": f"{late:%H:%M}"},
        {"account_id": 12, "date": "2020-01-01", "time": "00:00"},  # not on the post: ignored
    ]
    at = {"date": f"{early:%Y-%m-%d}", "time": f"{early:%H:%M}", "timezone": "UTC", "schedule": True}
    body = post("later", first, second, accounts_schedule=times, **at)
    uuid = member.post("/posts", json=body).json()["uuid"]
    sandbox.advance(3610)
    between = member.get(f"/posts/{uuid}").json()
    assert between["status"] == "publishing"
    assert [each["publish_status"] for each in between["accounts"]] == ["published", "pending"]
    assert between["publish_progress"] == {"total": 2, "published": 1, "failed": 0}
    sandbox.advance(3600)
    assert member.get(f"/posts/{uuid}").json()["status"] == "published"


def test_moving_a_post_keeps_the_offsets_of_its_accounts(sandbox, member, accounts):
    def at(hour):
        return {"date": "2030-01-01", "time": f"{hour}:00", "timezone": "UTC"}

    first, second = accounts["threads"], accounts["northwind"]
    times = [{"account_id": second["id"], "date": "2030-01-01", "time": "12:00"}]
    body = post("later", first, second, accounts_schedule=times, **at(10))
    uuid = member.post("/posts", json=body).json()["uuid"]
    member.post(f"/posts/schedule/{uuid}", json={"postNow": False, **at(15)})
    stored = sandbox._service.store.workspaces[sandbox.workspaces[0]["uuid"]].posts[uuid]
    assert [target.publish_at.hour for target in stored.targets] == [15, 17]


def test_scheduling_uses_the_drafts_own_time_or_asks_for_one(member, accounts):
    uuid = member.post("/posts", json=post("a", accounts["threads"])).json()["uuid"]
    assert member.post(f"/posts/schedule/{uuid}", json={"postNow": False}).status_code == 422
    assert member.post(f"/posts/schedule/{uuid}", json={}).json()["errors"]["postNow"]
    at = {"date": "2030-01-01", "time": "10:00"}
    dated = member.post("/posts", json=post("b", accounts["threads"], **at)).json()["uuid"]
    response = member.post(f"/posts/schedule/{dated}", json={"postNow": False})
    assert (response.status_code, response.json()) == (
        200,
        {"success": True, "scheduled_at": "2030-01-01 09:00:00"},
    )


def test_the_queue_gives_each_account_its_next_free_slot_with_201(sandbox, member, accounts):
    taken = member.post("/posts", json=post("a", accounts["threads"], queue=True)).json()
    uuid = member.post("/posts", json=post("b", accounts["threads"], accounts["northwind"])).json()["uuid"]
    response = member.post(f"/posts/add-to-queue/{uuid}")
    assert response.status_code == 201
    assert response.json() == {"success": True, "scheduled_at": taken["scheduled_at"]}
    stored = sandbox._service.store.workspaces[sandbox.workspaces[0]["uuid"]].posts[uuid]
    assert stored.targets[0].publish_at > stored.targets[1].publish_at


def test_a_post_without_accounts_cannot_be_queued(member):
    uuid = member.post("/posts", json=post()).json()["uuid"]
    assert member.post(f"/posts/add-to-queue/{uuid}").status_code == 422


def test_one_failed_account_makes_the_post_failed_and_the_others_stay_published(
    sandbox, member, accounts, publish
):
    rule = {
        "kind": "fail_account",
        "provider": "twitter",
        "code": "187",
        "message": "Duplicate",
        "raw": {"a": 1},
    }
    sandbox.faults(rule)
    uuid = publish("now", accounts["northwind"], accounts["threads"])["uuid"]
    sandbox.advance(2)
    failed = member.get(f"/posts/{uuid}").json()
    assert failed["status"] == "failed"
    assert failed["accounts"][0]["publish_status"] == "failed"
    assert failed["accounts"][0]["errors"] == [
        "twitter: Duplicate (code 187)",
        {"platform": "twitter", "code": "187", "message": "Duplicate", "raw": {"a": 1}},
    ]
    assert failed["accounts"][1]["publish_status"] == "published"
    assert member.post(f"/posts/schedule/{uuid}", json={"postNow": True}).status_code == 422


def test_a_failed_account_can_be_retried_and_only_it(sandbox, member, accounts, publish):
    broken, fine = accounts["northwind"], accounts["threads"]
    sandbox.faults({"kind": "fail_account", "account_id": broken["id"], "count": 2})
    uuid = publish("now", broken, fine)["uuid"]
    assert member.post(f"/posts/retry/{uuid}/{broken['uuid']}").json()["errors"] == {
        "post": ["The post is still publishing."]
    }
    sandbox.advance(2)
    assert member.post(f"/posts/retry/{uuid}/{fine['uuid']}").status_code == 422
    assert member.post(f"/posts/retry/{uuid}/{accounts['northwindclips']['uuid']}").status_code == 422
    for expected in ("failed", "published"):
        response = member.post(f"/posts/retry/{uuid}/{broken['uuid']}")
        progress = {"total": 2, "published": 1, "failed": 0}
        assert response.json() == {"success": True, "status": "publishing", "publish_progress": progress}
        sandbox.advance(2)
        assert member.get(f"/posts/{uuid}").json()["status"] == expected
    assert member.get(f"/posts/{uuid}").json()["accounts"][0]["errors"] == []


def test_threads_publish_every_part_and_other_networks_the_first(sandbox, member, accounts):
    body = post("one", accounts["northwind"], accounts["northwindcoffee"], accounts["northwind-coffee"])
    body["versions"][0]["content"] += [{"body": "two"}, {"body": "three"}]
    created = member.post("/posts", json={**body, "schedule_now": True}).json()
    assert [each["code"] for each in created["warnings"]] == ["linkedin_first_comment_unavailable"]
    sandbox.advance(2)
    parts = [each["published_parts"] for each in member.get(f"/posts/{created['uuid']}").json()["accounts"]]
    assert parts == [3, 2, 1]


def test_deleted_media_is_missing_when_the_post_is_published(sandbox, member, accounts):
    media = member.post("/media", files={"file": ("a.png", PNG)}).json()
    body = post("picture", accounts["northwind.coffee"], media=[int(media["id"])], queue=True)
    uuid = member.post("/posts", json=body).json()["uuid"]
    member.request("DELETE", "/media", json={"items": [media["uuid"]]})
    assert member.get(f"/posts/{uuid}").json()["versions"][0]["content"][0]["media"] == []
    sandbox.advance(86400)
    after = member.get(f"/posts/{uuid}").json()
    assert after["status"] == "failed"
    assert after["accounts"][0]["errors"] == ["instagram requires media."]


def test_posts_of_a_role_wait_for_approval_by_the_setting(sandbox, member, admin, accounts):
    sandbox.reset(approval_required_for=["member"])
    assert (
        admin.post("/posts", json=post("a", accounts["threads"], queue=True)).json()["status"] == "scheduled"
    )
    uuid = member.post("/posts", json=post("b", accounts["threads"])).json()["uuid"]
    assert admin.post(f"/posts/approve/{uuid}").status_code == 422
    at = {"date": "2030-01-01", "time": "10:00"}
    response = member.post(f"/posts/schedule/{uuid}", json={"postNow": False, **at})
    assert response.json() == {"success": True, "scheduled_at": "2030-01-01 09:00:00", "needs_approval": True}
    sandbox.advance(3)
    assert member.get(f"/posts/{uuid}").json()["status"] == "needs_approval"
    assert member.post(f"/posts/approve/{uuid}").status_code == 403
    moved = admin.post(f"/posts/approve/{uuid}", json={"date": "2030-01-02", "time": "10:00"})
    assert (moved.status_code, moved.json()) == (
        200,
        {"success": True, "scheduled_at": "2030-01-02 09:00:00"},
    )
    assert member.get(f"/posts/{uuid}").json()["status"] == "scheduled"


def test_a_post_submitted_for_now_is_published_when_approved(sandbox, member, admin, accounts):
    sandbox.reset(approval_required_for=["member"])
    created = member.post("/posts", json=post("b", accounts["threads"], schedule_now=True)).json()
    assert created["status"] == "needs_approval"
    member.put(f"/posts/{created['uuid']}", json=post("c", accounts["threads"]))
    assert member.get(f"/posts/{created['uuid']}").json()["status"] == "needs_approval"
    sandbox.advance(3600)
    admin.post(f"/posts/approve/{created['uuid']}")
    assert member.get(f"/posts/{created['uuid']}").json()["status"] == "publishing"
    sandbox.advance(2)
    assert member.get(f"/posts/{created['uuid']}").json()["status"] == "published"


def test_a_trashed_post_is_not_published(sandbox, member, accounts):
    uuid = member.post("/posts", json=post("a", accounts["threads"], queue=True)).json()["uuid"]
    member.request("DELETE", f"/posts/{uuid}", json={"trash": True})
    sandbox.advance(86400)
    assert member.get(f"/posts/{uuid}").json()["published_at"] is None


def test_an_update_keeps_the_offsets_of_the_accounts_it_does_not_reschedule(sandbox, member, accounts):
    at = {"date": "2030-01-01", "time": "10:00", "timezone": "UTC"}
    first, second = accounts["threads"], accounts["northwind"]
    times = [{"account_id": second["id"], "date": "2030-01-01", "time": "12:00"}]
    body = post("later", first, second, schedule=True, accounts_schedule=times, **at)
    uuid = member.post("/posts", json=body).json()["uuid"]
    assert (
        member.put(f"/posts/{uuid}", json=post("newer", second, first, **{**at, "time": "15:00"})).status_code
        == 200
    )
    stored = sandbox._service.store.workspaces[sandbox.workspaces[0]["uuid"]].posts[uuid]
    assert [target.publish_at.hour for target in stored.targets] == [17, 15]
    assert stored.status == "scheduled"
