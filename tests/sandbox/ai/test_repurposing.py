"""Repurpose runs: within the request and in the queue."""

from __future__ import annotations

import pytest

from tests.sandbox.bodies import ARTICLE, repurpose

TEXT = "Coffee is roasted in drums of steel, in small batches, every morning but Sunday. " * 3


def run_of(client, accepted):
    return client.get(f"/ai/repurpose/runs/{accepted['data']['run_id']}").json()["data"]


def test_a_short_run_responds_with_its_result(member):
    response = repurpose(member)
    result = response["data"]
    assert response["meta"] == {"brand_voice_applied": False}
    assert result["source"] == {"type": "url", "title": "How we roast", "url": ARTICLE["url"]}
    assert [each["provider"] for each in result["captions"]] == ["twitter", "instagram", "youtube"]
    assert len(result["slides"]) == 7
    assert result["warnings"] == ["youtube gets no carousel."]
    post = member.get(f"/posts/{result['post_uuid']}").json()
    assert post["status"] == "draft"
    media = {version["account_id"]: len(version["content"][0]["media"]) for version in post["versions"]}
    assert media == {0: 4, 1: 4, 3: 7, 9: 0}
    # One for each account and one for the outline; the carousel is an image credit.
    assert result["credits_used"] == 4
    assert (
        member.get("/usage/ai").json()["text"]["used"],
        member.get("/usage/ai").json()["image"]["used"],
    ) == (4, 1)


def test_a_queued_run_finishes_by_the_clock(sandbox, member):
    sandbox.change(repurpose_seconds=60)
    accepted = repurpose(member, 202)
    assert accepted["data"]["status"] == "queued"
    assert accepted["data"]["status_url"].endswith(f"/ai/repurpose/runs/{accepted['data']['run_id']}")
    assert run_of(member, accepted)["status"] == "queued"
    sandbox.advance(30)
    running = run_of(member, accepted)
    assert (running["status"], running["post_uuid"], running["result"]) == ("running", None, None)
    assert member.get("/posts").json()["data"] == []
    sandbox.advance(30)
    assert [each["status"] for each in member.get("/posts").json()["data"]] == ["draft"]
    done = run_of(member, accepted)
    assert (done["status"], done["credits_used"]) == ("ok", 4)
    assert done["result"]["post_uuid"] == done["post_uuid"]
    sandbox.advance(3600)
    old = run_of(member, accepted)
    assert (old["result"], old["post_uuid"]) == (None, done["post_uuid"])


def test_async_is_a_202_at_once(sandbox, member):
    accepted = repurpose(member, 202, **{"async": True})
    assert run_of(member, accepted)["status"] == "ok"


def test_a_run_of_ten_minutes_has_failed(sandbox, member):
    sandbox.change(repurpose_seconds=3600)
    accepted = repurpose(member, 202)
    sandbox.advance(599)
    assert run_of(member, accepted)["status"] == "running"
    sandbox.advance(1)
    failed = run_of(member, accepted)
    assert (failed["status"], failed["post_uuid"], failed["credits_used"]) == ("failed", None, 0)
    assert failed["error"]


def test_a_run_that_fails_within_the_call_is_a_500_with_its_number(sandbox, member):
    sandbox.change(repurpose_result="failed")
    response = repurpose(member, 500)
    assert set(response) == {"message", "run_id"}
    assert member.get(f"/ai/repurpose/runs/{response['run_id']}").json()["data"]["status"] == "failed"


def test_a_partial_run_has_a_draft_without_the_caption_that_failed(sandbox, member):
    sandbox.change(repurpose_result="partial", repurpose_seconds=30)
    accepted = repurpose(member, 202)
    sandbox.advance(30)
    run = run_of(member, accepted)
    assert run["status"] == "partial"
    assert [each["content"] is None for each in run["result"]["captions"]] == [False, False, True]
    post = member.get(f"/posts/{run['post_uuid']}").json()
    assert [each["id"] for each in post["accounts"]] == [1, 3]


def test_a_key_makes_one_run_of_two_calls(member):
    headers = {"Idempotency-Key": "k"}
    first = repurpose(member, 202, headers, **{"async": True})
    assert repurpose(member, 202, headers, **{"async": True}) == first
    assert len(member.get("/posts").json()["data"]) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"source_type": "podcast"}, {"source_type"}),
        ({"source_type": "url"}, {"url"}),
        ({"source_type": "youtube"}, {"url"}),
        ({"source_type": "pdf", "url": "https://a.example/a.pdf"}, {"pdf_url"}),
        ({"source_type": "text", "text": TEXT}, {"title"}),
        ({"source_type": "text", "title": "A", "text": "short"}, {"text"}),
        ({"source_type": "url", "url": "a.html"}, {"url"}),
        ({**ARTICLE, "account_ids": [99]}, {"account_ids.0"}),
        ({**ARTICLE, "platforms": ["telegram"]}, {"accounts"}),
        ({**ARTICLE, "slide_count": 9}, {"slide_count"}),
    ],
)
def test_an_invalid_source_is_rejected(member, body, fields):
    response = member.post("/ai/repurpose", json=body)
    assert (response.status_code, set(response.json()["errors"])) == (422, fields)
    assert member.get("/usage/ai").json()["text"]["used"] == 0


def test_without_accounts_every_connected_one_is_meant_and_x_is_twitter(member):
    def providers(**body):
        response = member.post("/ai/repurpose", json={**ARTICLE, "carousel": False, **body}).json()
        return [each["provider"] for each in response["data"]["captions"]]

    assert len(providers()) == 11  # the twelfth has to be reconnected
    assert providers(platforms=["x", "bluesky"]) == ["twitter", "bluesky"]


def test_a_key_needs_the_ability_and_a_limited_one_its_accounts(connect, admin):
    def key(**more):
        body = {"name": "k", "abilities": ["read", "ai"], **more}
        return connect(admin.post("/api-keys", json=body).json()["data"]["token"])

    assert key(abilities=["read", "write"]).post("/ai/repurpose", json=ARTICLE).status_code == 403
    limited = key(account_ids=[1])
    assert limited.post("/ai/repurpose", json=ARTICLE).status_code == 403
    assert limited.post("/ai/repurpose", json={**ARTICLE, "account_ids": [1]}).status_code == 200


def test_the_limit_is_ten_a_minute(member):
    body = {**ARTICLE, "account_ids": [1], "carousel": False}
    statuses = [member.post("/ai/repurpose", json=body).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert "code" not in member.post("/ai/repurpose", json=body).json()
