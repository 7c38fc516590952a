"""What a refusal was about, when the same bytes are sent again."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import (
    ConflictError,
    PermissionDeniedError,
    PostBoostError,
    ServerError,
    UnconfirmedError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.idempotency.key import Refusal, send_again
from postboost_provider.idempotency.label import HeldAct, Label, PostAct, Probe

BODY = {"date": "2026-01-01"}
STORED = ValidationError("No.", status=422, replayed=True)
UNCLEAR = ValidationError("No.", status=422)
VALUES = ValidationError("No.", status=422, body={"errors": {"date": ["No."]}})
KEY = ConflictError("No.", status=409)
FORBIDDEN = PermissionDeniedError("No.", status=403)
LOST = UnconfirmedError("No response.")


@pytest.mark.parametrize(
    ("error", "again", "expected"),
    [
        (VALUES, STORED, Refusal("values", VALUES, is_settled=True)),
        (FORBIDDEN, FORBIDDEN, Refusal("values", FORBIDDEN)),
        (VALUES, LOST, Refusal("values", VALUES)),
        (UNCLEAR, STORED, Refusal("values", UNCLEAR, is_settled=True)),
        (UNCLEAR, UNCLEAR, Refusal("key", UNCLEAR)),
        (UNCLEAR, KEY, Refusal("key", KEY)),
        # The first refusal no longer tells what was done: the second request may have.
        (UNCLEAR, LOST, Refusal(None, LOST)),
        (UNCLEAR, VALUES, Refusal(None, VALUES)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_second_response_tells(error: PostBoostError, again: PostBoostError, expected: Refusal) -> None:
    def send() -> Any:
        raise again

    assert send_again(error, BODY, send) == expected


def test_a_response_that_can_not_be_read_does_not_tell() -> None:
    again = UnexpectedResponseError("Not JSON.")

    def send() -> Any:
        raise again

    assert send_again(UNCLEAR, BODY, send) == Refusal(None, again)


def test_a_second_request_that_succeeds_is_the_result() -> None:
    assert send_again(VALUES, BODY, lambda: "post") == "post"


@pytest.mark.parametrize(
    ("error", "about"), [(KEY, "key"), (LOST, None), (ServerError("Down.", status=500), None)]
)
def test_what_is_clear_or_lost_is_not_sent_again(error: PostBoostError, about: Any) -> None:
    assert send_again(error, BODY, lambda: pytest.fail("sent again")) == Refusal(about, error)


@pytest.mark.parametrize("intent", ["0123456789abcdef", None])
def test_a_note_that_a_revision_was_in_use_is_read_back(intent: str | None) -> None:
    act = HeldAct(intent, 3)
    label = Label.parse(str(Label("01234567", "0123456789ab", str(act))))
    assert label is not None
    assert label.held == act
    assert label.post is None
    assert label.operation is None


@pytest.mark.parametrize("act", [PostAct("0123456789abcdef", "now", 3), Probe("01234567"), "trash"])
def test_other_acts_are_no_such_note(act: object) -> None:
    assert Label("01234567", "0123456789ab", str(act)).held is None
