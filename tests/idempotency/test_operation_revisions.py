"""Under which revision of its key an operation is sent, by what the activity log has of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.responses import Response
from postboost_provider.idempotency.identity import Actor
from postboost_provider.idempotency.perform import find_done, perform_action, perform_operation
from tests.api.support import settings

NOW = datetime(2026, 10, 16, 9, 30, tzinfo=UTC)
TASK = Actor.of_row("spring", "monday")
TAG = {"name": "autumn", "hex_color": "#f59e0b"}
OTHER = {"name": "winter", "hex_color": "#f59e0b"}


class Logging:
    """A client whose activity log has these entries, newest first. Each is a label, an outcome, a status and an age."""

    settings = settings()

    def __init__(self, *entries: tuple[str, str, int, timedelta]) -> None:
        self.entries = entries
        self.sent: list[tuple[str, str]] = []

    def pages(self, operation: str, *, parameters: Any) -> Any:
        assert operation == "list_api_activity"
        for label, outcome, status, age in self.entries:
            if label.startswith(parameters["client"]):
                at = (NOW - age).isoformat()
                yield {"client": label, "outcome": outcome, "http_status": status, "created_at": at}

    def send(self, operation: str, *, idempotency_key: str, client_label: str, **_: Any) -> Response:
        self.sent.append((idempotency_key, client_label))
        return Response({"id": 7}, 201, False, None)


def create(api: Any, body: dict[str, str] = TAG, **options: Any) -> Any:
    return perform_operation(api, TASK, "create_tag", body=body, clock=lambda: NOW, **options)


def first_request(body: dict[str, str] = TAG) -> tuple[str, str]:
    """Return key and label of a first attempt."""
    api = Logging()
    create(api, body)
    return api.sent[0]


LABEL = first_request()[1]
HOUR = timedelta(hours=1)


def entry(note: str = "", outcome: str = "replayed", status: int = 422, age: timedelta = HOUR) -> Any:
    return f"{LABEL} {note}".rstrip(), outcome, status, age


@pytest.mark.parametrize(
    ("entries", "note"),
    [
        ((), ""),
        ((entry(),), "r1"),
        ((entry("r1"), entry()), "r2"),
        # What is not proven to hold a refusal is used first.
        ((entry("r1"),), ""),
        ((entry("r2"), entry()), "r1"),
        ((entry(outcome="failed"),), ""),
        ((entry(status=500),), ""),
        # A success is sent again under its own revision: PostBoost returns its stored response.
        ((entry("r2", "ok", 201),), "r2"),
        ((entry("", "ok", 201),), ""),
        ((entry("r1", "ok", 201), entry()), "r1"),
    ],
)
def test_it_is_sent_under_the_first_revision_that_may_be_of_use(entries: Any, note: str) -> None:
    api = Logging(*entries)
    assert create(api) == {"id": 7}
    ((_, label),) = api.sent
    assert label == f"{LABEL} {note}".rstrip()


def test_keys_of_revisions_differ_and_do_not_depend_on_the_body() -> None:
    api = Logging(entry())
    create(api)
    assert api.sent[0][0] != first_request()[0]
    assert first_request(OTHER)[0] == first_request()[0]
    assert first_request(OTHER)[1] != first_request()[1]


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(hours=23, minutes=29), ""),
        (timedelta(hours=23, minutes=30), "already_done"),
        (90 * HOUR, "already_done"),
    ],
)
def test_what_was_done_is_asked_for_again_only_while_its_key_is_kept(age: timedelta, code: str) -> None:
    api = Logging(entry("", "ok", 201, age))
    if not code:
        assert create(api) == {"id": 7}
        return
    with pytest.raises(PostBoostConfigError) as caught:
        create(api)
    assert (caught.value.code, caught.value.field, api.sent) == (code, "idempotency_salt", [])


def test_a_key_is_as_old_as_the_first_refusal_under_it() -> None:
    refused = entry("", "failed", 422, 24 * HOUR)
    with pytest.raises(PostBoostConfigError) as caught:
        create(Logging(entry("", "ok", 201), refused))
    assert caught.value.code == "already_done"


def test_what_was_done_with_another_body_is_not_done_again() -> None:
    api = Logging(entry("", "ok", 201))
    with pytest.raises(PostBoostConfigError) as caught:
        create(api, OTHER)
    assert (caught.value.code, caught.value.field, api.sent) == ("other_body", "body", [])


def test_what_a_task_has_done_is_its_newest_success_with_these_parameters() -> None:
    api: Any = Logging(entry("", "failed", 422), entry("r1", "ok", 201), entry("", "ok", 201))
    found = find_done(api, TASK, "create_tag")
    assert found is not None
    assert str(found.label) == f"{LABEL} r1"
    assert find_done(api, TASK, "create_tag", {"workspace_uuid": "w"}) is None
    assert find_done(api, TASK, "create_template") is None
    assert find_done(api, Actor.of_row("spring", "tuesday"), "create_tag") is None


@pytest.mark.parametrize(
    ("outcomes", "revision"), [([], 0), (["ok"], 1), (["ok", "replayed", "failed"], 2), (["replayed"], 0)]
)
def test_an_action_is_sent_under_the_revision_after_those_that_were_sent(
    outcomes: list[str], revision: int
) -> None:
    label = str(TASK.label("approve"))
    api: Any = Logging(
        *((label, outcome, 200, HOUR) for outcome in outcomes), (f"{label} x", "ok", 200, HOUR)
    )
    perform_action(api, TASK, "approve", "approve_post", {"post_uuid": "p-1"}, None)
    assert api.sent == [(TASK.act("approve", "approve", "p-1").key(revision), label)]
