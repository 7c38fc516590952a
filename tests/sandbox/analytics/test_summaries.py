"""Analytics: the numbers of posts, accounts and the workspace agree."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from postboost_provider.sandbox.analytics.periods import presets
from tests.sandbox.bodies import post

METRICS = ("views", "likes", "comments", "shares")


@pytest.fixture
def days(sandbox, member, accounts):
    """Publish on three days, and return the parameters of their period."""
    sandbox.change(publish_seconds=0)
    mine = [accounts[name] for name in ("northwind", "threads", "northwind.bsky.social")]
    start = datetime.now(UTC).date()
    for number in range(3):
        for account in mine[: number + 1]:
            body = post(f"Number {number}", account, schedule_now=True, allow_duplicate=True)
            assert member.post("/posts", json=body).status_code == 201
        sandbox.advance(86400)
    member.post("/posts", json=post("A draft", *mine))
    return {"date_from": str(start), "date_to": str(start + timedelta(days=3))}


def test_posts_sum_up_to_accounts_and_accounts_to_the_summary(member, days):
    summary = member.get("/analytics", params=days).json()
    assert summary["period"]["start_date"] == days["date_from"]
    of_accounts = [
        response.json()["data"]
        for each in member.get("/accounts").json()["data"]
        for response in [member.get(f"/analytics/accounts/{each['uuid']}", params=days)]
    ]
    of_posts = [
        member.get(f"/posts/{each['uuid']}/analytics").json() for each in member.get("/posts").json()["data"]
    ]
    assert summary["data"]["total_posts"]["value"] == sum(each["posts"] for each in of_accounts) == 6
    assert summary["data"]["total_followers"] == sum(each["followers"] for each in of_accounts)
    for name in METRICS:
        totals = {
            summary["data"][f"total_{name}"]["value"],
            sum(each[name] for each in of_accounts),
            sum(each["summary"].get(name, 0) for each in of_posts),
            sum(entry[name] for each in of_posts for entry in each["accounts"]),
            sum(each[name] for each in summary["data"]["leaderboard"]),
        }
        assert len(totals) == 1, name
    assert summary["data"]["total_views"]["value"] > 0


def test_numbers_grow_for_five_days_and_stay(sandbox, member, days):
    def views():
        return member.get("/analytics", params=days).json()["data"]["total_views"]["value"]

    first = views()
    sandbox.advance(86400)
    second = views()
    sandbox.advance(10 * 86400)
    third = views()
    sandbox.advance(86400)
    assert 0 < first < second < third == views()


def test_a_period_is_compared_with_the_equally_long_one_before(member, days):
    later = {
        "date_from": days["date_to"],
        "date_to": str(date.fromisoformat(days["date_to"]) + timedelta(days=3)),
    }
    summary = member.get("/analytics", params=later).json()
    assert summary["period"] == {
        "start_date": later["date_from"],
        "end_date": later["date_to"],
        "previous_start_date": str(date.fromisoformat(days["date_from"]) - timedelta(days=1)),
        "previous_end_date": str(date.fromisoformat(days["date_to"]) - timedelta(days=1)),
    }
    assert summary["data"]["total_posts"] == {"value": 0, "previous": 6, "change": -6}


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({"date_from": "2026-10-01"}, {"date_to"}),
        ({"date_from": "2026-10-02", "date_to": "2026-10-01"}, {"date_to"}),
        ({"date_from": "2026-01-01", "date_to": "2027-01-03"}, {"date_to"}),
        ({"date_from": "1.10.2026", "date_to": "2026-10-01"}, {"date_from"}),
        ({"period": "for_ever"}, {"period"}),
    ],
)
def test_an_invalid_period_is_rejected(member, params, fields):
    response = member.get("/analytics", params=params)
    assert (response.status_code, set(response.json()["errors"])) == (422, fields)


def test_presets_end_where_the_next_one_begins():
    known = presets(date(2026, 3, 4))
    assert known["this_week"] == (date(2026, 3, 2), date(2026, 3, 4))
    assert known["last_week"] == (date(2026, 2, 23), date(2026, 3, 1))
    assert known["last_month"] == (date(2026, 2, 1), date(2026, 2, 28))
    assert known["last_3_months"] == (date(2025, 12, 1), date(2026, 2, 28))
    assert known["this_year"] == (date(2026, 1, 1), date(2026, 3, 4))


def test_the_tab_of_posts_is_paged_and_sorted(member, days, accounts):
    url = f"/analytics/accounts/{accounts['northwind']['uuid']}"
    params = {**days, "type": "posts", "per_page": 2, "sort_by": "views"}
    first = member.get(url, params=params).json()
    assert (first["type"], first["tabs"]) == ("posts", ["overview", "posts"])
    second = member.get(url, params={**params, "page": 2}).json()
    views = [each["views"] for page in (first, second) for each in page["data"]["items"]]
    assert (len(views), views) == (3, sorted(views, reverse=True))
    assert second["data"]["meta"] == {"current_page": 2, "last_page": 2, "per_page": 2, "total": 3}
    assert member.get(url, params={**days, "type": "stories"}).json()["errors"].keys() == {"type"}


def test_a_network_without_analytics_is_a_422(connect):
    member = connect("member", 1)
    (telegram,) = member.get("/accounts", params={"providers[]": "telegram"}).json()["data"]
    response = member.get(f"/analytics/accounts/{telegram['uuid']}")
    assert (response.status_code, list(response.json()["errors"])) == (422, ["account"])


def test_a_post_that_is_not_out_has_nothing_and_one_in_the_trash_keeps_its_numbers(member, days):
    posts = member.get("/posts").json()["data"]
    (draft,) = [each for each in posts if each["status"] == "draft"]
    empty = {"summary": {}, "winner": None, "accounts": []}
    assert member.get(f"/posts/{draft['uuid']}/analytics").json() == empty
    live = next(each for each in posts if each["status"] == "published")
    before = member.get(f"/posts/{live['uuid']}/analytics").json()
    member.request("DELETE", f"/posts/{live['uuid']}", json={"trash": True})
    assert member.get(f"/posts/{live['uuid']}/analytics").json() == before


def test_the_best_times_are_those_of_published_posts(member, days, accounts):
    times = member.get("/analytics/posting-times", params={"timezone": "UTC"}).json()
    assert (times["has_data"], times["samples"], times["accounts"]) == (True, 6, 3)
    assert times["best"][0]["score"] == 100
    assert len({each["day"] for each in times["best"]}) == len(times["best"]) == 3
    assert sum(each["samples"] for each in times["days"]) == 6
    assert sum(each["samples"] for day in times["day_intervals"] for each in day) == 6
    uuids = [accounts[name]["uuid"] for name in ("northwind", "northwindvideo")]
    best = member.get("/analytics/best-times", params={"accounts[]": uuids, "timezone": "UTC"}).json()
    (one,) = best["times"]
    assert one["account_uuid"] == accounts["northwind"]["uuid"]
    assert member.get("/analytics/best-times", params={"accounts[]": "nobody"}).status_code == 422


def test_without_anything_published_there_are_no_best_times(member):
    times = member.get("/analytics/posting-times").json()
    assert (times["has_data"], times["timezone"], times["best"]) == (False, "Europe/Berlin", [])
    assert member.get("/analytics/best-times").json()["times"] == []
