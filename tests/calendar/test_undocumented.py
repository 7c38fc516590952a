"""Calendars under whatever PostBoost does where its documents are silent: one post for each row, or a failure that says why."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import NotFinishedError, PostBoostError, is_retryable
from postboost_provider.calendar.report import GOOD
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import PNG, files, results, row, run
from tests.clients import client, posts, variant_name
from tests.naps import pass_at_once
from tests.publishing.test_undocumented import BLIND, EVERY, SEEING, UNREADABLE

NAMES = "abc"


@pytest.fixture
def naps(sandbox: Sandbox, mocker: Any) -> list[float]:
    nap = time.sleep

    def sleep(seconds: float) -> None:
        nap(min(0.05, seconds))
        sandbox.advance(seconds)

    mocker.patch("postboost_provider.api.client.time.sleep", lambda seconds: nap(min(seconds, 0.02)))
    return pass_at_once(mocker, sleep)


def attempt(sandbox: Sandbox, *rows: dict[str, Any], hours: float = 0, **options: Any) -> list[str]:
    """Run the calendar, and return what became of its rows, or the code of the error for each of them."""
    clock = lambda: datetime.now(UTC) + timedelta(hours=hours)
    with client(sandbox) as api:
        try:
            report = run(api, *rows, clock=clock, **options)
        except PostBoostError as error:
            return [str(error.code)] * len(rows)
    texts = {str(p["uuid"]): p["text"] for p in posts(sandbox)}
    for done in report.rows:
        if done.result in GOOD:
            assert texts[str(done.post_uuid)] == done.row.post.text
    return results(report)


def most_of_one(sandbox: Sandbox) -> int:
    return max(Counter(p["text"] for p in posts(sandbox)).values(), default=0)


@pytest.mark.parametrize("settings", EVERY, ids=variant_name)
def test_daily_runs_with_a_refused_and_a_corrected_row_make_each_post_once(
    sandbox: Sandbox, naps: list[float], settings: dict[str, Any]
) -> None:
    sandbox.reset(**settings)
    rows = [row(key) for key in NAMES]
    later = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%d %H:%M")
    for each in rows:
        each["publish_at"] = later
    bad = [*rows[:2], {**rows[2], "text": "c" * 300}]
    first = attempt(sandbox, *bad)
    attempt(sandbox, *bad)
    corrected = attempt(sandbox, *rows)
    if settings in SEEING and settings.get("activity_label_length", 64) >= 59:
        assert first == ["created", "created", "failed"]
        assert corrected == ["adopted", "adopted", "created"]
    if settings in UNREADABLE:
        assert posts(sandbox) == []
    for day in (1, 2):
        sandbox.advance(25 * 3600)
        attempt(sandbox, *rows, hours=25 * day)
        assert most_of_one(sandbox) <= 1
    assert len(posts(sandbox)) <= 3


@pytest.mark.parametrize("settings", BLIND, ids=variant_name)
def test_a_blind_log_refuses_before_anything_is_sent(
    sandbox: Sandbox, naps: list[float], settings: dict[str, Any]
) -> None:
    sandbox.reset(**settings)
    with client(sandbox) as api, pytest.raises(NotFinishedError) as caught:
        run(api, row("a"))
    assert (caught.value.code, caught.value.field) == ("blind_log", "on_unknown")
    # The task's retries may find a log that is late.
    assert is_retryable(caught.value)
    assert sum(naps) < 15
    assert posts(sandbox) == []
    assert attempt(sandbox, row("a"), on_unknown="publish") == ["created"]


def test_a_log_that_is_late_is_no_obstacle_to_a_retry(sandbox: Sandbox, naps: list[float]) -> None:
    sandbox.reset(activity_delay=60)
    assert attempt(sandbox, row("a")) == ["blind_log"]
    sandbox.advance(120)
    assert attempt(sandbox, row("a")) == ["created"]
    assert attempt(sandbox, row("a")) == ["replayed"]


def test_a_log_that_was_switched_off_since_yesterday_is_noticed(sandbox: Sandbox, naps: list[float]) -> None:
    assert attempt(sandbox, row("a")) == ["created"]
    sandbox.advance(25 * 3600)
    sandbox.change(activity_log="off")
    assert attempt(sandbox, row("a"), row("b"), hours=25) == ["blind_log"] * 2


def test_a_log_that_a_check_has_found_blind_refuses_at_once(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        api.settings = replace(api.settings, observed=(("log_visible", False),))
        with pytest.raises(NotFinishedError) as caught:
            run(api, row("a"))
    assert (caught.value.code, is_retryable(caught.value)) == ("blind_log", False)
    assert "validate_post" not in {r["operation"] for r in sandbox.requests()}


def test_a_log_that_is_proven_by_the_connection_is_not_proven_again(sandbox: Sandbox) -> None:
    assert attempt(sandbox, row("a"), is_sight_proven=True) == ["created"]
    assert "validate_post" not in {r["operation"] for r in sandbox.requests()}


@pytest.mark.parametrize("rows", [[row("a", publish_at="2026-01-02 03:04")], [row("a", text="")]])
def test_a_run_that_sends_nothing_proves_nothing(sandbox: Sandbox, rows: list[dict[str, Any]]) -> None:
    attempt(sandbox, *rows)
    assert "validate_post" not in {r["operation"] for r in sandbox.requests()}


@pytest.mark.parametrize("settings", [*SEEING, *BLIND], ids=variant_name)
@pytest.mark.parametrize("edit", ["", "!"], ids=["the same", "edited"])
def test_two_runs_at_once_make_each_post_once(
    sandbox: Sandbox, naps: list[float], settings: dict[str, Any], edit: str
) -> None:
    sandbox.reset(**settings)
    sandbox.faults({"operation": "create_post", "kind": "delay", "seconds": 0.1, "count": 100})
    green: list[str] = []

    def go(text: str) -> None:
        rows = [row(key, text=f"{key}{text}") for key in NAMES]
        with client(sandbox) as api:
            report = run(api, *rows, on_unknown="publish")
        green.extend(r.row.post.text for r in report.rows if r.result in GOOD)

    threads = [threading.Thread(target=go, args=(text,)) for text in ("", edit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(p["text"][0] for p in posts(sandbox)) == dict.fromkeys(NAMES, 1)
    assert set(green) == {p["text"] for p in posts(sandbox)}


@pytest.mark.parametrize("settings", [{}, {"store_4xx": False}, {"reused_key_status": 409}], ids=variant_name)
def test_a_row_whose_time_postboost_takes_for_past_is_sent_at_once(
    sandbox: Sandbox, naps: list[float], settings: dict[str, Any]
) -> None:
    sandbox.reset(**settings)
    sandbox.advance(240)
    soon = (datetime.now(UTC) + timedelta(minutes=2)).strftime("%Y-%m-%d %H:%M")
    assert attempt(sandbox, row("a", publish_at=soon)) == ["created"]
    assert attempt(sandbox, row("a", publish_at=soon)) == ["adopted"]
    assert naps == []
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("mode", ["schedule", "now"])
@pytest.mark.parametrize(
    ("edit", "result"),
    [({}, "adopted"), ({"media": "two.png"}, "invalid"), ({"text": "Edited"}, "invalid")],
    ids=["nothing", "another file", "the text"],
)
def test_only_a_lost_file_of_an_unchanged_row_changes_nothing(
    sandbox: Sandbox, mode: str, edit: dict[str, Any], result: str
) -> None:
    one = row("a", media="one.png", mode=mode)
    assert attempt(sandbox, one, media=files(**{"one.png": PNG})) == ["created"]
    sandbox.advance(60)
    assert attempt(sandbox, {**one, **edit}, media=files()) == [result]


def test_an_altered_text_fails_its_row_where_that_is_asked_for(sandbox: Sandbox) -> None:
    sandbox.reset(text_processing="trim")
    with client(sandbox) as api:
        rows = row("a", text=" a "), row("b")
        for _ in range(2):
            report = run(api, *rows, on_altered_text="fail")
            assert results(report)[0] == "failed"
            assert report.rows[0].post_uuid in {p["uuid"] for p in posts(sandbox)}
        assert results(run(api, *rows)) == ["adopted", "adopted"]


def test_a_row_with_an_unknown_status_names_its_post(sandbox: Sandbox) -> None:
    sandbox.reset(unknown_status="waiting")
    with client(sandbox) as api:
        for _ in range(2):
            (done,) = run(api, row("a")).rows
            assert (done.result, done.post_uuid) == ("failed", posts(sandbox)[0]["uuid"])
