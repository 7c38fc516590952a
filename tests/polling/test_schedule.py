from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from postboost_provider.polling.outcome import PostOutcome, read_post
from postboost_provider.polling.schedule import JITTER, LONGEST_PAUSE, LONGEST_PAUSE_FOR_PEOPLE, Wait

START = datetime(2026, 10, 16, 9, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
SOON = 30 * SECOND


def post(status: str = "publishing", due: timedelta | None = None) -> PostOutcome:
    """A post that is due so long after the start."""
    at = None if due is None else (START + due).strftime("%Y-%m-%d %H:%M:%S")
    return read_post({"uuid": "p", "status": status, "scheduled_at": at})


def wait(timeout: timedelta = HOUR, interval: timedelta = SOON) -> Wait:
    return Wait(START, timeout, interval)


@pytest.mark.parametrize(
    "seen, after",
    [
        ([], HOUR),
        ([post("draft")], HOUR),
        ([post("publishing")], HOUR),
        ([post("scheduled", DAY)], DAY + HOUR),
        ([post("needs_approval", DAY)], DAY + HOUR),
        ([post("scheduled", -DAY)], HOUR),
        ([post("scheduled", DAY), post("scheduled", 3 * DAY), post()], 3 * DAY + HOUR),
        ([post("published", DAY), post("failed", 2 * DAY)], HOUR),
        ([post("published", 3 * DAY), post("scheduled", DAY)], DAY + HOUR),
    ],
)
def test_the_timeout_starts_at_the_later_of_the_start_and_the_last_post_that_is_due(seen, after):
    assert wait().deadline(seen) == START + after


@pytest.mark.parametrize("away, over", [(-SECOND, False), (timedelta(0), False), (SECOND, True)])
@pytest.mark.parametrize("seen, after", [([post()], HOUR), ([post("scheduled", DAY)], DAY + HOUR)])
def test_a_wait_is_over_once_its_deadline_has_passed(seen, after, away, over):
    assert wait().is_over(seen, START + after + away) is over


@pytest.mark.parametrize("spread", [0.0, 0.25, 0.999])
@pytest.mark.parametrize("due", [LONGEST_PAUSE + SECOND, HOUR, DAY, 80 * DAY])
def test_a_post_that_is_due_later_is_polled_when_it_is_due_and_not_before(due, spread):
    pause = wait().pause([post("scheduled", due)], START, spread)
    assert due <= pause <= due + SOON


@pytest.mark.parametrize("spread", [0.0, 0.999])
@pytest.mark.parametrize("due", [SECOND, MINUTE, LONGEST_PAUSE])
def test_a_post_that_is_due_soon_is_not_polled_before(due, spread):
    assert due <= wait().pause([post("scheduled", due)], START, spread) <= due * (1 + JITTER)


@pytest.mark.parametrize("status", ["draft", "needs_approval", "publishing"])
def test_a_post_that_may_change_at_any_time_is_polled_before_it_is_due(status):
    assert wait(timeout=3 * DAY).pause([post(status, DAY)], START, 0) == SOON


@pytest.mark.parametrize(
    "status, due, waited, pause",
    [
        ("publishing", None, timedelta(0), SOON),
        ("publishing", None, MINUTE, SOON),
        ("publishing", None, 4 * MINUTE, 2 * MINUTE),
        ("publishing", None, 20 * MINUTE, LONGEST_PAUSE),
        ("publishing", None, 2 * DAY, LONGEST_PAUSE),
        ("scheduled", timedelta(0), timedelta(0), SOON),
        ("scheduled", HOUR, HOUR, SOON),
        ("scheduled", HOUR, HOUR + 4 * MINUTE, 2 * MINUTE),
        ("scheduled", None, 4 * MINUTE, 2 * MINUTE),
        ("publishing", -DAY, 4 * MINUTE, 2 * MINUTE),
        ("publishing", HOUR, HOUR + 4 * MINUTE, 2 * MINUTE),
        ("needs_approval", None, 4 * MINUTE, 2 * MINUTE),
        ("needs_approval", 2 * DAY, 4 * MINUTE, 2 * MINUTE),
        ("needs_approval", HOUR, HOUR + 4 * MINUTE, 2 * MINUTE),
        ("needs_approval", None, DAY, LONGEST_PAUSE_FOR_PEOPLE),
        ("needs_approval", 2 * DAY, DAY, LONGEST_PAUSE_FOR_PEOPLE),
        ("draft", None, DAY, LONGEST_PAUSE_FOR_PEOPLE),
    ],
)
def test_a_pause_grows_with_the_time_waited_up_to_ten_minutes_and_for_people_up_to_an_hour(
    status, due, waited, pause
):
    assert wait(timeout=9 * DAY).pause([post(status, due)], START + waited, 0) == pause


@pytest.mark.parametrize("waited", [timedelta(0), HOUR, DAY])
def test_an_interval_longer_than_the_longest_pause_is_kept(waited):
    assert wait(timeout=9 * DAY, interval=2 * HOUR).pause([post()], START + waited, 0) == 2 * HOUR


def test_the_soonest_of_several_posts_decides():
    seen = [post("scheduled", DAY), post("scheduled", 7 * MINUTE), post("scheduled", HOUR)]
    assert wait().pause(seen, START, 0) == 7 * MINUTE
    assert wait().pause([*seen, post("publishing")], START, 0) == SOON


def test_without_posts_the_interval_is_kept():
    assert wait().pause([], START, 0) == SOON


@pytest.mark.parametrize("spread, pause", [(0.0, 30), (0.5, 33), (1.0, 36)])
def test_waits_do_not_poll_at_the_same_time(spread, pause):
    assert wait().pause([post()], START, spread) == pause * SECOND


@pytest.mark.parametrize("interval, jitter", [(SOON, 0.2 * SOON), (HOUR, 0.2 * LONGEST_PAUSE)])
def test_a_poll_of_a_post_that_is_due_later_is_late_by_a_part_of_the_interval_at_most(interval, jitter):
    assert wait(interval=interval).pause([post("scheduled", DAY)], START, 1.0) == DAY + jitter


@pytest.mark.parametrize(
    "seen, deadline", [([post("publishing")], HOUR), ([post("scheduled", DAY)], DAY + HOUR), ([], HOUR)]
)
@pytest.mark.parametrize(
    "before, longest",
    [(20 * SECOND, 21 * SECOND), (SECOND, 2 * SECOND), (timedelta(0), SECOND)],
)
def test_the_last_poll_is_just_after_the_deadline(seen, deadline, before, longest):
    assert wait().pause(seen, START + deadline - before, 0.999) == longest


def test_after_the_deadline_the_poll_after_a_failed_one_comes_after_the_interval():
    assert wait().pause([post("publishing")], START + DAY, 0.999) == SOON
    assert wait(interval=DAY).pause([], START + 2 * DAY, 0.999) == LONGEST_PAUSE


def test_a_post_far_in_the_future_is_still_polled_once_it_is_due():
    far = post("scheduled", 300 * DAY)
    assert wait(timeout=timedelta(0)).pause([far], START, 0.9) == 300 * DAY + SECOND


@pytest.mark.parametrize("due", [None, timedelta(0), 10 * MINUTE, 2 * HOUR])
def test_a_wait_takes_few_polls_and_ends(due):
    waited, polls = timedelta(0), 0
    seen = [post("scheduled", due)]
    while not wait(timeout=DAY).is_over(seen, START + waited):
        waited += wait(timeout=DAY).pause(seen, START + waited, 0.5)
        polls += 1
        assert polls < 200
    assert DAY < waited < DAY + (due or timedelta(0)) + 2 * SECOND


@pytest.mark.parametrize(
    ("last_due", "scheduled", "after"),
    [(2 * HOUR, HOUR, 2 * HOUR), (HOUR, 2 * HOUR, 2 * HOUR), (HOUR, None, HOUR), (-HOUR, None, timedelta(0))],
)
def test_the_timeout_starts_when_the_last_account_is_due(last_due, scheduled, after):
    times = Wait(START, HOUR, SOON, due=START + last_due)
    assert times.deadline([post("publishing", scheduled)]) == START + after + HOUR


@pytest.mark.parametrize(
    ("status", "now", "pause"),
    [
        ("publishing", timedelta(0), 2 * HOUR),
        ("publishing", HOUR, HOUR),
        ("publishing", 2 * HOUR, SOON),
        ("publishing", 2 * HOUR + 4 * MINUTE, 2 * MINUTE),
        ("draft", timedelta(0), SOON),
        ("needs_approval", timedelta(0), SOON),
    ],
)
def test_a_post_whose_last_account_is_due_later_is_polled_then(status, now, pause):
    times = Wait(START, DAY, SOON, due=START + 2 * HOUR)
    assert times.pause([post(status, timedelta(0))], START + now, 0) == pause


def test_a_post_that_waits_for_people_is_polled_once_an_hour():
    assert wait(timeout=9 * DAY).pause([post("draft")], START + DAY, 0) == HOUR
    assert wait(timeout=9 * DAY).pause([post("publishing")], START + DAY, 0) == 10 * MINUTE
