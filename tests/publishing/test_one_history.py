"""What the entries of the activity log tell of a post."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from postboost_provider.idempotency.activity_log import LogEntry
from postboost_provider.idempotency.identity import Actor
from postboost_provider.idempotency.label import HeldAct, Kept, PostAct
from postboost_provider.publishing.post_history import (
    History,
    Intention,
    KnownPost,
    history_of,
    read_warnings,
)

ROW = Actor.of_row("spring", "monday")
A, B = "a" * 16, "b" * 16
POST = "b0a7d2c4-0000-4000-8000-000000000001"


def entry(act: object, post: str | None = "p-1", outcome: str | None = "created", **more: Any) -> LogEntry:
    status = more.pop("status", 201)
    return LogEntry(ROW.label(act), outcome, status, post, None, more.pop("at", None))


def written(intent: str = A, mode: str = "draft", revision: int | None = 0, **more: Any) -> LogEntry:
    return entry(PostAct(intent, mode, revision), **more)


TRASHED = entry("trash", outcome="ok", status=200)


def known(*entries: LogEntry) -> tuple[str | None, str | None, str | None] | None:
    found = History(entries).known
    return found and (found.post_uuid, found.intent, found.mode)


@pytest.mark.parametrize("outcome", ["created", "updated", "replayed", "ok", None])
def test_an_entry_of_a_success_tells_the_post(outcome: str | None) -> None:
    assert known(written(outcome=outcome)) == ("p-1", A, "draft")


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (written(outcome="failed"),),
        (written(status=400),),
        (written(outcome="replayed", status=422),),
        (entry("approve"),),
        (entry(HeldAct(A, 0)),),
        # An update without a post is of none.
        (written(outcome="updated", post=None),),
    ],
)
def test_what_made_no_post_tells_none(entries: tuple[LogEntry, ...]) -> None:
    assert known(*entries) is None


def test_a_creation_without_a_uuid_is_known_without_one() -> None:
    assert known(written(post=None)) == (None, A, "draft")
    assert known(written(status=399, post=None)) == (None, A, "draft")


def test_a_write_is_newer_than_what_was_kept_and_that_than_a_replay() -> None:
    kept = entry(Kept(POST, B, "queue"), outcome="ok", at="2026-10-16")
    assert known(written(outcome="replayed"), kept) == (POST, B, "queue")
    assert known(kept, written(outcome="updated")) == ("p-1", A, "draft")
    assert known(written(B), written(A)) == ("p-1", B, "draft")
    assert History((kept,)).known == KnownPost(POST, B, "queue", "2026-10-16")
    # What was kept counts whatever came of the request that told it.
    assert known(replace(kept, outcome="failed", http_status=422)) == (POST, B, "queue")


def test_a_post_that_the_task_has_moved_to_the_trash_is_its_own() -> None:
    history = History((TRASHED, written()))
    assert history.known is None
    assert history.own_trash is not None
    assert history.own_trash.post_uuid == "p-1"
    assert history.first_revision == 1
    # A post that was created after that, and one that was not moved.
    assert known(written(post="p-2"), TRASHED, written()) == ("p-2", A, "draft")
    assert History((written(post="p-2"), TRASHED, written())).own_trash is None
    assert known(TRASHED, written(post="p-2")) == ("p-2", A, "draft")


def test_a_post_without_a_uuid_was_moved_to_the_trash_by_what_came_later() -> None:
    assert known(TRASHED, written(post=None)) is None
    assert known(replace(TRASHED, post_uuid=None), written()) is None
    assert known(written(post=None), TRASHED) == (None, A, "draft")


@pytest.mark.parametrize("status", [400, 404])
def test_a_refused_move_to_the_trash_moved_nothing(status: int) -> None:
    assert known(replace(TRASHED, http_status=status), written()) == ("p-1", A, "draft")
    assert known(replace(TRASHED, outcome="replayed"), written()) == ("p-1", A, "draft")


def refused(revision: int | None, outcome: str = "replayed", status: int = 422) -> LogEntry:
    return written(revision=revision, outcome=outcome, status=status, post=None)


@pytest.mark.parametrize(
    ("entries", "first"),
    [
        ((), 0),
        ((refused(0),), 1),
        ((refused(2), refused(0)), 3),
        ((refused(0), refused(2)), 3),
        ((refused(0, outcome="failed"),), 0),
        ((refused(0, status=500),), 0),
        ((refused(None),), 0),
        ((written(revision=4),), 0),
        ((TRASHED, written(revision=4)), 5),
        ((TRASHED, written(revision=None)), 1),
        ((TRASHED, written(revision=1), refused(3)), 4),
        ((TRASHED, refused(3, outcome="failed", status=400), written(revision=0)), 1),
        ((entry("approve", outcome="replayed", status=422),), 0),
    ],
)
def test_the_first_revision_comes_after_every_one_that_is_proven_to_be_of_no_use(
    entries: tuple[LogEntry, ...], first: int
) -> None:
    assert History(entries).first_revision == first


def test_entries_are_found_by_their_revision() -> None:
    first, second, unknown = written(revision=0), written(revision=1), written(revision=None)
    history = History((entry("approve"), second, unknown, first, entry(HeldAct(A, 0))))
    assert history.at(0) == [unknown, first]
    assert history.at(1) == [second, unknown]
    assert history.held == {HeldAct(A, 0)}


def test_what_was_written_since_is_what_is_new_and_was_written() -> None:
    before = History((written(),))
    kept = entry(Kept(POST, B, "queue"))
    after = History((kept, written(outcome="replayed"), written(B, outcome="updated"), written(), written()))
    assert [post.intent for post in after.written_since(before)] == [B, A]
    assert after.written_since(after) == []
    assert History((written(outcome="failed", status=422),)).written_since(History()) == []


def test_the_log_was_told_of_a_post_by_its_latest_entry() -> None:
    early, late = written(at="2026-10-16"), written(at="2026-10-17", outcome="replayed")
    assert History((early, late, written())).told_at == "2026-10-17"
    assert History((early,), former=(late,)).told_at == "2026-10-17"
    assert History((written(), entry("approve", at="2026-10-18"))).told_at is None
    assert History((replace(TRASHED, created_at="2026-10-18"), early)).told_at is None


def test_a_history_has_what_version_0_1_0_wrote_for_the_same_row() -> None:
    actor = Actor.of_row("spring", "Caf\u00e9", ("spring", "Cafe\u0301"))
    assert actor.former is not None
    new, old = written(A), written(B)
    histories = {actor.log_identity: History((new,)), actor.former.log_identity: History((old,))}
    assert history_of(histories, actor) == History((new,), (old,))
    assert history_of({}, actor) == history_of(None, actor) == History()
    assert history_of(histories, actor.former) == History((old,))
    found = History((), (old,)).known
    assert found is not None
    assert found.intent == B
    assert History((new,), (old,)).first_revision == 0


def test_an_intention_is_one_act_whatever_its_options() -> None:
    plain, other = Intention(ROW, A, "now"), Intention(ROW, A, "now", allow_duplicate=True, keep_live=True)
    assert plain.act == other.act
    assert plain.act.label.post == PostAct(A, "now")
    assert (plain.allow_duplicate, plain.refuse_altered, plain.keep_live) == (False, False, False)


@pytest.mark.parametrize(
    ("response", "warnings"),
    [
        (
            {"warnings": [{"message": "Late.", "code": "late"}, {"code": "x"}, "Text\x1b"]},
            ("Late.", "x", "Text"),
        ),
        ({"warnings": None}, ()),
        ({}, ()),
        ([], ()),
        (None, ()),
    ],
)
def test_the_warnings_of_a_response_are_clean_texts(response: Any, warnings: tuple[str, ...]) -> None:
    found = read_warnings(response)
    assert [text[: len(word)] for text, word in zip(found, warnings, strict=True)] == list(warnings)
    assert "\x1b" not in "".join(found)
