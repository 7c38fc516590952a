from __future__ import annotations

from typing import Any

import httpx
import pytest

from postboost_provider.api.errors import NotFoundError
from postboost_provider.idempotency import identity as identities
from postboost_provider.idempotency.activity_log import Entry, label, read_ledger
from tests.api.support import WORKSPACE

SCOPE = identities.ledger_scope("spring")
A, B, C = "a" * 16, "b" * 16, "c" * 16
MONDAY = identities.ledger_identity(identities.row_identity("spring", "monday"))
TUESDAY = identities.ledger_identity(identities.row_identity("spring", "tuesday"))


def activity(
    client: str | None, post: str | None = "p1", outcome: str = "created", **more: Any
) -> dict[str, Any]:
    return {"client": client, "post_uuid": post, "outcome": outcome, **more}


@pytest.fixture
def log(connect, postboost):
    """Read the ledger from this activity, newest first, on as many pages as there are lists."""

    def read(*pages: list[dict[str, Any]], identity: str | None = None) -> dict[str, Entry] | None:
        log.route = postboost.get(f"/{WORKSPACE}/activity").mock(
            side_effect=[
                httpx.Response(200, json={"data": p, "meta": {"last_page": len(pages)}}) for p in pages
            ]
        )
        return read_ledger(connect(), SCOPE, identity)

    log = read
    return read


def test_a_label_names_scope_identity_and_intent():
    assert label("spring~1", "monday~2", "abc", "queue") == "airflow/spring~1/monday~2 abc queue"


def test_a_label_is_read_back_as_it_was_written(log):
    written = label(SCOPE, MONDAY, A, "schedule")
    read = log([activity(written, created_at="2026-10-16T07:30:00Z")])
    assert read == {MONDAY: Entry(MONDAY, "p1", A, "schedule")}


def test_a_whole_scope_is_asked_for_by_the_start_of_its_labels_and_read_to_the_end(log):
    read = log(
        [activity(label(SCOPE, MONDAY, A, "schedule"))],
        [],
        [activity(label(SCOPE, TUESDAY, B, "schedule"), "p2")],
    )
    assert {identity: entry.post_uuid for identity, entry in read.items()} == {MONDAY: "p1", TUESDAY: "p2"}
    assert [dict(call.request.url.params)["client"] for call in log.route.calls] == [f"airflow/{SCOPE}/"] * 3


def test_one_identity_is_asked_for_alone(log):
    assert set(log([activity(label(SCOPE, MONDAY, A, "schedule"))], identity=MONDAY)) == {MONDAY}
    assert log.route.calls.last.request.url.params["client"] == f"airflow/{SCOPE}/{MONDAY}"


def test_the_newest_intent_and_post_of_an_identity_win(log):
    entries = [
        activity(label(SCOPE, MONDAY, C, "schedule"), "p2", "updated"),
        activity(label(SCOPE, MONDAY, B, "schedule"), "p1", "created"),
    ]
    assert log(entries, [activity(label(SCOPE, MONDAY, A, "schedule"), "p0")])[MONDAY] == Entry(
        MONDAY, "p2", C, "schedule"
    )


@pytest.mark.parametrize(
    "client",
    [
        None,
        "",
        "airflow-provider-postboost/1.0",
        f"airflow/{SCOPE}",
        f"airflow/{SCOPE}x/{MONDAY} a",
        f"airflow/{SCOPE.replace('~', '_')}/{MONDAY} a",
        f"AIRFLOW/{SCOPE.upper()}/{MONDAY} a",
        f"x airflow/{SCOPE}/{MONDAY} a",
    ],
)
def test_what_a_server_matches_too_widely_is_not_ours(log, client):
    assert log([activity(client)]) == {}


@pytest.mark.parametrize("outcome", ["created", "updated", "replayed"])
def test_what_made_or_changed_a_post_counts(log, outcome):
    assert set(log([activity(label(SCOPE, MONDAY, A, "schedule"), outcome=outcome)])) == {MONDAY}


@pytest.mark.parametrize(
    "outcome",
    ["blocked_duplicate", "blocked_cap", "validation_failed", "validated", "error", "deleted", "ok", None],
)
def test_what_made_nothing_does_not_count_and_hides_nothing(log, outcome):
    entries = [
        activity(label(SCOPE, MONDAY, B, "schedule"), "p9", outcome),
        activity(label(SCOPE, MONDAY, B, "schedule"), None, "updated"),
        activity(label(SCOPE, MONDAY, A, "schedule"), "p1"),
    ]
    assert log(entries)[MONDAY] == Entry(MONDAY, "p1", A, "schedule")


@pytest.mark.parametrize("client", [f"airflow/{SCOPE}/{MONDAY}", label(SCOPE, MONDAY, "", "schedule")])
def test_an_intent_may_be_missing(log, client):
    assert log([activity(client)])[MONDAY].intent is None


@pytest.mark.parametrize(
    "action", [f"retry {A}", "schedule now", "schedule 2026-12-01T09:00", "queue", "update"]
)
def test_an_action_on_the_post_is_not_what_created_it(log, action):
    acted = activity(f"airflow/{SCOPE}/{MONDAY} {action}", outcome="replayed")
    assert log([acted, activity(label(SCOPE, MONDAY, A, "schedule"))]) == {
        MONDAY: Entry(MONDAY, "p1", A, "schedule")
    }


def test_a_ledger_that_may_not_be_read_is_none_and_not_empty(connect, postboost):
    postboost.get(f"/{WORKSPACE}/activity").respond(403, json={"code": "insufficient_scope"})
    assert read_ledger(connect(), SCOPE) is None


def test_a_ledger_that_cannot_be_found_is_an_error_and_not_empty(connect, postboost):
    postboost.get(f"/{WORKSPACE}/activity").respond(404)
    with pytest.raises(NotFoundError):
        read_ledger(connect(), SCOPE)
