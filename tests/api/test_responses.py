from __future__ import annotations

import json
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
) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    mine = changed or settings(name=MINE)
    parameters = {"export_uuid": "e"} if operation == "download_report_export" else None
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
def test_a_success_without_a_body_is_none(status, content):
    assert read(status, content) == Response(None, status)


def test_a_file_is_its_bytes_even_where_they_are_no_json():
    assert read(200, b"%PDF \xff", operation="download_report_export").payload == b"%PDF \xff"


@pytest.mark.parametrize("value, replayed", [("true", True), ("True", True), ("false", False), (None, False)])
def test_a_stored_answer_is_told_from_a_fresh_one(value, replayed):
    headers = {"idempotent-replayed": value} if value else {}
    assert read(201, {}, headers=headers).replayed is replayed
    assert refusal(422, {}, headers=headers).replayed is replayed


def test_a_web_page_in_place_of_an_answer_names_the_base_url():
    error = refusal(200, b"<html>Welcome</html>")
    assert isinstance(error, ServerError)
    assert str(error) == (
        f"create_post: the answer (200) is not JSON. Check that the base URL {BASE} is PostBoost's API and not a web "
        "page or a proxy in front of it."
    )


@pytest.mark.parametrize(
    "status, body, kind, advice",
    [
        (400, {}, PostBoostRequestError, ""),
        (
            401,
            {},
            AuthenticationError,
            "It is expired, revoked or mistyped: set expires_on, and a message like this can tell. To rotate it: (1)",
        ),
        (403, {}, PermissionDeniedError, "check its user's role in the workspace, a scoped key's abilities"),
        (403, {"code": "insufficient_scope"}, PermissionDeniedError, "Use a key with the needed ability"),
        (
            404,
            {},
            NotFoundError,
            f"Check the id, and that workspace_uuid of {MINE} is the workspace it belongs to.",
        ),
        (409, {}, ConflictError, ""),
        (409, {"code": "another"}, ConflictError, ""),
        (
            409,
            {"code": "duplicate_post"},
            DuplicatePostError,
            "Change it, or allow it, with on_duplicate='allow'",
        ),
        (409, {"existing_post_uuid": "p1"}, DuplicatePostError, "Earlier post: p1."),
        (422, {}, ValidationError, ""),
        (422, {"code": "account_unauthorized"}, ValidationError, "Reconnect the account in PostBoost"),
        (422, {"code": "account_token_missing"}, ValidationError, "Reconnect the account in PostBoost"),
        (429, {}, RateLimitedError, "Slow down and try again later."),
        (429, {"code": "account_daily_cap_reached"}, QuotaExceededError, "Pick another day for this account"),
        (429, {"code": "x_monthly_cap_reached"}, QuotaExceededError, "the next UTC month"),
        (429, {"code": "ai_credits_exhausted"}, QuotaExceededError, "the next billing cycle"),
        (429, {"code": "a_new_one"}, QuotaExceededError, ""),
        (500, {}, ServerError, "PostBoost failed: try again."),
        (503, {"code": "plan_unavailable"}, ServerError, "PostBoost failed: try again."),
        (
            302,
            {},
            PostBoostRequestError,
            f"so that the token stays with {BASE}. Correct the host of the connection.",
        ),
        (418, {}, PostBoostRequestError, ""),
    ],
)
def test_a_refusal_has_a_type_and_says_where_what_and_what_to_do(status, body, kind, advice):
    error = refusal(status, {"message": "It says so.", **body})
    code = f" {body['code']}" if body.get("code") else ""
    assert type(error) is kind
    assert str(error).startswith(
        f"create_post in {WORKSPACE}: PostBoost answered {status}{code}: It says so."
    )
    assert advice in str(error)
    assert not str(error).endswith(" ")
    assert (error.status, error.code) == (status, body.get("code"))
    assert error.body == {"message": "It says so.", **body}


@pytest.mark.parametrize("operation", ["list_workspaces", "list_my_workspaces"])
def test_a_refusal_outside_a_workspace_names_none(operation):
    assert str(refusal(404, operation=operation)).startswith(
        f"{operation}: PostBoost answered 404: (no message)"
    )


def test_without_a_workspace_of_its_own_a_connection_names_none():
    changed = settings(workspace_uuid=None)
    made = request("get_post", changed=changed, parameters={"post_uuid": "p", "workspace_uuid": "w"})
    with pytest.raises(NotFoundError, match=r"^get_post: PostBoost answered 404"):
        responses.read(changed, made, RawResponse(404, {}, b""), NOW)


def test_the_panel_needs_the_token_of_a_platform_admin():
    assert f"needs the unscoped access token of a platform admin; {MINE} holds another one" in str(
        refusal(403, operation="list_workspaces")
    )


@pytest.mark.parametrize(
    "operation, parameters, hint",
    [
        ("list_inbox_conversations", {}, "that the inbox API of the workspace is switched on"),
        ("create_reconnect_link", {"account_uuid": "a"}, "that PostBoost has reconnect links enabled"),
    ],
)
def test_a_404_may_mean_that_a_feature_is_switched_off(operation, parameters, hint):
    made = request(operation, parameters=parameters)
    with pytest.raises(NotFoundError, match=hint):
        responses.read(settings(), made, RawResponse(404, {}, b"{}"), NOW)


def test_a_panel_404_does_not_blame_the_workspace():
    assert str(refusal(404, operation="list_workspaces")).endswith("(no message) Check the id.")


@pytest.mark.parametrize(
    "content", [b"", b"<html>Bad gateway</html>", b'["a"]', b"null", b"3", b"\xff\xfe", b'{"message": null}']
)
@pytest.mark.parametrize("status", [401, 404, 429, 502])
def test_an_error_whose_body_says_nothing_still_says_what_is_known(status, content):
    error = refusal(status, content)
    assert f"PostBoost answered {status}: (no message)" in str(error)
    assert "html" not in str(error)
    assert error.code is None


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
def test_a_passing_error_carries_when_to_come_back(status, kind):
    error = refusal(status, headers={"retry-after": "7"})
    assert isinstance(error, kind)
    assert error.retry_after == 7  # type: ignore[attr-defined]


def test_a_throttle_says_when_to_come_back():
    later = {"retry-after": "Fri, 16 Oct 2026 09:31:00 GMT"}
    assert str(refusal(429, headers=later)).endswith("Try again in 60 s.")
    # The free tools say it in the body.
    assert str(refusal(429, {"retry_after": 12})).endswith("Try again in 12 s.")


@pytest.mark.parametrize(
    "expiry, said",
    [
        (
            Expiry("date", date(2026, 10, 15)),
            f"The token of {MINE} expired 2026-10-15 00:00 UTC, 1 day and 9 hours ago. To rotate it: (1)",
        ),
        (
            Expiry("date", date(2026, 10, 16)),
            f"The token of {MINE} expired 2026-10-16 00:00 UTC, 9 hours and 30 minutes ago. To rotate it: (1)",
        ),
        (
            Expiry("date", date(2026, 10, 17)),
            "is not accepted. By its expires_on it expires 2026-10-17 00:00 UTC, in 14 hours and 30 minutes. It is",
        ),
        (
            Expiry("never"),
            f"The token of {MINE} is not accepted. By its expires_on it never expires. It is revoked",
        ),
        (Expiry("unknown"), f"The token of {MINE} is not accepted. It is expired, revoked or mistyped"),
    ],
)
def test_a_401_is_explained_by_what_is_known_of_the_expiry(expiry, said):
    assert said in str(
        refusal(401, {"message": "Unauthenticated."}, changed=settings(name=MINE, expiry=expiry))
    )


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
