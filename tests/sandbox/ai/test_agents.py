"""Agents."""

from __future__ import annotations

from tests.sandbox.bodies import post


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
    assert len(member.get("/agent-proposals").json()["data"]) == 1  # a pending proposal is not repeated
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
