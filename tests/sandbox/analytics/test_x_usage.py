"""The use of X posts."""

from __future__ import annotations

from tests.sandbox.bodies import post


def test_x_posts_are_counted_and_limited_only_where_that_is_enforced(sandbox, member, accounts):
    body = {**post("See https://a.example"), "accounts": [accounts["northwind"]["id"]], "schedule_now": True}
    member.post("/posts", json=body)
    usage = member.get("/usage/x").json()
    assert (usage["enforced"], usage["posts"], usage["link_posts"]["used"]) == (
        False,
        {"used": 1, "limit": None},
        1,
    )
    sandbox.change(x_enforced=True)
    assert member.get("/usage/x").json()["posts"] == {"used": 1, "limit": 500}
