from __future__ import annotations

from typing import Any

import httpx
import pytest

from postboost_provider.api.errors import (
    GatewayError,
    NotFoundError,
    PermissionDeniedError,
    ValidationError,
)
from postboost_provider.idempotency.activity_log import LogEntry, read_log
from postboost_provider.idempotency.identity import Actor
from postboost_provider.idempotency.label import (
    ApprovalNote,
    Label,
    OperationAct,
    PostAct,
    short_action,
)
from tests.api.support import WORKSPACE

MONDAY_ROW = Actor.of_row("spring", "monday")
SCOPE, FORMER = MONDAY_ROW.label().scope, MONDAY_ROW.owner.starts[1]
A, B, C = "a" * 16, "b" * 16, "c" * 16


def activity(
    client: str | None, post: str | None = "p1", outcome: str = "created", **more: Any
) -> dict[str, Any]:
    return {"client": client, "post_uuid": post, "outcome": outcome, "http_status": 201, **more}


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        ({"html": "<h1>Blocked</h1>"}, GatewayError),
        ({"text": ""}, GatewayError),
        ({"json": {"message": "Access forbidden."}}, PermissionDeniedError),
        ({"json": {"message": "No.", "code": "self_approval"}}, PermissionDeniedError),
    ],
)
def test_a_403_for_another_reason_is_an_error_and_does_not_mean_that_the_log_may_not_be_read(
    connect, postboost, response, kind
):
    postboost.get(f"/{WORKSPACE}/activity").respond(403, **response)
    with pytest.raises(kind):
        read_log(connect(), MONDAY_ROW.owner)


def test_a_log_that_cannot_be_found_is_an_error_and_not_empty(connect, postboost):
    postboost.get(f"/{WORKSPACE}/activity").respond(404, json={"message": "Not found."})
    with pytest.raises(NotFoundError):
        read_log(connect(), MONDAY_ROW.owner)


START = str(MONDAY_ROW.label())
UUID = "0f0e0d0c-0b0a-4000-8000-00000000000a"


@pytest.mark.parametrize(
    "act",
    [
        None,
        PostAct(A, "schedule"),
        PostAct(A, "schedule", 49),
        PostAct(None, "now"),
        short_action(f"retry {UUID}"),
        "schedule now",
        "schedule 2031-05-04T09:30",
        f"update {A}",
        OperationAct.of("create_tag", A, B),
        OperationAct.of("repurpose_content", A, B, "x" * 15),
        "rotation 0123456789ab target",
        ApprovalNote.of(UUID, is_kept=False),
        ApprovalNote.of(UUID, is_kept=True),
    ],
)
def test_every_kind_of_label_is_short_and_read_as_it_was_written(act):
    label = MONDAY_ROW.label(act)
    assert len(str(label)) < 64
    assert Label.parse(str(label)) == label
    assert str(label).startswith(START)
    assert label.post == (act if isinstance(act, PostAct) else None if act else PostAct(None, None))
    assert label.operation == (act if isinstance(act, OperationAct) else None)
    assert label.approval == (act if isinstance(act, ApprovalNote) else None)


@pytest.mark.parametrize(("is_kept", "words"), [(False, "waiting 0f0e0d0c"), (True, "kept waiting 0f0e0d0c")])
def test_the_notes_of_edits_while_a_post_waits_for_approval(is_kept, words):
    assert MONDAY_ROW.label(ApprovalNote.of(UUID, is_kept=is_kept)).act == words


@pytest.mark.parametrize(
    ("former", "act"),
    [
        ("", None),
        (f" {A} schedule", PostAct(A, "schedule")),
        ("  schedule", PostAct(None, "schedule")),
        (f" retry {UUID}", short_action(f"retry {UUID}")),
        (f" create_tag {A} {B}", OperationAct.of("create_tag", A, B)),
        (f" repurpose_content {A} {B} 01234567:1,2", OperationAct.of("repurpose_content", A, B)),
    ],
)
def test_a_label_of_version_0_1_0_is_read_as_that_of_today(former, act):
    read, label = Label.parse(FORMER + former), MONDAY_ROW.label(act)
    assert (read.scope, read.identity) == (label.scope, label.identity)
    assert str(read).removesuffix(" 01234567:1,2") == str(label)


def test_the_note_of_a_label_of_version_0_1_0_is_kept():
    read = Label.parse(f"{FORMER} repurpose_content {A} {B} 01234567:{','.join('123456')}")
    assert read.operation.note == "01234567:1,2,3,4,5,6"


@pytest.mark.parametrize(
    "text",
    [
        *("", "airflow", "airflow/a", "airflow/a/", "airflow-provider-postboost/0.1.0", f"x {START}"),
        *(START[:-1], f"{START}0", f"{START}/x", START.replace("/", "~")),
    ],
)
def test_the_label_of_another_client_is_none(text):
    assert Label.parse(text) is None


def test_an_entry_has_what_the_log_says(connect, postboost):
    label = MONDAY_ROW.label("queue")
    row = activity(str(label), None, "error", http_status=409, user_id=3, created_at="2026-10-16T07:30:00Z")
    pages = [{"data": [row, activity(f"{label}x", created_at="2026-10-16T07:30:00Z")]}, {"data": []}]
    postboost.get(f"/{WORKSPACE}/activity").mock(
        side_effect=[httpx.Response(200, json=page) for page in pages]
    )
    first, second = read_log(connect(), MONDAY_ROW.owner)
    assert first == LogEntry(label, "error", 409, None, 3, "2026-10-16T07:30:00Z")
    assert (first.is_success, first.is_refusal, second.is_success) == (False, True, True)
    assert second.label == MONDAY_ROW.label("queuex")


@pytest.mark.parametrize("refused", [("airflow/x/y",), ("airflow/x/y", "airflow/x/")])
def test_a_filter_that_is_refused_is_sent_again_shorter(connect, postboost, refused):
    asked: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        prefix = request.url.params["client"]
        asked.append(prefix)
        if len(prefix) > len("airflow/") + 9 * (2 - len(refused)):
            return httpx.Response(422, json={"errors": {"client": ["Too long."]}})
        return httpx.Response(
            200, json={"data": [activity(START), activity(FORMER), activity(f"{START[:-1]}x")]}
        )

    postboost.get(f"/{WORKSPACE}/activity").mock(side_effect=respond)
    entries = read_log(connect(), MONDAY_ROW.owner)
    assert {str(entry.label) for entry in entries} == {START}
    assert asked[: len(refused) + 1][-1] == (f"airflow/{SCOPE}/" if len(refused) == 1 else "airflow/")


@pytest.mark.parametrize("response", [{"html": "<p>Blocked</p>"}, {"json": {"message": "Access forbidden."}}])
def test_a_403_without_the_code_of_a_missing_ability_is_an_error(connect, postboost, response):
    postboost.get(f"/{WORKSPACE}/activity").respond(403, **response)
    with pytest.raises((GatewayError, PermissionDeniedError)):
        read_log(connect(attempts=1), MONDAY_ROW.owner)


def test_a_log_that_may_not_be_read_is_none_and_not_empty(connect, postboost):
    postboost.get(f"/{WORKSPACE}/activity").respond(403, json={"code": "insufficient_scope"})
    assert read_log(connect(), MONDAY_ROW.owner) is None


def test_a_log_that_refuses_every_filter_is_an_error(connect, postboost):
    postboost.get(f"/{WORKSPACE}/activity").respond(422, json={"errors": {"client": ["No."]}})
    with pytest.raises(ValidationError):
        read_log(connect(), MONDAY_ROW.owner)
