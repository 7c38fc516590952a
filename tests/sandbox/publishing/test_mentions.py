"""Mentions."""

from __future__ import annotations

ANN = {"name": "Ann", "identities": [{"provider": "x", "handle": "@ann"}]}


def test_a_mention_with_a_known_identity_is_added_to(member):
    first = member.post("/mentions", json=ANN)
    assert (first.status_code, first.json()["data"]["reference"]) == (201, 1)
    identities = [{"provider": "x", "handle": "Ann"}, {"provider": "threads", "handle": "ann"}]
    again = member.post("/mentions", json={"name": "Other", "identities": identities})
    assert again.status_code == 200
    assert again.json()["data"]["id"] == first.json()["data"]["id"]
    assert [each["provider"] for each in again.json()["data"]["identities"]] == ["x", "threads"]
    second = member.post("/mentions", json={"name": "Joann"}).json()["data"]
    stolen = member.put(f"/mentions/{second['id']}", json={"name": "Joann", "identities": identities})
    assert list(stolen.json()["errors"]) == ["identities"]
    assert [each["name"] for each in member.get("/mentions", params={"q": "ann"}).json()["data"]] == [
        "Ann",
        "Joann",
    ]
    assert member.delete("/mentions/nothing").json() == {"success": False}
