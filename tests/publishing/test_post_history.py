"""What the activity log tells of the posts of a calendar or a task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from postboost_provider.api.errors import (
    PostBoostConfigError,
)
from postboost_provider.idempotency.activity_log import LogEntry
from postboost_provider.idempotency.identity import Actor, log_scope
from postboost_provider.idempotency.label import (
    Owner,
    PostAct,
)
from postboost_provider.publishing.post_history import History, Intention, KnownPost, read_histories
from tests.api.support import WORKSPACE
from tests.client_fixtures import _quick_tls, clock, connect, postboost  # noqa: F401

MONDAY_ROW, TUESDAY_ROW = (Actor.of_row("spring", key) for key in ("monday", "tuesday"))
MONDAY, TUESDAY = MONDAY_ROW.log_identity, TUESDAY_ROW.log_identity
SCOPE, FORMER = MONDAY_ROW.label().scope, MONDAY_ROW.owner.starts[1]
CALENDAR = Owner(log_scope("spring"))
A, B, C = "a" * 16, "b" * 16, "c" * 16


def activity(
    client: str | None, post: str | None = "p1", outcome: str = "created", **more: Any
) -> dict[str, Any]:
    return {"client": client, "post_uuid": post, "outcome": outcome, "http_status": 201, **more}


def label(row: Actor, intent: str, mode: str) -> str:
    return str(Intention(row, intent, mode).act.label)


@pytest.fixture
def log(connect, postboost):  # noqa: F811
    """Find the posts of the scope in this activity, newest first, on as many pages as there are lists."""

    def read(*pages: list[dict[str, Any]], owner: Owner = CALENDAR) -> dict[str, KnownPost] | None:
        new = [{"data": p, "meta": {"last_page": len(pages)}} for p in pages]
        log.route = postboost.get(f"/{WORKSPACE}/activity").mock(
            side_effect=[httpx.Response(200, json=page) for page in (*new, {"data": read.former})]
        )
        found = read_histories(connect(), owner) or {}
        return {i: replace(h.known, created_at=None) for i, h in found.items() if h.known}

    # What the log has with labels of version 0.1.0.
    read.former = []

    log = read
    return read


def test_a_label_is_read_back_as_it_was_written(log):
    written = label(MONDAY_ROW, A, "schedule")
    read = log([activity(written, created_at="2026-10-16T07:30:00Z")])
    assert read == {MONDAY: KnownPost("p1", A, "schedule")}


def test_a_whole_scope_is_asked_for_by_the_start_of_its_labels_and_read_to_the_end(log):
    read = log(
        [activity(label(MONDAY_ROW, A, "schedule"))],
        [],
        [activity(label(TUESDAY_ROW, B, "schedule"), "p2")],
    )
    assert {identity: entry.post_uuid for identity, entry in read.items()} == {MONDAY: "p1", TUESDAY: "p2"}
    asked = [dict(call.request.url.params)["client"] for call in log.route.calls]
    assert asked == [f"airflow/{SCOPE}/"] * 3 + [f"airflow/spring~{SCOPE}/"]


def test_only_one_identity_is_asked_for(log):
    entries = [activity(label(TUESDAY_ROW, A, "schedule")), activity(label(MONDAY_ROW, A, "schedule"))]
    assert set(log(entries, owner=MONDAY_ROW.owner)) == {MONDAY}
    asked = [dict(call.request.url.params)["client"] for call in log.route.calls]
    assert asked == [f"airflow/{SCOPE}/{MONDAY}", FORMER]


def test_labels_of_version_0_1_0_count_and_the_newest_of_all_wins(log):
    before, later, latest = ({"created_at": f"2026-10-16T07:30:0{n}Z"} for n in (0, 1, 2))
    log.former = [
        activity(f"{FORMER} {B} queue", outcome="updated", **later),
        activity(f"{FORMER} {A} schedule", **before),
    ]
    assert log([]) == {MONDAY: KnownPost("p1", B, "queue")}
    new = activity(label(MONDAY_ROW, C, "now"), outcome="updated", **latest)
    assert log([new]) == {MONDAY: KnownPost("p1", C, "now")}


@pytest.mark.parametrize("length", [64, 80, 96, 100, 128])
@pytest.mark.parametrize("start", [str(MONDAY_ROW.label()), FORMER])
def test_a_label_that_the_log_cuts_after_its_identity_counts(log, start, length):
    whole = f"{start} {A} schedule"
    for kept in range(len(start), min(length, len(whole)) + 1):
        found = log([activity(whole[:kept])])[MONDAY]
        assert found.post_uuid == "p1"
        assert found.intent in (None, A)
        assert found.intent is None or kept >= len(f"{start} {A}")


def test_the_newest_intent_and_post_of_an_identity_win(log):
    entries = [
        activity(label(MONDAY_ROW, C, "schedule"), "p2", "updated"),
        activity(label(MONDAY_ROW, B, "schedule"), "p1", "created"),
    ]
    assert log(entries, [activity(label(MONDAY_ROW, A, "schedule"), "p0")])[MONDAY] == KnownPost(
        "p2", C, "schedule"
    )


@pytest.mark.parametrize(
    "client",
    [
        None,
        "",
        "airflow-provider-postboost/1.0",
        f"airflow/{SCOPE}",
        f"airflow/{SCOPE}x/{MONDAY} a",
        f"airflow/{SCOPE[::-1]}/{MONDAY} a",
        f"airflow/spring_{SCOPE}/{MONDAY} a",
        f"AIRFLOW/{SCOPE.upper()}/{MONDAY} a",
        f"x airflow/{SCOPE}/{MONDAY} a",
    ],
)
def test_what_a_server_matches_too_widely_is_not_ours(log, client):
    assert log([activity(client)]) == {}


def test_a_replayed_response_has_not_written_the_words(log):
    entries = [
        activity(label(MONDAY_ROW, A, "schedule"), outcome="replayed"),
        activity(label(MONDAY_ROW, B, "schedule"), outcome="updated"),
        activity(label(MONDAY_ROW, A, "schedule")),
    ]
    assert log(entries)[MONDAY].intent == B


def test_a_creation_without_a_uuid_counts(log):
    assert log([activity(label(MONDAY_ROW, A, "now"), None)]) == {MONDAY: KnownPost(None, A, "now")}


@pytest.mark.parametrize("outcome", ["created", "updated", "replayed", "ok", None])
def test_what_made_or_changed_a_post_counts(log, outcome):
    assert set(log([activity(label(MONDAY_ROW, A, "schedule"), outcome=outcome)])) == {MONDAY}


@pytest.mark.parametrize(
    "outcome",
    ["blocked_duplicate", "blocked_cap", "validation_failed", "validated", "error", "deleted"],
)
def test_what_made_nothing_does_not_count_and_hides_nothing(log, outcome):
    entries = [
        activity(label(MONDAY_ROW, B, "schedule"), "p9", outcome),
        activity(label(MONDAY_ROW, B, "schedule"), None, "updated"),
        activity(label(MONDAY_ROW, A, "schedule"), "p1"),
    ]
    assert log(entries)[MONDAY] == KnownPost("p1", A, "schedule")


@pytest.mark.parametrize("client", [f"airflow/{SCOPE}/{MONDAY}", label(MONDAY_ROW, "", "schedule")])
def test_an_intent_may_be_missing(log, client):
    assert log([activity(client)])[MONDAY].intent is None


@pytest.mark.parametrize(
    "action", [f"retry {A}", "schedule now", "schedule 2026-12-01T09:00", "queue", "update"]
)
def test_an_action_on_the_post_is_not_what_created_it(log, action):
    acted = activity(f"airflow/{SCOPE}/{MONDAY} {action}", outcome="replayed")
    assert log([acted, activity(label(MONDAY_ROW, A, "schedule"))]) == {
        MONDAY: KnownPost("p1", A, "schedule")
    }


def test_revisions_begin_after_those_that_are_proven_to_hold_a_refusal():
    def entry(revision: int, outcome: str, status: int) -> LogEntry:
        act = PostAct(A, "schedule", revision)
        return LogEntry(MONDAY_ROW.label(act), outcome, status, None, None, None)

    settled = [entry(0, "replayed", 422), entry(2, "replayed", 403)]
    assert History(tuple(settled)).first_revision == 3
    others = [entry(5, "validation_failed", 422), entry(6, "replayed", 201), entry(7, "error", 500)]
    assert History((*settled, *others)).first_revision == 3
    assert History().first_revision == 0


def test_histories_that_may_not_be_read_are_none_and_not_empty(connect, postboost):  # noqa: F811
    postboost.get(f"/{WORKSPACE}/activity").respond(403, json={"code": "insufficient_scope"})
    assert read_histories(connect(), CALENDAR) is None


def test_a_log_that_refuses_every_filter_is_passed_over_only_where_that_is_allowed(connect, postboost):  # noqa: F811
    postboost.get(f"/{WORKSPACE}/activity").respond(422, json={"errors": {"client": ["No."]}})
    with pytest.raises(PostBoostConfigError) as caught:
        read_histories(connect(), MONDAY_ROW.owner)
    assert (caught.value.code, caught.value.field) == ("log_unreadable", "on_unknown")
    assert read_histories(connect(), MONDAY_ROW.owner, on_unknown="publish") is None
