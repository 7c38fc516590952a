"""The retry loop as it runs: what is sent again, when it ends, and with which error."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext

import httpx
import pytest

from postboost_provider.api.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnreachableError,
)
from postboost_provider.api.rate_limit import RateLimit
from tests.api.support import BASE, BODIES, TOKEN, WORKSPACE, settings

OK = httpx.Response(200, json={"data": []})
CREATED = httpx.Response(201, json={"uuid": "p1"})
NO_RESPONSE = [
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
]
UNSENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]


def test_a_response_is_returned_as_it_is(connect, postboost):
    postboost.get(f"/{WORKSPACE}/tags").respond(json={"data": [{"id": 1}]})
    assert connect().call("list_tags") == {"data": [{"id": 1}]}


def test_a_stored_response_is_distinguished_from_a_new_one(connect, postboost):
    postboost.post(f"/{WORKSPACE}/posts").respond(
        201, json={"uuid": "p1"}, headers={"Idempotent-Replayed": "true"}
    )
    response = connect().send("create_post", **BODIES["create_post"], idempotency_key="k")
    assert (response.payload, response.status, response.replayed) == ({"uuid": "p1"}, 201, True)


def test_a_wrong_call_sends_nothing(connect, postboost):
    with pytest.raises(PostBoostConfigError):
        connect().call("create_post")
    assert postboost.calls.call_count == 0


@pytest.mark.parametrize("first", [httpx.Response(500), httpx.Response(503), *NO_RESPONSE])
def test_a_read_is_retried_after_a_failure(connect, postboost, clock, first):
    route = postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=[first, OK])
    assert connect().call("list_tags") == {"data": []}
    assert (route.call_count, clock.pauses) == (2, [0.5])


@pytest.mark.parametrize("first", [httpx.Response(500), httpx.ReadTimeout])
def test_a_write_with_a_key_is_retried_with_the_same_bytes_and_headers(connect, postboost, first):
    route = postboost.post(f"/{WORKSPACE}/posts").mock(side_effect=[first, CREATED])
    connect().call("create_post", body={"versions": [], "tags": [1]}, idempotency_key="k")
    one, two = (call.request for call in route.calls)
    assert one.content == two.content == b'{"versions":[],"tags":[1]}'
    assert one.headers == two.headers
    assert one.headers["Idempotency-Key"] == "k"


@pytest.mark.parametrize("failure", NO_RESPONSE)
def test_a_write_without_a_key_and_without_a_response_is_unconfirmed_and_sent_once(
    connect, postboost, failure
):
    route = postboost.post(f"/{WORKSPACE}/posts").mock(side_effect=failure("gone"))
    with pytest.raises(UnconfirmedError, match=failure.__name__) as caught:
        connect().call("create_post", **BODIES["create_post"])
    assert str(caught.value).startswith(f"{caught.value.cause}. ")
    assert route.call_count == 1


def test_a_write_without_a_key_is_sent_once_to_a_failing_server(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/posts").respond(500)
    with pytest.raises(ServerError):
        connect().call("create_post", **BODIES["create_post"])
    assert route.call_count == 1


@pytest.mark.parametrize("failure", UNSENT)
def test_a_write_that_was_never_sent_is_retried_even_without_a_key(connect, postboost, failure):
    route = postboost.post(f"/{WORKSPACE}/posts").mock(side_effect=[failure, CREATED])
    assert connect().call("create_post", **BODIES["create_post"]) == {"uuid": "p1"}
    assert route.call_count == 2


@pytest.mark.parametrize("failure", UNSENT)
@pytest.mark.parametrize("operation", ["create_post", "list_tags"])
def test_an_error_says_that_nothing_was_sent_and_what_to_check(connect, postboost, failure, operation):
    postboost.route().mock(side_effect=failure("no route"))
    with pytest.raises(UnreachableError) as caught:
        connect({"name": "connection 'mine'"}, attempts=2).call(operation, **BODIES[operation])
    assert caught.value.code == "not_sent"
    for part in (operation, BASE, failure.__name__, "no route", "'mine'"):
        assert part in str(caught.value)


@pytest.mark.parametrize("failure", NO_RESPONSE)
def test_a_read_without_a_response_is_unreachable(connect, postboost, failure):
    postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=failure)
    with pytest.raises(UnreachableError) as caught:
        connect(attempts=2).call("list_tags")
    assert caught.value.code == "no_response"


def test_a_read_that_works_once_is_not_sent_again_after_a_lost_response(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/media/remote/d/status").mock(side_effect=httpx.ReadTimeout)
    with pytest.raises(UnconfirmedError) as caught:
        connect().call("get_remote_upload_status", parameters={"download_id": "d"})
    assert caught.value.code == "no_response"
    assert route.call_count == 1


def test_a_write_whose_response_was_lost_stays_unconfirmed_when_nothing_can_be_sent_any_more(
    connect, postboost
):
    failures = [httpx.ReadTimeout, httpx.ConnectError, httpx.ConnectError]
    postboost.post(f"/{WORKSPACE}/posts").mock(side_effect=failures)
    with pytest.raises(UnconfirmedError):
        connect(attempts=3).call("create_post", **BODIES["create_post"], idempotency_key="k")


def test_a_response_that_breaks_off_is_not_a_response(connect, postboost):
    def part() -> Iterator[bytes]:
        yield b'{"uuid"'
        raise httpx.ReadError("broke off")

    postboost.post(f"/{WORKSPACE}/posts").mock(return_value=httpx.Response(201, content=part()))
    with pytest.raises(UnconfirmedError) as caught:
        connect().call("create_post", **BODIES["create_post"])
    assert caught.value.code == "no_response"


def test_the_client_waits_as_long_as_the_server_asks(connect, postboost, clock):
    limited = httpx.Response(429, headers={"Retry-After": "12"})
    postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=[limited, httpx.Response(500), OK])
    connect().call("list_tags")
    assert clock.pauses == [12.5, 1.0]


@pytest.mark.parametrize("key, sent", [("k", 2), (None, 1)])
def test_a_throttled_write_is_sent_again_with_its_key_only(connect, postboost, key, sent):
    """A gateway in front of PostBoost may say so after PostBoost has done it."""
    route = postboost.post(f"/{WORKSPACE}/posts").mock(side_effect=[httpx.Response(429), CREATED])
    with nullcontext() if key else pytest.raises(RateLimitedError):
        connect().call("create_post", **BODIES["create_post"], idempotency_key=key)
    assert route.call_count == sent


def test_a_used_up_quota_is_final_however_short_its_hint(connect, postboost, clock):
    route = postboost.post(f"/{WORKSPACE}/posts").respond(
        429, json={"code": "account_daily_cap_reached"}, headers={"Retry-After": "1"}
    )
    with pytest.raises(QuotaExceededError):
        connect().call("create_post", **BODIES["create_post"], idempotency_key="k")
    assert (route.call_count, clock.pauses) == (1, [])


def test_a_request_in_progress_is_sent_again_with_its_key(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/posts").mock(side_effect=[httpx.Response(409), CREATED])
    assert connect().call("create_post", **BODIES["create_post"], idempotency_key="k") == {"uuid": "p1"}
    assert route.call_count == 2


def test_a_key_that_stays_in_use_is_not_sent_many_times(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/posts").respond(409)
    with pytest.raises(ConflictError):
        connect().call("create_post", **BODIES["create_post"], idempotency_key="k")
    assert route.call_count == 4


def test_a_conflict_without_a_key_is_final(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/posts").respond(409)
    with pytest.raises(ConflictError):
        connect().call("create_post", **BODIES["create_post"])
    assert route.call_count == 1


def test_one_attempt_means_no_retry(connect, postboost, clock):
    route = postboost.get(f"/{WORKSPACE}/tags").respond(500)
    with pytest.raises(ServerError):
        connect(attempts=1).call("list_tags")
    assert (route.call_count, clock.pauses) == (1, [])


def test_the_attempts_bound_the_sends_and_the_last_error_is_raised(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/tags").mock(
        side_effect=[httpx.ReadTimeout, httpx.Response(429), httpx.Response(502)]
    )
    with pytest.raises(ServerError) as caught:
        connect(attempts=3).call("list_tags")
    assert caught.value.status == 502
    assert route.call_count == 3


def test_the_deadline_bounds_the_whole_call(connect, postboost, clock):
    route = postboost.get(f"/{WORKSPACE}/tags").respond(500)
    with pytest.raises(ServerError):
        connect(attempts=1000, deadline_seconds=60).call("list_tags")
    assert 30 < sum(clock.pauses) < 60
    assert route.call_count == len(clock.pauses) + 1


def test_a_pause_longer_than_the_deadline_ends_the_call_at_once(connect, postboost, clock):
    postboost.get(f"/{WORKSPACE}/tags").respond(429, headers={"Retry-After": "301"})
    with pytest.raises(RateLimitedError) as caught:
        connect(deadline_seconds=300).call("list_tags")
    assert caught.value.retry_after == 301
    assert clock.pauses == []


def test_a_response_that_trickles_is_given_up_at_the_deadline(connect, postboost, clock):
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            clock.now += 1
            yield b" "

    postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=lambda _: httpx.Response(200, content=trickle()))
    with pytest.raises(UnreachableError, match="deadline"):
        connect(deadline_seconds=10, attempts=1).call("list_tags")
    assert clock.now < 1012


def test_a_retry_is_logged_with_its_cause_and_without_the_token(connect, postboost, caplog):
    failed = httpx.Response(500, json={"message": f"Out of order for {TOKEN}"})
    postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=[failed, OK])
    with caplog.at_level(logging.WARNING):
        connect().call("list_tags")
    assert len(caplog.messages) == 1
    assert "Out of order for ***" in caplog.text
    assert "retrying in 0.5 s" in caplog.text


def tokens(route) -> list[str]:
    return [call.request.headers["Authorization"] for call in route.calls]


def test_a_replaced_token_is_used_at_once_and_from_then_on(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=[httpx.Response(401), OK, OK])
    api = connect(refresh=lambda: settings(token="43|another"))
    api.call("list_tags")
    api.call("list_tags")
    assert tokens(route) == [f"Bearer {TOKEN}", "Bearer 43|another", "Bearer 43|another"]


def test_a_write_without_a_key_is_sent_again_with_a_replaced_token(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/posts").mock(side_effect=[httpx.Response(401), CREATED])
    assert connect(refresh=lambda: settings(token="43|another")).call("create_post", **BODIES["create_post"])
    assert route.call_count == 2


def test_a_replaced_token_that_is_rejected_too_is_final(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/tags").respond(401)
    read = []

    def refresh():
        read.append(len(read))
        return settings(token=f"43|another{len(read)}")

    with pytest.raises(AuthenticationError):
        connect(refresh=refresh).call("list_tags")
    assert (route.call_count, len(read)) == (2, 1)


@pytest.mark.parametrize(
    "fresh",
    [
        {},
        {"token": "43|another", "base_url": "https://other.example.test/app/api"},
        {"token": "43|another", "base_url": BASE.replace("https://", "https://other.")},
        {"token": "43|another", "base_url": f"{BASE}/v2"},
    ],
)
def test_nothing_is_sent_again_without_a_new_token_for_the_same_place(connect, postboost, fresh):
    route = postboost.get(f"/{WORKSPACE}/tags").respond(401)
    with pytest.raises(AuthenticationError):
        connect(refresh=lambda: settings(**fresh)).call("list_tags")
    assert tokens(route) == [f"Bearer {TOKEN}"]


def test_a_401_is_final_where_the_connection_cannot_be_read_again(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/tags").respond(401)
    with pytest.raises(AuthenticationError):
        connect().call("list_tags")
    assert route.call_count == 1


def test_a_token_that_was_accepted_before_was_revoked_and_is_not_mistyped(connect, postboost):
    postboost.get(f"/{WORKSPACE}/tags").mock(
        side_effect=[httpx.Response(403, json={"message": "No."}), httpx.Response(401)]
    )
    api = connect()
    with pytest.raises(PermissionDeniedError):
        api.call("list_tags")
    with pytest.raises(AuthenticationError, match="earlier"):
        api.call("list_tags")


def test_a_token_that_another_thread_already_uses_counts_as_replaced(connect, postboost):
    another = settings(token="43|another")
    route = postboost.get(f"/{WORKSPACE}/tags")
    api = connect(refresh=lambda: another)

    def refuse(request):
        api.settings = another
        route.mock(return_value=OK)
        return httpx.Response(401)

    route.mock(side_effect=refuse)
    api.call("list_tags")
    assert tokens(route) == [f"Bearer {TOKEN}", "Bearer 43|another"]


@pytest.mark.parametrize("status, kind", [(404, NotFoundError), (403, PostBoostError)])
def test_the_connection_is_read_again_only_for_a_401(connect, postboost, status, kind):
    postboost.get(f"/{WORKSPACE}/tags").respond(status, json={"message": "No."})
    with pytest.raises(kind):
        connect(refresh=lambda: pytest.fail("it was read")).call("list_tags")


def test_a_rate_limit_spaces_all_requests_including_retries(connect, postboost, clock):
    postboost.get(f"/{WORKSPACE}/tags").mock(side_effect=[httpx.Response(500), OK, OK])
    api = connect(pace=RateLimit(requests_per_minute=20))
    api.call("list_tags")
    api.call("list_tags")
    # Before the first request, the backoff, the rest of three seconds, and three seconds.
    assert clock.pauses == [0, 0.5, 2.5, 3]
