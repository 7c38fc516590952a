"""Duplicates, caps, slots and pages are found by indexes, which follow every change of a post."""

from __future__ import annotations

import time

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.remote_files import PNG
from tests.sandbox.bodies import post
from tests.sandbox.server.test_saved_state import workspace

AT = {"schedule": True, "date": "2099-01-01", "time": "10:00", "timezone": "UTC"}


def create(client, body):
    response = client.post("/posts", json=body)
    return response.json()["uuid"] if response.status_code == 201 else response.json()["code"]


def test_a_duplicate_follows_edits_and_deletions(member, accounts):
    threads = accounts["threads"]
    first = create(member, post("one", threads))
    assert create(member, post("one", threads)) == "duplicate_post"
    member.put(f"/posts/{first}", json=post("two", threads))
    assert create(member, post("two", threads)) == "duplicate_post"
    second = create(member, post("one", threads))
    assert second != "duplicate_post"
    member.put(f"/posts/{second}", json=post("one", accounts["northwind.bsky.social"]))
    assert create(member, post("one", accounts["northwind.bsky.social"])) == "duplicate_post"
    member.delete(f"/posts/{first}")
    assert create(member, post("two", threads)) != "duplicate_post"


def test_a_duplicate_follows_deleted_media(member, accounts):
    item = member.post("/media", files={"file": ("a.png", PNG)}).json()
    create(member, post("one", accounts["threads"], media=[int(item["id"])]))
    assert create(member, post("one", accounts["threads"])) != "duplicate_post"
    other = post("two", accounts["threads"], media=[int(item["id"])])
    create(member, other)
    member.request("DELETE", "/media", json={"items": [item["uuid"]]})
    assert create(member, post("two", accounts["threads"])) == "duplicate_post"


def test_the_cap_follows_a_post_to_another_day(sandbox, member, accounts):
    sandbox.change(daily_cap=1)
    uuid = create(member, post("one", accounts["threads"], **AT))
    assert create(member, post("two", accounts["threads"], **AT)) == "account_daily_cap_reached"
    moved = post("one", accounts["threads"], **{**AT, "date": "2099-01-02"})
    assert member.put(f"/posts/{uuid}", json=moved).status_code == 200
    assert create(member, post("two", accounts["threads"], **AT)) != "account_daily_cap_reached"
    late = {**AT, "date": "2099-01-02"}
    assert create(member, post("three", accounts["threads"], **late)) == "account_daily_cap_reached"
    member.delete(f"/posts/{uuid}")
    assert create(member, post("three", accounts["threads"], **late)) != "account_daily_cap_reached"


def test_indexes_are_in_the_state_file(tmp_path):
    state = tmp_path / "state"
    body = {**post("one"), "accounts": [1], **AT}
    with Sandbox(state=state, daily_cap=1) as first, workspace(first) as api:
        create(api, body)
    with Sandbox(state=state, daily_cap=1) as again, workspace(again) as api:
        assert create(api, body) == "duplicate_post"
        assert create(api, {**body, **post("two"), "accounts": [1]}) == "account_daily_cap_reached"
        assert len(api.get("/posts").json()["data"]) == 1


def test_posts_that_publish_follow_a_change_of_the_duration(sandbox, member, accounts):
    sandbox.change(publish_seconds=1000)
    uuid = create(member, post("one", accounts["threads"], schedule_now=True))
    assert member.get(f"/posts/{uuid}").json()["status"] == "publishing"
    sandbox.change(publish_seconds=0)
    assert member.get(f"/posts/{uuid}").json()["status"] == "published"


def test_the_newest_post_is_first_also_among_seeded_ones(sandbox, member):
    uuid = create(member, post("newest"))
    sandbox.seed(posts=300)
    listed = member.get("/posts?limit=100").json()["data"]
    assert listed[0]["uuid"] == uuid
    ages = [each["created_at"] for each in listed]
    assert ages == sorted(ages, reverse=True)


@pytest.mark.parametrize(
    "page, labels",
    [
        (1, [*range(1, 11), "...", 19, 20]),
        (7, [*range(1, 11), "...", 19, 20]),
        (8, [1, 2, "...", *range(5, 12), "...", 19, 20]),
        (14, [1, 2, "...", *range(11, 21)]),
        (20, [1, 2, "...", *range(11, 21)]),
    ],
)
def test_a_long_list_links_some_pages_as_laravel_does(sandbox, member, page, labels):
    sandbox.seed(posts=100)
    links = member.get("/posts", params={"limit": 5, "page": page}).json()["meta"]["links"][1:-1]
    assert [link["label"] for link in links] == [str(each) for each in labels]
    assert all((link["url"] is None) == (link["label"] == "...") for link in links)
    assert [link["label"] for link in links if link["active"]] == [str(page)]


def test_creating_takes_no_longer_with_many_posts(sandbox, member, accounts):
    """The fastest of several requests with 20,000 posts takes less than three times as long as with none."""

    def fastest():
        took = []
        for _ in range(15):
            started = time.perf_counter()
            body = post(str(time.time_ns()), accounts["threads"], allow_duplicate=False, **AT)
            assert member.post("/posts", json=body).status_code == 201
            took.append(time.perf_counter() - started)
        return min(took)

    sandbox.change(daily_cap=1000)
    alone = fastest()
    sandbox.seed(posts=20_000)
    assert fastest() < 3 * alone
