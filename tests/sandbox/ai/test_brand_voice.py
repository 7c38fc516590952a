"""The brand voice."""

from __future__ import annotations

from tests.sandbox.bodies import publish_on_threads


def test_a_brand_voice_is_set_merged_learned_and_removed(sandbox, admin, connect):
    assert admin.get("/brand-voice").json() == {"data": None}
    voice = admin.put("/brand-voice", json={"business_name": "Northwind", "tone_playful": 5}).json()["data"]
    assert (voice["tone_playful"], voice["tone_formal"], voice["audience"]) == (5, 3, [])
    few = admin.post("/brand-voice/learn", json={})
    assert (few.status_code, few.json()["code"]) == (422, "not_enough_posts")
    publish_on_threads(admin, sandbox, "a", "b", "c")
    learned = admin.post("/brand-voice/learn", json={}).json()
    assert (learned["meta"]["applied"], learned["data"]["example_posts"]) == (False, ["c", "b", "a"])
    assert admin.get("/brand-voice").json()["data"] == voice
    key = {"name": "k", "abilities": ["read", "ai"]}
    reader = connect(admin.post("/api-keys", json=key).json()["data"]["token"])
    assert reader.post("/brand-voice/learn", json={}).status_code == 200
    assert reader.post("/brand-voice/learn", json={"apply": True}).status_code == 403
    admin.post("/brand-voice/learn", json={"apply": True})
    assert admin.get("/brand-voice").json()["data"]["business_name"] == "Northwind"
    assert admin.get("/brand-voice").json()["data"]["example_posts"] == ["c", "b", "a"]
    assert admin.delete("/brand-voice").json() == {"success": True}
    assert admin.get("/brand-voice").json() == {"data": None}
