"""Revisions of idempotency keys: which responses are stepped past, and what a refusal is about."""

from __future__ import annotations

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
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.api.responses import Response
from postboost_provider.idempotency.key import (
    MAX_REVISIONS,
    NextRevision,
    create_thing,
    numbered,
    read_refusal,
    send_past_stored_responses,
)

STORED = ValidationError("No.", status=422, replayed=True)
BODY = {"name": "a", "accounts": [1]}


class Sending:
    """A client that has these responses, in turn."""

    def __init__(self, *responses: Any) -> None:
        self.responses = list(responses)
        self.sent: list[tuple[str, Any]] = []

    def send(self, operation: str, *, idempotency_key: str, **call: Any) -> Response:
        self.sent.append((idempotency_key, call.get("client_label")))
        found = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if isinstance(found, Exception):
            raise found
        return found


def response(payload: Any, replayed: bool = False) -> Response:
    return Response(payload, 201, replayed, None)


def send(api: Any, **options: Any) -> Any:
    return send_past_stored_responses(
        api, "create_tag", numbered("key"), read=lambda found: found.payload, **options
    )


def test_a_stored_refusal_is_stepped_past_and_the_next_response_counts() -> None:
    api = Sending(STORED, STORED, response("made"))
    assert send(api, first=3, label=lambda revision: f"r{revision}") == "made"
    assert api.sent == [("key-3", "r3"), ("key-4", "r4"), ("key-5", "r5")]
    api = Sending(response("made"))
    assert (send(api), api.sent) == ("made", [("key", None)])


@pytest.mark.parametrize(
    "error",
    [
        ValidationError("No.", status=422),
        ServerError("No.", status=500, replayed=True),
        UnconfirmedError("No response."),
    ],
)
def test_any_other_error_ends_it(error: Exception) -> None:
    api = Sending(error)
    with pytest.raises(type(error)) as caught:
        send(api)
    assert caught.value is error
    assert len(api.sent) == 1


def test_an_error_is_handed_over_with_its_revision() -> None:
    api = Sending(STORED)
    assert send(api, first=2, on_error=lambda error, revision: (error, revision)) == (STORED, 2)


def test_it_ends_when_no_revision_is_of_use_and_tells_the_last_refusal() -> None:
    api = Sending(STORED)
    with pytest.raises(PostBoostConfigError, match="No\\.") as caught:
        send(api)
    assert caught.value.code == "key_revisions_used"
    assert caught.value.__cause__ is STORED
    assert len({key for key, _ in api.sent}) == len(api.sent) == MAX_REVISIONS


def make(api: Any, read_back: Any = lambda thing: None) -> dict[str, Any]:
    return create_thing(api, "create_tag", "key", read_back)


@pytest.mark.parametrize("thing", [{"id": 7}, {"id": "7", "name": "a"}])
def test_a_thing_is_what_has_an_id(thing: dict[str, Any]) -> None:
    def read_back(_: Any) -> None:
        raise AssertionError("Only what was stored may have been deleted since.")

    assert make(Sending(response(thing)), read_back) == thing


@pytest.mark.parametrize("junk", [{}, {"id": None}, {"id": "x"}, {"id": -1}, [7], "7", None])
def test_what_has_no_id_is_no_thing(junk: Any) -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        make(Sending(response(junk)))
    assert caught.value.code == "no_id"


def test_a_thing_of_a_stored_response_that_was_deleted_is_made_again() -> None:
    seen: list[Any] = []

    def read_back(thing: dict[str, Any]) -> None:
        seen.append(thing["id"])
        if thing["id"] == 7:
            raise NotFoundError("Gone.", status=404)

    api = Sending(response({"id": 7}, True), response({"id": 8}, True), response({"id": 9}))
    assert make(api, read_back) == {"id": 8}
    assert (seen, [key for key, _ in api.sent]) == ([7, 8], ["key", "key-1"])


def refusal(kind: type[PostBoostRequestError], status: int, code: str | None = None, *fields: str) -> Any:
    errors = {field: ["No."] for field in fields}
    return kind("No.", status=status, code=code, body={"errors": errors} if fields else None)


@pytest.mark.parametrize(
    ("error", "about"),
    [
        # In whatever form PostBoost says that a key is in use or was used.
        (refusal(ConflictError, 409), "key"),
        (refusal(ConflictError, 409, "conflict"), "key"),
        (refusal(ConflictError, 409, "IDEMPOTENCY_KEY_IN_USE"), "key"),
        (refusal(ValidationError, 422, "idempotency_key_reused"), "key"),
        (refusal(ValidationError, 422, None, "Idempotency-Key"), "key"),
        (refusal(PermissionDeniedError, 403, "idempotency"), "key"),
        (refusal(ValidationError, 422), "unclear"),
        (refusal(ValidationError, 422, "invalid"), "unclear"),
        (refusal(ValidationError, 422, None, "key"), "unclear"),
        (refusal(ValidationError, 422, None, "name", "key"), "unclear"),
        (refusal(ValidationError, 422, None, "name"), "values"),
        (refusal(ValidationError, 422, None, "name", "accounts.0"), "values"),
        (refusal(DuplicatePostError, 409, "duplicate_post"), "values"),
        # A duplicate is also what names an existing post, under any code.
        (refusal(DuplicatePostError, 409), "values"),
        (refusal(ConflictError, 409, "account_unauthorized"), "values"),
        (refusal(ValidationError, 422, "account_token_missing"), "values"),
        (refusal(ValidationError, 422, "account_daily_cap_reached"), "values"),
        (refusal(ValidationError, 422, "x_monthly_cap_reached"), "values"),
        (refusal(PermissionDeniedError, 403), "values"),
        (refusal(NotFoundError, 404), "values"),
        (refusal(PostBoostRequestError, 400), "values"),
        (refusal(PostBoostRequestError, 428), "values"),
        # Not what PostBoost stores.
        (refusal(RateLimitedError, 429), None),
        (refusal(PostBoostRequestError, 399), None),
        (refusal(ServerError, 500), None),
        (refusal(AuthenticationError, 401), None),
        (refusal(GatewayError, 403), None),
        (UnconfirmedError("No response."), None),
        (UnexpectedResponseError("Not JSON."), None),
        (NextRevision(), None),
    ],
)
def test_what_a_refusal_is_about(error: Exception, about: str | None) -> None:
    assert read_refusal(error, BODY) == about


def test_a_refusal_whose_errors_are_no_fields_is_unclear() -> None:
    error = ValidationError("No.", status=422, body={"errors": ["name"]})
    assert read_refusal(error, BODY) == "unclear"
