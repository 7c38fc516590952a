from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from postboost_provider.api import responses
from postboost_provider.api.errors import (
    AuthenticationError,
    ConflictError,
    DuplicatePostError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostRequestError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.api.expiry import Expiry
from postboost_provider.api.responses import Response
from postboost_provider.api.settings import ClientSettings
from postboost_provider.api.transport import RawResponse
from tests.api.support import BASE, TOKEN, WORKSPACE, request, settings

NOW = datetime(2026, 10, 16, 9, 30, tzinfo=UTC)
MINE = "connection 'mine'"


def read(
    status: int,
    body: Any = b"",
    *,
    operation: str = "create_post",
    headers: dict[str, str] | None = None,
    changed: ClientSettings | None = None,
    parameters: dict[str, Any] | None = None,
) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    mine = changed or settings(name=MINE)
    if operation == "download_report_export":
        parameters = {"export_uuid": "e"}
    made = request(operation, changed=mine, **({"parameters": parameters} if parameters else {}))
    return responses.read(mine, made, RawResponse(status, headers or {}, content), NOW)


def refusal(status: int, body: Any = b"", **more: Any) -> PostBoostRequestError:
    with pytest.raises(PostBoostRequestError) as caught:
        read(status, body, **more)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_success_is_its_whole_json_body(status):
    assert read(status, {"data": [1], "meta": {}}) == Response({"data": [1], "meta": {}}, status)


@pytest.mark.parametrize("status, content", [(204, b""), (200, b""), (200, b" \n")])
def test_a_success_without_a_body_is_none_where_none_is_documented(status, content):
    where = {"upload_uuid": "u"}
    assert read(status, content, operation="abort_chunked_upload", parameters=where) == Response(None, status)


def test_a_204_says_enough_of_a_deletion_and_nothing_else_does():
    assert read(204, operation="delete_post") == Response(None, 204)
    for status, operation in ((200, "delete_post"), (204, "create_post"), (204, "list_tags")):
        with pytest.raises(UnexpectedResponseError) as caught:
            read(status, operation=operation)
        assert caught.value.code == "not_json"


def test_a_file_is_its_bytes_even_where_they_are_no_json():
    assert read(200, b"%PDF \xff", operation="download_report_export").payload == b"%PDF \xff"


@pytest.mark.parametrize("value, replayed", [("true", True), ("True", True), ("false", False), (None, False)])
def test_a_stored_response_is_distinguished_from_a_new_one(value, replayed):
    headers = {"idempotent-replayed": value} if value else {}
    assert read(201, {}, headers=headers).replayed is replayed
    assert refusal(422, {}, headers=headers).replayed is replayed


def test_a_web_page_in_place_of_a_response_names_the_base_url():
    with pytest.raises(UnexpectedResponseError, match=BASE) as caught:
        read(200, b"<html>Welcome</html>")
    assert caught.value.code == "not_json"


@pytest.mark.parametrize(
    "status, body, kind, advice",
    [
        (400, {}, PostBoostRequestError, ""),
        (401, {}, AuthenticationError, "To rotate it"),
        (403, {}, PermissionDeniedError, "role"),
        (403, {"code": "insufficient_scope"}, PermissionDeniedError, "ability"),
        (404, {}, NotFoundError, f"workspace_uuid of {MINE}"),
        (409, {}, ConflictError, ""),
        (409, {"code": "another"}, ConflictError, ""),
        (409, {"code": "duplicate_post"}, DuplicatePostError, "on_duplicate='allow'"),
        (409, {"existing_post_uuid": "p1"}, DuplicatePostError, "p1"),
        (422, {}, ValidationError, ""),
        (422, {"code": "account_unauthorized"}, ValidationError, "Reconnect"),
        (422, {"code": "account_token_missing"}, ValidationError, "Reconnect"),
        (429, {}, RateLimitedError, "Retry later"),
        (429, {"code": "account_daily_cap_reached"}, QuotaExceededError, "another day"),
        (429, {"code": "x_monthly_cap_reached"}, QuotaExceededError, "UTC month"),
        (429, {"code": "ai_credits_exhausted"}, QuotaExceededError, "billing cycle"),
        (429, {"code": "a_new_one"}, QuotaExceededError, ""),
        (500, {}, ServerError, "PostBoost failed"),
        (503, {"code": "plan_unavailable"}, ServerError, "PostBoost failed"),
        (302, {}, PostBoostRequestError, "redirects"),
        (418, {}, PostBoostRequestError, ""),
    ],
)
def test_a_refusal_has_a_type_and_says_where_what_and_what_to_do(status, body, kind, advice):
    error = refusal(status, {"message": "It says so.", **body})
    assert type(error) is kind
    for part in (
        f" to create_post in {WORKSPACE}: ",
        f"{status}",
        body.get("code", ""),
        "It says so.",
        advice,
    ):
        assert part in str(error)
    assert not str(error).endswith(" ")
    assert (error.status, error.code) == (status, body.get("code"))
    assert error.body == {"message": "It says so.", **body}


@pytest.mark.parametrize("operation", ["list_workspaces", "list_my_workspaces"])
def test_a_refusal_outside_a_workspace_names_none(operation):
    error = refusal(404, {"message": "Not found."}, operation=operation)
    assert error.request == operation
    assert not str(error).startswith(operation)
    assert operation in str(error)


@pytest.mark.parametrize("own", [None, WORKSPACE])
@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_refusal_names_the_workspace_that_the_request_was_for(own, status):
    mine = settings(workspace_uuid=own)
    made = request("get_post", changed=mine, parameters={"post_uuid": "p", "workspace_uuid": "other"})
    with pytest.raises(PostBoostRequestError, match=r"^PostBoost .* get_post in other: ") as caught:
        responses.read(mine, made, RawResponse(status, {}, b'{"message": "No."}'), NOW)
    assert WORKSPACE not in str(caught.value)
    assert "workspace_uuid" not in str(caught.value)


def test_the_panel_needs_the_token_of_a_platform_admin():
    error = refusal(403, {"message": "No."}, operation="list_workspaces")
    assert "platform admin" in str(error)
    assert MINE in str(error)


@pytest.mark.parametrize(
    "operation, parameters, hint",
    [
        ("list_inbox_conversations", {}, "inbox API"),
        ("create_reconnect_link", {"account_uuid": "a"}, "reconnect links"),
    ],
)
def test_a_404_may_mean_that_a_feature_is_switched_off(operation, parameters, hint):
    made = request(operation, parameters=parameters)
    with pytest.raises(NotFoundError, match=hint):
        responses.read(settings(), made, RawResponse(404, {}, b'{"message": "Not found."}'), NOW)


def test_a_panel_404_does_not_blame_the_workspace():
    assert "workspace_uuid" not in str(refusal(404, {"message": "Not found."}, operation="list_workspaces"))


@pytest.mark.parametrize(
    "content", [b"", b"<html>Bad gateway</html>", b'["a"]', b"null", b"3", b"\xff\xfe", b'{"message": null}']
)
@pytest.mark.parametrize("status", [401, 404, 422, 429, 502])
def test_an_error_whose_body_says_nothing_still_says_what_is_known(status, content):
    error = refusal(status, content)
    assert {str(status), "(no message)"} <= set(re.findall(r"\d+|\(.*?\)", str(error)))
    assert "html" not in str(error)
    assert error.code == ("gateway" if status in (404, 422) else None)


def test_a_duplicate_carries_the_earlier_post():
    error = refusal(409, {"code": "duplicate_post", "existing_post_uuid": "p1", "account_id": 3})
    assert isinstance(error, DuplicatePostError)
    assert error.existing_post_uuid == "p1"


def test_a_duplicate_of_an_unnamed_post_carries_none():
    error = refusal(409, {"code": "duplicate_post"})
    assert isinstance(error, DuplicatePostError)
    assert error.existing_post_uuid is None


def test_a_validation_error_names_every_field_and_its_first_message():
    fields = {"date": ["Is past.", "Is bad."], "versions.0.content": "Is empty.", "tags": []}
    error = refusal(422, {"message": "Validation errors.", "errors": fields})
    assert isinstance(error, ValidationError)
    assert "Validation errors. date: Is past.; versions.0.content: Is empty.; tags:" in str(error)
    assert error.errors == {"date": ["Is past.", "Is bad."], "versions.0.content": ["Is empty."], "tags": []}


@pytest.mark.parametrize("errors", [None, [], ["a"], "a"])
def test_a_validation_error_without_a_map_of_fields_has_none(errors):
    error = refusal(422, {"message": "m", "errors": errors})
    assert isinstance(error, ValidationError)
    assert error.errors == {}


def test_a_quota_says_how_much_of_it_is_used():
    body = {"code": "account_daily_cap_reached", "limit": 25, "used": 25, "account_id": 3}
    error = refusal(429, body)
    assert isinstance(error, QuotaExceededError)
    assert "(25 of 25 used)" in str(error)
    assert (error.limit, error.used, error.account_id) == (25, 25, 3)


@pytest.mark.parametrize("status, kind", [(429, RateLimitedError), (500, ServerError), (503, ServerError)])
def test_a_passing_error_carries_when_to_retry(status, kind):
    error = refusal(status, headers={"retry-after": "7"})
    assert isinstance(error, kind)
    assert error.retry_after == 7  # type: ignore[attr-defined]


def test_a_rate_limit_says_when_to_retry():
    later = {"retry-after": "Fri, 16 Oct 2026 09:31:00 GMT"}
    assert "60 s" in str(refusal(429, headers=later))
    # The free tools have it in the body.
    assert "12 s" in str(refusal(429, {"retry_after": 12}))


def test_used_up_ai_credits_are_a_quota_even_without_a_code():
    error = refusal(429, {"message": "Insufficient AI credits. Upgrade your plan."})
    assert (type(error), error.code) == (QuotaExceededError, "ai_credits_exhausted")


@pytest.mark.parametrize(
    "expiry, said",
    [
        (Expiry("date", date(2026, 10, 15)), "expired 2026-10-15 00:00 UTC, 1 day and 9 hours ago"),
        (Expiry("date", date(2026, 10, 17)), "expires 2026-10-17 00:00 UTC, in 14 hours and 30 minutes"),
        (Expiry("never"), "never expires"),
        (Expiry("unknown"), "is not accepted"),
    ],
)
def test_a_401_is_explained_by_what_is_known_of_the_expiry(expiry, said):
    error = refusal(401, {"message": "Unauthenticated."}, changed=settings(name=MINE, expiry=expiry))
    assert said in str(error)
    assert MINE in str(error)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 422, 429, 500])
@pytest.mark.parametrize("part", [TOKEN, TOKEN.partition("|")[2]])
def test_a_token_that_comes_back_is_not_shown(status, part):
    body = {"message": f"Bad {part}", "errors": {f"f-{part}": [f"Bad {part}"], "g": f"Bad {part}"}}
    assert "s3cret" not in str(refusal(status, body))


def test_a_token_on_the_edge_of_a_shortened_message_is_not_shown_in_part():
    body = {"message": "x" * 490 + TOKEN, "errors": {"f": ["y" * 1480 + TOKEN]}}
    assert "s3c" not in str(refusal(422, body))


def test_an_endless_message_is_cut():
    assert len(str(refusal(422, {"message": "x" * 9999, "errors": {"f": ["y" * 9999]}}))) < 2500


@pytest.mark.parametrize(
    "echo",
    ["12|ab\\/cd\\/EFGH", "12\\u007cab\\u002fcd/EFGH", "12|ab/cd/EFGH"],
    ids=["slashes", "escapes", "plain"],
)
def test_a_token_that_is_echoed_in_other_characters_is_in_no_error(connect, postboost, echo):
    """PHP writes a slash of JSON with a backslash."""
    body = f'{{"message": "Bad token {echo}", "errors": {{"{echo}": ["{echo}"]}}, "more": [["{echo}"]]}}'
    postboost.get(f"/{WORKSPACE}/tags").respond(422, content=body)
    with pytest.raises(ValidationError) as caught:
        connect({"token": "12|ab/cd/EFGH"}).call("list_tags")
    assert "EFGH" not in f"{caught.value} {caught.value!r} {caught.value.body}"
