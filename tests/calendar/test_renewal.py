"""What a run remembers of a row for longer than PostBoost's activity log keeps an entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.idempotency.activity_log import LogEntry
from postboost_provider.idempotency.label import LONGEST, Kept, Label
from postboost_provider.publishing.post_history import History
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import results, row, run
from tests.clients import posts

UUID = "8c6c8d55-590b-45c6-8cdf-6ad7e4f80727"
DRAFT = row(publish_at="", timezone="", mode="draft")


class Days:
    """Runs of a calendar on the days after the first one."""

    def __init__(self, sandbox: Sandbox, api: PostBoostClient) -> None:
        self.sandbox, self.api, self.day = sandbox, api, 0
        self.began = datetime.now(UTC)

    def run(self, day: int, *rows: dict[str, Any], **options: Any) -> Any:
        self.sandbox.advance((day - self.day) * 86400)
        self.day = day
        return run(self.api, *rows, clock=lambda: datetime.now(UTC) + timedelta(days=day), **options)

    def at(self, day: int) -> str:
        return f"{self.began + timedelta(days=day):%Y-%m-%d %H:%M}"


@pytest.fixture
def days(sandbox: Sandbox, api: PostBoostClient) -> Days:
    return Days(sandbox, api)


def test_a_row_without_a_time_is_one_post_for_ever(days: Days, sandbox: Sandbox) -> None:
    assert results(days.run(0, DRAFT)) == ["created"]
    for day in (1, 50, 88, 91, 130, 175, 200):
        assert results(days.run(day, DRAFT)) == ["adopted"]
    assert len(posts(sandbox)) == 1
    # One request in 30 days and more.
    renewals = [r for r in sandbox.requests() if r["operation"] == "validate_post"]
    assert len(renewals) <= 7


def test_an_edit_of_a_row_whose_first_entry_is_forgotten_updates_its_post(
    days: Days, sandbox: Sandbox
) -> None:
    days.run(0, DRAFT)
    days.run(50, DRAFT)
    assert results(days.run(95, {**DRAFT, "text": "Edited"})) == ["updated"]
    assert [p["text"] for p in posts(sandbox)] == ["Edited"]


def test_a_row_whose_post_was_deleted_long_ago_stays_deleted(days: Days, sandbox: Sandbox) -> None:
    days.run(0, DRAFT)
    days.api.send("delete_post", parameters={"post_uuid": posts(sandbox)[0]["uuid"]}, body={"trash": False})
    for day in (50, 95):
        assert results(days.run(day, DRAFT)) == ["skipped"]
    assert posts(sandbox) == []


def test_a_row_whose_entry_ends_soon_fails_until_the_log_has_a_newer_one(days: Days) -> None:
    days.run(0, DRAFT)
    (late,) = days.run(85, DRAFT).rows
    assert (late.result, late.retry) == ("failed", True)
    assert results(days.run(85, DRAFT)) == ["adopted"]


def test_a_dry_run_renews_nothing(days: Days, sandbox: Sandbox) -> None:
    days.run(0, DRAFT)
    before = len(sandbox.requests())
    days.run(50, DRAFT, dry_run=True)
    assert "validate_post" not in {r["operation"] for r in sandbox.requests()[before:]}


def test_a_post_is_not_moved_to_where_it_would_be_forgotten(days: Days, sandbox: Sandbox) -> None:
    assert results(days.run(0, row(publish_at=days.at(10)))) == ["created"]
    (moved,) = days.run(1, row(publish_at=days.at(200))).rows
    assert (moved.result, moved.retry) == ("failed", False)
    assert days.at(120)[:10] in moved.why
    assert days.at(10) in str(posts(sandbox)[0]["scheduled_at"]).replace("T", " ")
    # It went out on day 10, and the row is still about it.
    for day in (50, 95, 130):
        assert results(days.run(day, row(publish_at=days.at(200)))) == ["failed"]
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("mode", ["draft", "schedule", "queue", "now"])
def test_what_is_kept_of_an_entry_fits_into_a_label(mode: str) -> None:
    label = Label("0" * 8, "1" * 12, str(Kept(UUID, "0123456789abcdef", mode)))
    assert len(str(label)) == LONGEST
    found = Label.parse(str(label))
    assert found is not None
    assert found.kept == Kept(UUID, "0123456789abcdef", mode)
    assert (found.post, found.operation) == (None, None)
    cut = Label.parse(str(label)[:-1])
    assert cut is not None
    assert cut.kept is None


def test_a_write_that_is_in_the_log_is_newer_than_what_was_kept() -> None:
    kept = LogEntry(
        Label("0" * 8, "1" * 12, str(Kept(UUID, "a" * 16, "draft"))), "validated", 422, None, 1, "2026-03-02"
    )
    made = LogEntry(Label("0" * 8, "1" * 12, f"{'b' * 16} draft"), "updated", 200, UUID, 1, "2026-03-01")
    known = History((kept, made)).known
    assert known is not None
    assert known.intent == "b" * 16
    assert History((kept, made)).written_since(History((made,))) == []


def test_a_row_without_a_time_is_not_new_after_a_gap_in_which_the_log_forgot_it(
    days: Days, sandbox: Sandbox
) -> None:
    assert results(days.run(0, DRAFT)) == ["created"]
    last_run = lambda: days.began
    # A row that has a time to come can't have been sent so long ago.
    timed = row("b", publish_at=days.at(105))
    for _ in range(2):
        report = days.run(100, DRAFT, timed, last_run=last_run)
        assert [r.result == "failed" for r in report.rows] == [True, False]
        assert "on_unknown" in report.rows[0].why
        assert not report.rows[0].retry
    assert len(posts(sandbox)) == 2
    assert results(days.run(100, DRAFT, last_run=last_run, on_unknown="publish")) == ["created"]


@pytest.mark.parametrize("ago", [None, 1, 80])
def test_a_row_without_a_time_is_new_if_the_log_would_know_it(days: Days, ago: int | None) -> None:
    def last_run() -> datetime | None:
        return None if ago is None else days.began + timedelta(days=100 - ago)

    assert results(days.run(100, DRAFT, last_run=last_run)) == ["created"]


@pytest.mark.parametrize("ahead", [79, 81])
def test_a_row_with_a_time_to_come_is_in_the_log_until_then(days: Days, sandbox: Sandbox, ahead: int) -> None:
    due = row(publish_at=days.at(ahead))
    assert results(days.run(0, due)) == ["created" if ahead < 80 else "skipped"]
    last_run = lambda: days.began
    assert results(days.run(ahead - 1, due, last_run=last_run)) == ["adopted" if ahead < 80 else "created"]
    assert len(posts(sandbox)) == 1
