"""AI: repurpose runs, at once and in the queue, the smaller operations, and what they cost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sandbox.bodies import PNG

TEXT = "Coffee is roasted in drums of steel, in small batches, every morning but Sunday. " * 3
ARTICLE = {"source_type": "url", "url": "https://northwind.example/blog/how-we-roast.html"}
ACCOUNTS = {"account_ids": [1, 3, 9]}  # twitter, instagram, youtube


def usage(client):
    return client.get("/usage/ai").json()


def repurpose(client, status=200, headers=None, **body):
    answer = client.post("/ai/repurpose", json={**ARTICLE, **ACCOUNTS, **body}, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def run_of(client, accepted):
    return client.get(f"/ai/repurpose/runs/{accepted['data']['run_id']}").json()["data"]


def test_a_short_run_is_answered_with_its_result(member):
    answer = repurpose(member)
    result = answer["data"]
    assert answer["meta"] == {"brand_voice_applied": False}
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
    assert (usage(member)["text"]["used"], usage(member)["image"]["used"]) == (4, 1)


def test_a_run_that_is_queued_comes_to_its_end_by_the_clock(sandbox, member):
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
    answer = repurpose(member, 500)
    assert set(answer) == {"message", "run_id"}
    assert member.get(f"/ai/repurpose/runs/{answer['run_id']}").json()["data"]["status"] == "failed"


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
def test_what_cannot_be_repurposed_is_refused(member, body, fields):
    answer = member.post("/ai/repurpose", json=body)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, fields)
    assert usage(member)["text"]["used"] == 0


def test_without_accounts_every_connected_one_is_meant_and_x_is_twitter(member):
    def providers(**body):
        answer = member.post("/ai/repurpose", json={**ARTICLE, "carousel": False, **body}).json()
        return [each["provider"] for each in answer["data"]["captions"]]

    assert len(providers()) == 11  # the twelfth has to be reconnected
    assert providers(platforms=["x", "bluesky"]) == ["twitter", "bluesky"]


def test_credits_are_checked_before_anything_is_queued(sandbox, member):
    sandbox.change(ai_text_credits=3)
    answer = member.post("/ai/repurpose", json={**ARTICLE, **ACCOUNTS})
    assert (answer.status_code, answer.json()["code"]) == (429, "ai_credits_exhausted")
    assert answer.json()["message"].startswith("Insufficient AI credits. You need 4 credits but only have 3")
    assert repurpose(member, carousel=False)["data"]["credits_remaining"] == 0
    assert usage(member)["text"]["remaining"] == 0
    sandbox.change(ai_text_credits=100, ai_image_credits=0)
    answer = member.post("/ai/repurpose", json={**ARTICLE, **ACCOUNTS})
    assert (answer.status_code, answer.json()["code"]) == (429, "image_credits_exhausted")


def test_text_credits_come_back_with_the_cycle_and_image_credits_with_the_month(sandbox, member):
    repurpose(member)
    before = usage(member)
    sandbox.advance(31 * 86400)
    after = usage(member)
    assert (after["text"]["used"], after["image"]["used"]) == (0, 0)
    assert after["text"]["cycle_started_at"] > before["text"]["cycle_started_at"]
    assert after["image"]["period_start"] > before["image"]["period_end"]
    assert datetime.fromisoformat(before["image"]["period_end"]) > datetime.now(UTC)


def test_without_limits_nothing_is_counted_down(sandbox, member):
    sandbox.change(ai_unlimited=True)
    assert repurpose(member)["data"]["credits_remaining"] is None
    text = usage(member)["text"]
    assert (text["used"], text["limit"], text["remaining"]) == (None, None, None)


def test_a_blog_post_becomes_captions_and_a_draft_where_one_is_wanted(member):
    body = {"title": "Roasting", "excerpt": "How we do it.", "account_ids": [1, 7]}
    answer = member.post("/ai/blog-to-social", json=body).json()
    assert [each["content"] for each in answer["data"]["captions"]] == ["Roasting: How we do it."] * 2
    assert "post_uuid" not in answer["data"]
    more = {**body, "create_post": True, "image_url": "https://a.example/a.png"}
    answer = member.post("/ai/blog-to-social", json=more).json()["data"]
    assert answer["credits_used"] == 2
    post = member.get(f"/posts/{answer['post_uuid']}").json()
    assert post["versions"][1]["content"][0]["media"] == [answer["media"]["id"]]
    assert set(member.post("/ai/blog-to-social", json={"title": "A"}).json()["errors"]) == {"excerpt"}


def test_pictures_are_drawn_into_the_library(sandbox, member):
    drawn = member.post("/ai/image-generate", json={"prompt": "A cup", "count": 2, "aspect_ratio": "16:9"})
    data = drawn.json()["data"]
    assert (data["image_credits_used"], data["credits_used"], data["prompt_used"]) == (2, 0, "A cup")
    assert [(each["width"], each["height"]) for each in data["images"]] == [(1536, 864)] * 2
    assert len(member.get("/media").json()["data"]) == 2
    uuid = data["images"][0]["uuid"]
    edited = member.post("/ai/image-edit", json={"media_uuid": uuid, "prompt": "Bluer"}).json()["data"]
    assert edited["prompt_used"] == "Bluer"
    varied = member.post("/ai/image-variations", json={"media_uuid": uuid, "count": 4}).json()["data"]
    assert (len(varied["images"]), varied["image_credits_remaining"]) == (4, 43)
    sandbox.change(ai_image_pool=False)
    drawn = member.post("/ai/image-generate", json={"prompt": "A cup"}).json()["data"]
    assert (drawn["image_credits_used"], drawn["credits_used"]) == (0, 5)
    sandbox.change(ai_image_pool=True, ai_image_credits=7)
    refused = member.post("/ai/image-generate", json={"prompt": "A cup"})
    assert (refused.status_code, refused.json()["code"]) == (429, "image_credits_exhausted")


def test_a_caption_needs_its_network_and_wins_over_a_prompt(member):
    both = {"caption": "Good morning", "platform": "instagram", "prompt": "A cup"}
    answer = member.post("/ai/image-generate", json=both).json()["data"]
    prompt = member.post("/ai/image-prompt", json={"caption": "Good morning", "platform": "instagram"}).json()
    assert answer["prompt_used"] == prompt["data"]["prompt"] != "A cup"
    missing = member.post("/ai/image-generate", json={"caption": "Good morning"})
    assert set(missing.json()["errors"]) == {"platform"}
    assert set(member.post("/ai/image-generate", json={}).json()["errors"]) == {"caption"}


def test_an_alt_text_is_saved_with_its_picture(member):
    uuid = member.post("/media", files={"file": ("cup.png", PNG)}).json()["uuid"]
    answer = member.post("/ai/image-alt-text", json={"media_uuid": uuid}).json()["data"]
    assert member.get(f"/media/{uuid}").json()["alt_text"] == answer["alt_text"]
    assert set(member.post("/ai/image-alt-text", json={"media_uuid": "x"}).json()["errors"]) == {"media_uuid"}


def test_a_brand_voice_is_applied_unless_it_is_not_wanted(member):
    member.put("/brand-voice", json={"mission": "Good coffee"})
    assert repurpose(member)["meta"] == {"brand_voice_applied": True}
    assert repurpose(member, use_brand_voice=False)["meta"] == {"brand_voice_applied": False}


def test_a_key_needs_the_ability_and_a_limited_one_its_accounts(connect, admin):
    def key(**more):
        body = {"name": "k", "abilities": ["read", "ai"], **more}
        return connect(admin.post("/api-keys", json=body).json()["data"]["token"])

    assert key(abilities=["read", "write"]).post("/ai/repurpose", json=ARTICLE).status_code == 403
    limited = key(account_ids=[1])
    assert limited.post("/ai/repurpose", json=ARTICLE).status_code == 403
    assert limited.post("/ai/repurpose", json={**ARTICLE, "account_ids": [1]}).status_code == 200


def test_ten_a_minute(member):
    body = {**ARTICLE, "account_ids": [1], "carousel": False}
    statuses = [member.post("/ai/repurpose", json=body).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert "code" not in member.post("/ai/repurpose", json=body).json()
