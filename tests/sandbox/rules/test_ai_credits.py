"""AI credits."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.sandbox.bodies import ACCOUNTS, ARTICLE, repurpose


def test_credits_are_checked_before_anything_is_queued(sandbox, member):
    sandbox.change(ai_text_credits=3)
    response = member.post("/ai/repurpose", json={**ARTICLE, **ACCOUNTS})
    assert (response.status_code, response.json()["code"]) == (429, "ai_credits_exhausted")
    assert repurpose(member, carousel=False)["data"]["credits_remaining"] == 0
    assert member.get("/usage/ai").json()["text"]["remaining"] == 0
    sandbox.change(ai_text_credits=100, ai_image_credits=0)
    response = member.post("/ai/repurpose", json={**ARTICLE, **ACCOUNTS})
    assert (response.status_code, response.json()["code"]) == (429, "image_credits_exhausted")


def test_text_credits_come_back_with_the_cycle_and_image_credits_with_the_month(sandbox, member):
    repurpose(member)
    before = member.get("/usage/ai").json()
    sandbox.advance(31 * 86400)
    after = member.get("/usage/ai").json()
    assert (after["text"]["used"], after["image"]["used"]) == (0, 0)
    assert after["text"]["cycle_started_at"] > before["text"]["cycle_started_at"]
    assert after["image"]["period_start"] > before["image"]["period_end"]
    assert datetime.fromisoformat(before["image"]["period_end"]) > datetime.now(UTC)


def test_without_limits_nothing_is_counted_down(sandbox, member):
    sandbox.change(ai_unlimited=True)
    assert repurpose(member)["data"]["credits_remaining"] is None
    text = member.get("/usage/ai").json()["text"]
    assert (text["used"], text["limit"], text["remaining"]) == (None, None, None)
