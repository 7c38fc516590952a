"""Tags."""

from __future__ import annotations

import pytest

from tests.sandbox.bodies import post


def test_a_deleted_tag_is_removed_from_its_posts(member):
    tag = member.post("/tags", json={"name": "New", "hex_color": "#ABC"}).json()
    assert member.get("/tags").json()["data"][0] == tag
    uuid = member.post("/posts", json=post(tags=[tag["id"]])).json()["uuid"]
    url = f"/tags/{tag['uuid']}"
    assert member.put(url, json={"name": "Newer", "hex_color": "#aabbcc"}).json() == {"success": True}
    assert member.get(f"/posts/{uuid}").json()["tags"] == [{**tag, "name": "Newer", "hex_color": "#aabbcc"}]
    assert member.delete(url).json() == {"success": True}
    assert member.get(f"/posts/{uuid}").json()["tags"] == []
    assert member.get(url).status_code == 404


@pytest.mark.parametrize("color", ["abc", "#abcd", "red", "#ggg"])
def test_a_color_is_a_hash_and_hex_digits(member, color):
    response = member.post("/tags", json={"name": "x", "hex_color": color})
    assert list(response.json()["errors"]) == ["hex_color"]
