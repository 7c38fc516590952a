"""Competitors."""

from __future__ import annotations


def test_a_competitors_numbers_follow_after_the_response(member, accounts):
    instagram = accounts["northwind.coffee"]["id"]
    body = {"account_id": instagram, "username": "@rival"}
    added = member.post("/competitors", json=body)
    assert (added.status_code, added.json()["status"]) == (202, "importing")
    assert added.json()["data"]["followers_count"] is None
    key = added.json()["data"]["id"]
    detail = member.get(f"/competitors/{key}").json()["data"]
    assert (len(detail["snapshots"]), len(detail["recent_media"])) == (90, 12)
    assert detail["followers_count"] > 0
    again = member.post("/competitors", json=body)
    assert (again.status_code, again.json()["competitor_id"]) == (409, key)
    other = member.post("/competitors", json={"account_id": accounts["threads"]["id"], "username": "x"})
    assert list(other.json()["errors"]) == ["account_id"]
    member.post("/competitors", json={"account_id": instagram, "username": "second"})
    counts = [each["followers_count"] for each in member.get("/competitors").json()["data"]]
    assert counts == sorted(counts, reverse=True)
    assert member.delete(f"/competitors/{key}").status_code == 204
