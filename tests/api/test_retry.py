"""Which requests may be sent again, and when: the pure half of the retry loop."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.errors import (
    AuthenticationError,
    ConflictError,
    DuplicatePostError,
    GatewayError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostRequestError,
    PublishError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnexpectedResponseError,
    UnreachableError,
    ValidationError,
)
from postboost_provider.api.requests import retry_after_seconds
from postboost_provider.api.retry import may_retry, pause, pause_before_retry, rules
from tests.api.support import Upload, request

NOW = datetime(2026, 10, 16, 9, 30, tzinfo=UTC).timestamp()

READ = ("get_post", None)
HARMLESS = ("validate_post", None)
PUT = ("update_post", None)
DELETE = ("delete_post", None)
WITH_KEY = ("create_post", "key")
WITHOUT_KEY = ("create_post", None)
NO_KEY_ACCEPTED = ("create_template", None)
WORKS_ONCE = ("get_remote_upload_status", None)

SAFE = [READ, HARMLESS, PUT, DELETE, WITH_KEY]
UNSAFE = [WITHOUT_KEY, NO_KEY_ACCEPTED, WORKS_ONCE]


@pytest.mark.parametrize(
    "value, seconds",
    [
        ("0", 0),
        ("7", 7),
        ("1.5", 1.5),
        (" 7 ", 7),
        ("-3", 0),
        ("Fri, 16 Oct 2026 09:31:00 GMT", 60),
        ("Fri, 16 Oct 2026 11:31:00 +0200", 60),
        ("Fri, 16 Oct 2026 09:29:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    "value", [None, "", "soon", "nan", "inf", "1e999", "Fri, 32 Oct 2026 09:31:00 GMT", "ü"]
)
def test_a_retry_after_that_means_nothing_counts_as_none(value):
    assert retry_after_seconds(value, NOW) is None


def error(kind: type[PostBoostRequestError], status: int, **more: Any) -> PostBoostRequestError:
    return kind("said", status=status, **more)


def retried(call: tuple[str, str | None], raised: Exception) -> bool:
    operation, key = call
    return may_retry(request(operation, idempotency_key=key), raised)


@pytest.mark.parametrize(
    "raised",
    [
        GatewayError("", status=403),
        GatewayError("", status=408),
        UnconfirmedError("lost"),
        UnexpectedResponseError("a web page"),
        error(RateLimitedError, 429),
        *(error(ServerError, s) for s in (500, 502, 503, 504)),
    ],
)
@pytest.mark.parametrize("call", SAFE)
def test_an_unconfirmed_request_is_sent_again_if_that_is_safe(call, raised):
    assert retried(call, raised)


@pytest.mark.parametrize(
    "raised",
    [
        GatewayError("", status=403),
        GatewayError("", status=408),
        UnconfirmedError("lost"),
        UnexpectedResponseError("a web page"),
        error(RateLimitedError, 429),
        error(ServerError, 500),
        error(ServerError, 503),
    ],
)
@pytest.mark.parametrize("call", UNSAFE)
def test_an_unconfirmed_request_is_not_sent_again_if_it_could_happen_twice(call, raised):
    assert not retried(call, raised)


@pytest.mark.parametrize("call", SAFE + UNSAFE)
def test_a_request_that_was_never_executed_is_sent_again(call):
    assert retried(call, UnreachableError("refused"))


@pytest.mark.parametrize("call", SAFE + UNSAFE)
@pytest.mark.parametrize(
    "raised",
    [
        PostBoostConfigError("wrong"),
        PublishError("failed"),
        error(PostBoostRequestError, 302),
        error(PostBoostRequestError, 400),
        error(AuthenticationError, 401),
        error(PermissionDeniedError, 403),
        error(NotFoundError, 404),
        error(DuplicatePostError, 409, code="duplicate_post"),
        error(ValidationError, 422),
        error(QuotaExceededError, 429, code="account_daily_cap_reached"),
        error(ServerError, 501),
        ValueError("a bug"),
    ],
    ids=lambda e: f"{type(e).__name__}-{getattr(e, 'status', '')}",
)
def test_a_response_that_stays_the_same_is_final(call, raised):
    assert not retried(call, raised)


@pytest.mark.parametrize("call", SAFE + UNSAFE)
def test_a_conflict_is_sent_again_only_for_a_key_whose_first_request_may_still_run(call):
    assert retried(call, error(ConflictError, 409)) is (call is WITH_KEY)


def test_a_stored_conflict_is_final():
    assert not retried(WITH_KEY, error(ConflictError, 409, replayed=True))


def test_an_upload_whose_key_is_in_use_is_not_sent_again_by_the_client():
    upload = request("upload_media", files=Upload().part(), idempotency_key="key")
    assert may_retry(upload, error(ServerError, 500))
    assert not may_retry(upload, error(ConflictError, 409))


@pytest.mark.parametrize("spread", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("hint", [0, 3, 3600])
def test_the_servers_retry_after_wins_over_the_backoff_and_is_spread_over_a_second(hint, spread):
    raised = error(RateLimitedError, 429, retry_after=hint)
    assert pause_before_retry(raised, 9, spread, 30) == hint + spread


@pytest.mark.parametrize(
    "attempt, spread, seconds",
    [(1, 0.5, 0.5), (2, 0.5, 1), (3, 0.5, 2), (5, 0.5, 8), (6, 0.5, 15), (99, 1, 30)],
)
def test_the_backoff_doubles_up_to_its_cap(attempt, spread, seconds):
    assert pause_before_retry(UnconfirmedError("lost"), attempt, spread, 30) == seconds


@pytest.mark.parametrize("raised", [None, error(ServerError, 500), error(RateLimitedError, 429)])
def test_the_backoff_may_be_as_short_as_nothing(raised):
    assert pause_before_retry(raised, 4, 0.0, 30) == 0


def test_an_ai_run_that_was_created_and_failed_is_not_sent_again() -> None:
    failed = error(ServerError, 500)
    assert may_retry(request("create_post", idempotency_key="key"), failed)
    failed.body = {"run_id": 7}
    assert not may_retry(request("create_post", idempotency_key="key"), failed)


def test_an_outage_is_explained_once_and_then_a_short_line_an_attempt(caplog) -> None:
    log_retry = rules(request("get_post"), 60, 9)["before_sleep"]
    errors = [UnreachableError("no route"), UnreachableError("no route"), UnreachableError("no name")]
    for number, raised in enumerate(errors, 1):
        outcome = SimpleNamespace(exception=lambda raised=raised: raised)
        log_retry(SimpleNamespace(attempt_number=number, upcoming_sleep=0.5, outcome=outcome))
    assert ["no route" in line for line in caplog.messages] == [True, False, False]
    assert "no name" in caplog.messages[2]


def state(raised: Exception, attempt: int) -> Any:
    """Return what tenacity knows after so many attempts."""
    return SimpleNamespace(attempt_number=attempt, outcome=SimpleNamespace(exception=lambda: raised))


def test_a_key_that_stays_in_use_is_given_up_after_four_attempts() -> None:
    is_retried = rules(request(WITH_KEY[0], idempotency_key=WITH_KEY[1]), 300, 9)["retry"]
    in_use = error(ConflictError, 409)
    assert [attempt for attempt in range(1, 9) if is_retried(state(in_use, attempt))] == [1, 2, 3]


def test_no_pause_of_the_backoff_is_longer_than_half_a_minute(mocker: Any) -> None:
    mocker.patch("postboost_provider.api.retry.random", SimpleNamespace(random=lambda: 1.0))
    assert pause(state(error(ServerError, 500), 3)) == 4.0
    assert pause(state(error(ServerError, 500), 20)) == 30.0
