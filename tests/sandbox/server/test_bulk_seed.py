"""Sample data in any amount."""

from __future__ import annotations

from collections import Counter

import pytest


def test_posts_are_spread_over_time_and_fates(sandbox, member):
    assert sandbox.seed(posts=100, media=4, tags=3) == {"posts": 100, "media": 4, "tags": 3, "workspaces": 0}
    posts = [*member.get("/posts", params={"limit": 100}).json()["data"]]
    assert Counter(each["status"] for each in posts) == {
        "published": 60,
        "scheduled": 20,
        "failed": 10,
        "draft": 10,
    }
    assert len({each["versions"][0]["content"][0]["body"] for each in posts}) == 100
    for each in posts:
        assert (each["published_at"] is not None) is (each["status"] == "published")
        (account,) = each["accounts"]
        assert (account["external_url"] is not None) is (each["status"] == "published")
        assert bool(account["errors"]) is (each["status"] == "failed")
    assert {each["tags"][0]["name"] for each in posts} >= {"Tag 1", "Tag 2", "Tag 3"}
    pictures = member.get("/media").json()["data"]
    assert len(pictures) == 4
    assert any(each["versions"][0]["content"][0]["media"] == [int(pictures[0]["id"])] for each in posts)
    healths = member.get("/account-health").json()["data"]
    assert "failing" not in {each["connection"]["status"] for each in healths}


def test_scheduled_posts_are_published(sandbox, member):
    sandbox.seed(posts=10)
    sandbox.advance(31 * 86400)
    assert {each["status"] for each in member.get("/posts").json()["data"]} == {
        "published",
        "failed",
        "draft",
    }


def test_it_goes_to_the_workspace_that_is_named(sandbox, connect):
    other = sandbox.workspaces[1]["uuid"]
    sandbox.seed(posts=5, workspace_uuid=other)
    assert [len(connect("member", n).get("/posts").json()["data"]) for n in (0, 1)] == [0, 5]


def test_workspaces_have_members_and_accounts(sandbox, connect):
    sandbox.seed(workspaces=3)
    listed = connect("member", None).get("/workspaces").json()["data"]
    assert len(listed) == 5
    new = next(each for each in listed if each["name"] == "Workspace 5")
    api = connect("member", None)
    assert len(api.get(f"/{new['uuid']}/accounts").json()["data"]) == 12


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"post": 1}, "workspace_uuid"),
        ({"posts": -1}, "posts"),
        ({"posts": "many"}, "posts"),
        ({"posts": 10**9}, "posts"),
        ({"workspace_uuid": "nope"}, "nope"),
    ],
)
def test_an_invalid_request_is_rejected(sandbox, wanted, word):
    with pytest.raises(ValueError, match=word):
        sandbox.seed(**wanted)


def test_over_http(sandbox, member):
    response = member.post(f"{sandbox.control_url}/seed", json={"posts": 3})
    assert response.json() == {"posts": 3, "media": 0, "tags": 0, "workspaces": 0}
    assert member.post(f"{sandbox.control_url}/seed", json=[]).status_code == 422
