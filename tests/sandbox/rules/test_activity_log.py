"""The activity log."""

from __future__ import annotations

import hashlib

from tests.sandbox.bodies import post


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
