"""Templates."""

from __future__ import annotations


def test_a_template_shows_its_media_as_the_library_does(member):
    png = {"file": ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")}
    media = member.post("/media", files=png).json()
    body = {"name": "T", "content": [{"body": "Hi", "media": [int(media["id"])]}]}
    template = member.post("/templates", json=body).json()["data"]
    assert template["content"] == [{"body": "Hi", "media": [media]}]
    wrong = member.post("/templates", json={"name": "T", "content": [{"media": [99]}]})
    assert list(wrong.json()["errors"]) == ["content.0.media"]
