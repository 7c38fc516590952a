"""Responses mean what they say: refusals in a success, junk, and what something in front of PostBoost sends."""

from __future__ import annotations

import pytest

from postboost_provider.api.errors import (
    LOST_RESPONSE,
    GatewayError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostRequestError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
    is_retryable,
)
from postboost_provider.api.responses import QUOTA_CODES, Response
from tests.api.support import WORKSPACE
from tests.api.test_responses import read, refusal


@pytest.mark.parametrize("success", [False, None, 0, "", "false", []])
@pytest.mark.parametrize("operation", ["update_post", "delete_post", "create_post"])
def test_a_success_of_false_is_a_refusal(operation, success):
    error = refusal(200, {"success": success, "message": "No."}, operation=operation)
    assert (type(error), error.code, error.status) == (PostBoostRequestError, "not_successful", 200)
    assert not is_retryable(error)
    assert not error.is_stored_refusal


@pytest.mark.parametrize("status, kind", [(503, ServerError), (429, RateLimitedError)])
def test_a_success_of_false_with_a_failure_is_what_the_status_says(status, kind):
    assert type(refusal(status, {"success": False})) is kind


def test_null_is_read_where_it_is_documented():
    where = {"workspace_uuid": WORKSPACE}
    assert read(200, b"null", operation="get_subscription", parameters=where) == Response(None, 200)
    with pytest.raises(UnexpectedResponseError):
        read(200, b"[]", operation="get_subscription", parameters=where)


DEEP = b'{"a":' * 200 + b"1" + b"}" * 200


@pytest.mark.parametrize(
    "content",
    [b"null", b"[]", b'"ok"', b"3", b"true", b"", b" \n", b"NaN", b"\xff", DEEP, b"[" * 100_000, b"9" * 9999],
    ids=range(12),
)
@pytest.mark.parametrize(
    "operation", ["create_post", "list_tags", "get_post", "delete_post", "list_my_workspaces"]
)
def test_junk_where_an_object_is_documented_is_unexpected(operation, content):
    with pytest.raises(UnexpectedResponseError) as caught:
        read(200, content, operation=operation)
    assert caught.value.code in ("not_json", "not_an_object")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"message":' * 100_000])
@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_a_deep_body_of_an_error_is_ignored(status, content):
    assert refusal(status, content).body == {}


@pytest.mark.parametrize(
    "value, seconds",
    [
        ("1e16", 86400),
        ("-5", 0),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("soon", None),
        ("", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("1" * 5000, None),
        ("7", 7),
    ],
)
def test_what_a_server_asks_for_is_bounded(value, seconds):
    error = refusal(429, {"message": "Slow down."}, headers={"retry-after": value})
    assert error.retry_after == seconds
    assert refusal(429, {"retry_after": value or None}).retry_after == seconds


HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("operation", ["create_post", "get_post", "list_workspaces"])
@pytest.mark.parametrize("status", [403, 404, 408])
@pytest.mark.parametrize(
    "body, headers",
    [
        (b"<html>Blocked</html>", HTML),
        (b"", {}),
        (b"null", JSON),
        ({}, JSON),
        ({"message": ""}, JSON),
        ({"message": ["x"]}, JSON),
        ({"code": 403, "message": "Forbidden"}, JSON),
        ({"status": 404, "error": "Not Found", "path": "/"}, JSON),
        ({"message": "Not found."}, HTML),
    ],
)
def test_what_something_in_front_of_postboost_sends_is_not_postboosts(operation, status, body, headers):
    error = refusal(status, body, operation=operation, headers=headers)
    assert (type(error), error.code, error.status) == (GatewayError, "gateway", status)
    assert is_retryable(error)
    assert isinstance(error, LOST_RESPONSE)
    assert "firewall" in str(error)


@pytest.mark.parametrize("body", [b"<html>Blocked</html>", b"", b'{"message": "The given', b"null", b"[]"])
def test_a_422_without_json_says_nothing_about_the_values(body):
    assert type(refusal(422, body)) is GatewayError
    assert type(refusal(422, {"message": "Wrong."}, headers=HTML)) is GatewayError
    assert type(refusal(422, {"message": "Wrong."}, headers=JSON)) is ValidationError


@pytest.mark.parametrize(
    "message", ["The route app/apii/x could not be found.", "no Route matched with those values"]
)
def test_a_404_about_the_path_is_not_about_a_post(message):
    assert type(refusal(404, {"message": message}, headers=JSON)) is GatewayError


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (403, {"message": "Access forbidden."}, PermissionDeniedError),
        (403, {"code": "insufficient_scope"}, PermissionDeniedError),
        (404, {"message": "Not found."}, NotFoundError),
        (404, {"message": "The feed of this route was deleted."}, NotFoundError),
        (404, {"status": "failed", "error": "Unknown."}, NotFoundError),
        (408, {"message": "Not found."}, GatewayError),
    ],
)
def test_postboosts_own_403_and_404_are_its_own(status, body, kind):
    assert type(refusal(status, body, headers=JSON)) is kind


def test_a_code_with_a_time_to_wait_is_a_rate_limit_unless_it_is_a_cap() -> None:
    later = {"retry-after": "7"}
    throttled = refusal(429, {"message": "Too Many Attempts.", "code": "too_many_requests"}, headers=later)
    assert (type(throttled), throttled.retry_after) == (RateLimitedError, 7.0)
    for code in QUOTA_CODES:
        assert type(refusal(429, {"message": "Used up.", "code": code}, headers=later)) is QuotaExceededError
    assert type(refusal(429, {"message": "Used up.", "code": "new"})) is QuotaExceededError
