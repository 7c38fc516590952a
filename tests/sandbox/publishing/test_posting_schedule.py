"""The posting schedule."""

from __future__ import annotations

from datetime import UTC, datetime

import time_machine

from tests.sandbox.bodies import post, publish_on_threads


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


def test_times_are_recommended_after_a_few_posts(sandbox, member):
    assert member.get("/posting-schedule/recommended").json()["has_data"] is False
    publish_on_threads(member, sandbox, "a", "b", "c")
    found = member.get("/posting-schedule/recommended", params={"slots_per_day": 2}).json()
    assert (found["has_data"], found["samples"], len(found["times"])) == (True, 3, 7)
    assert len(found["times"][0]["times"]) == 2
