"""The poller: what ends a wait, and what it pauses for. Both of its loops do the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import (
    NotFinishedError,
    PostBoostConfigError,
    PostBoostError,
    UnreachableError,
)
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import Event, Poller, wait, wait_async, wait_briefly
from postboost_provider.polling.schedule import Wait
from tests.naps import pass_at_once

START = datetime(2026, 10, 16, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOWN, WRONG = UnreachableError("The network is down."), PostBoostConfigError("It is wrong.")
PENDING, SETTLED = Finding(False, "half", "It is half done."), Finding(True, "done")


def poller(**options: Any) -> Poller:
    return Poller(Wait(START, 10 * MINUTE, MINUTE), **options)


def feed(poller: Poller, seen: Finding | PostBoostError, now: datetime) -> Event | None:
    return poller.found(seen, now) if isinstance(seen, Finding) else poller.failed(seen, now)


@pytest.mark.parametrize(
    ("options", "seen", "minutes", "event"),
    [
        ({}, SETTLED, 0, Event("settled", "done")),
        ({}, SETTLED, 11, Event("settled", "done")),
        ({}, PENDING, 10, None),
        ({}, PENDING, 11, Event("timeout", "half", "It is half done.")),
        ({}, WRONG, 0, Event("error", error=WRONG)),
        ({}, WRONG, 11, Event("error", error=WRONG)),
        ({}, DOWN, 10, None),
        ({}, DOWN, 11, Event("timeout", message="The network is down.")),
        ({"most_failures": 1}, DOWN, 0, Event("error", error=DOWN)),
        ({"most_failures": 2}, DOWN, 11, None),
        ({"most_failures": 2, "earlier_polls": 9}, DOWN, 10, None),
        ({"most_failures": 2, "earlier_polls": 1}, DOWN, 11, Event("error", error=DOWN)),
        ({"most_failures": 3, "earlier_polls": 1}, DOWN, 11, None),
    ],
)
def test_what_ends_a_wait(
    options: dict[str, Any], seen: Finding | PostBoostError, minutes: int, event: Event | None
) -> None:
    assert feed(poller(**options), seen, START + minutes * MINUTE) == event


def test_only_failures_in_a_row_count() -> None:
    polls = poller(most_failures=2)
    for seen in (DOWN, PENDING, DOWN):
        assert feed(polls, seen, START) is None
        assert polls.pause == MINUTE
    assert feed(polls, DOWN, START) == Event("error", error=DOWN)


def block(poller: Poller, ask: Callable[[], Finding]) -> Event:
    return wait(poller, ask)


def drive_loop(poller: Poller, ask: Callable[[], Finding]) -> Event:
    async def ask_async() -> Finding:
        return ask()

    return asyncio.run(wait_async(poller, ask_async))


@pytest.mark.parametrize("drive", [block, drive_loop])
def test_both_loops_poll_until_the_wait_ends(mocker: Any, drive: Callable[..., Event]) -> None:
    slept = pass_at_once(mocker, lambda _: None)
    seen: list[Finding | PostBoostError] = [PENDING, DOWN, SETTLED]

    def ask() -> Finding:
        one = seen.pop(0)
        if isinstance(one, PostBoostError):
            raise one
        return one

    now = datetime.now(UTC)
    times = Wait(now, 10 * MINUTE, MINUTE)
    event = drive(Poller(times, first_poll_at=now + timedelta(hours=1)), ask)
    # The first poll is an hour later, and so after the deadline.
    assert (event.status, event.message) == ("timeout", "It is half done.")
    assert [round(seconds / 60) for seconds in slept] == [60]
    slept.clear()
    event = drive(Poller(Wait(datetime.now(UTC), 10 * MINUTE, MINUTE)), ask)
    assert (event, seen) == (Event("settled", "done"), [])
    assert [60 <= seconds <= 62 for seconds in slept] == [True]


@pytest.mark.parametrize("drive", [block, drive_loop])
def test_an_error_of_another_kind_is_raised_as_it_is(drive: Callable[..., Event]) -> None:
    with pytest.raises(ZeroDivisionError):
        drive(poller(), lambda: 1 / 0)


def test_a_brief_wait_starts_with_what_is_known_and_polls_at_growing_pauses(mocker: Any) -> None:
    slept = pass_at_once(mocker, lambda _: None)
    asked: list[int] = []

    def ask() -> Finding:
        asked.append(1)
        return PENDING

    assert wait_briefly(ask, 300, None, known=SETTLED) == "done"
    assert (asked, slept) == ([], [])
    assert wait_briefly(ask, 300, None, known=PENDING) == "half"
    assert len(asked) == len(slept)
    assert slept[:-1] == sorted(slept[:-1])
    assert (round(slept[0]), round(max(slept))) == (1, 30)
    assert sum(slept) == pytest.approx(301, abs=0.1)


def test_the_time_of_a_wait_is_that_of_its_clock() -> None:
    polls = Poller(Wait(START, 10 * MINUTE, MINUTE), clock=lambda: START + timedelta(minutes=11))
    assert polls.poll(lambda: PENDING) == Event("timeout", "half", "It is half done.")
    polls = Poller(Wait(START, 10 * MINUTE, MINUTE), first_poll_at=START + MINUTE, clock=lambda: START)
    assert (polls.poll(lambda: SETTLED), polls.pause) == (None, MINUTE)


def test_a_brief_wait_raises_why_its_polls_failed() -> None:
    asked: list[int] = []

    def ask() -> Finding:
        asked.append(1)
        raise DOWN

    with pytest.raises(UnreachableError):
        wait_briefly(ask, 300, None)
    assert len(asked) == 1


def test_a_brief_wait_that_times_out_is_an_error_with_a_code(mocker: Any) -> None:
    pass_at_once(mocker, lambda _: None)
    with pytest.raises(NotFinishedError, match="late") as caught:
        wait_briefly(lambda: PENDING, 300, "It is late.")
    assert caught.value.code == "timeout"


def test_waits_of_one_process_wake_up_within_two_seconds_not_all_at_once(mocker: Any) -> None:
    slept = pass_at_once(mocker, lambda _: None)
    mocker.patch("random.random", return_value=0.75)
    seen = [PENDING, SETTLED]
    drive_loop(Poller(Wait(datetime.now(UTC), 10 * MINUTE, MINUTE)), lambda: seen.pop(0))
    assert slept == [61.5]


def test_a_failed_poll_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    feed(poller(), DOWN, START)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(DOWN) in caplog.text
