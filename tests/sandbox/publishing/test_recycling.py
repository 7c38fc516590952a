"""Recycling rules."""

from __future__ import annotations

from tests.sandbox.bodies import post


def test_a_recycling_rule_is_of_a_post_or_of_a_tag(member):
    uuid = member.post("/posts", json=post()).json()["uuid"]
    rule = member.post(f"/posts/{uuid}/recycle", json={"interval_days": 7, "max_runs": 3})
    assert rule.status_code == 201
    assert rule.json()["data"]["type"] == "post"
    assert rule.json()["data"]["placement"] == "queue"
    tag = member.get("/tags").json()["data"][0]["uuid"]
    pool = {"interval_days": 1, "tag_uuid": tag, "start_at": "2030-01-01T02:00:00+02:00"}
    other = member.post("/recycling-rules", json=pool).json()["data"]
    assert (other["type"], other["next_run_at"]) == ("tag_pool", "2030-01-01T00:00:00Z")
    paused = member.put(f"/recycling-rules/{other['uuid']}", json={"active": False}).json()["data"]
    assert paused["next_run_at"] is None
    assert [each["uuid"] for each in member.get("/recycling-rules").json()["data"]] == [
        other["uuid"],
        rule.json()["data"]["uuid"],
    ]
    assert member.get(f"/recycling-rules/{other['uuid']}/runs").json() == {"data": []}
    nothing = member.post("/recycling-rules", json={"interval_days": 1, "type": "post"})
    assert list(nothing.json()["errors"]) == ["post_uuid"]
