from __future__ import annotations

import httpx
import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.rate_limit import Pace, RateLimit
from tests.api.support import WORKSPACE


def pauses(pace: RateLimit, *times: float) -> list[float]:
    return [pace.pause(now) for now in times]


def spent(limit: str = "60", remaining: str = "0") -> dict[str, str]:
    return {"x-ratelimit-limit": limit, "x-ratelimit-remaining": remaining}


def test_without_a_limit_nothing_is_delayed():
    assert pauses(RateLimit(), 5, 5, 5) == [0, 0, 0]


def test_requests_are_spaced_out_evenly():
    assert pauses(RateLimit(30), 100, 100, 100, 103) == [0, 2, 4, 3]


def test_time_that_nobody_used_is_not_saved_up():
    assert pauses(RateLimit(60), 0, 1000, 1000, 1000) == [0, 0, 1, 2]


def test_a_fraction_of_a_request_per_minute_is_a_limit_too():
    assert pauses(RateLimit(0.5), 0, 0) == [0, 120]


@pytest.mark.parametrize("limit", [0, -1, -0.5, float("nan")])
def test_a_limit_that_lets_nothing_through_is_refused(limit):
    with pytest.raises(PostBoostConfigError) as caught:
        RateLimit(limit)
    assert caught.value.field == "requests_per_minute"


def test_once_the_server_has_nothing_left_its_own_rate_is_kept():
    pace = RateLimit()
    pace.slow_down(spent())
    assert pauses(pace, 0, 0, 0) == [0, 1, 2]


@pytest.mark.parametrize("own, interval", [(30, 2), (600, 1)])
def test_the_slower_of_the_two_rates_is_kept(own, interval):
    pace = RateLimit(own)
    pace.slow_down(spent())
    assert pauses(pace, 0, 0) == [0, interval]


@pytest.mark.parametrize(
    "headers",
    [{}, spent(remaining="1"), spent(limit="0"), spent(limit="many"), {"x-ratelimit-remaining": "0"}],
)
def test_a_server_that_has_something_left_or_says_nothing_clear_changes_nothing(headers):
    pace = RateLimit()
    pace.slow_down(headers)
    assert pauses(pace, 0, 0) == [0, 0]


def test_the_name_of_version_0_1_0_still_works():
    assert Pace is RateLimit


def test_a_client_slows_down_to_the_rate_of_the_server(connect, postboost, clock):
    responses = [httpx.Response(200, json={}, headers=headers) for headers in (spent(), {}, {})]
    postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=responses)
    api = connect(pace=RateLimit())
    for _ in range(3):
        api.call("list_tags")
    assert clock.pauses == [0, 0, 1]
