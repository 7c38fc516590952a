"""AI images."""

from __future__ import annotations

from tests.remote_files import PNG
from tests.sandbox.bodies import repurpose


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
    response = member.post("/ai/image-generate", json=both).json()["data"]
    prompt = member.post("/ai/image-prompt", json={"caption": "Good morning", "platform": "instagram"}).json()
    assert response["prompt_used"] == prompt["data"]["prompt"] != "A cup"
    missing = member.post("/ai/image-generate", json={"caption": "Good morning"})
    assert set(missing.json()["errors"]) == {"platform"}
    assert set(member.post("/ai/image-generate", json={}).json()["errors"]) == {"caption"}


def test_an_alt_text_is_saved_with_its_picture(member):
    uuid = member.post("/media", files={"file": ("cup.png", PNG)}).json()["uuid"]
    response = member.post("/ai/image-alt-text", json={"media_uuid": uuid}).json()["data"]
    assert member.get(f"/media/{uuid}").json()["alt_text"] == response["alt_text"]
    assert set(member.post("/ai/image-alt-text", json={"media_uuid": "x"}).json()["errors"]) == {"media_uuid"}


def test_a_brand_voice_is_applied_unless_switched_off(member):
    member.put("/brand-voice", json={"mission": "Good coffee"})
    assert repurpose(member)["meta"] == {"brand_voice_applied": True}
    assert repurpose(member, use_brand_voice=False)["meta"] == {"brand_voice_applied": False}
