"""Captions from a blog post."""

from __future__ import annotations


def test_a_blog_post_becomes_captions_and_a_draft_on_request(member):
    body = {"title": "Roasting", "excerpt": "How we do it.", "account_ids": [1, 7]}
    response = member.post("/ai/blog-to-social", json=body).json()
    assert [each["content"] for each in response["data"]["captions"]] == ["Roasting: How we do it."] * 2
    assert "post_uuid" not in response["data"]
    more = {**body, "create_post": True, "image_url": "https://a.example/a.png"}
    response = member.post("/ai/blog-to-social", json=more).json()["data"]
    assert response["credits_used"] == 2
    post = member.get(f"/posts/{response['post_uuid']}").json()
    assert post["versions"][1]["content"][0]["media"] == [response["media"]["id"]]
    assert set(member.post("/ai/blog-to-social", json={"title": "A"}).json()["errors"]) == {"excerpt"}
