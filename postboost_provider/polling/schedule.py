"""When to poll next and when to stop. A post that is scheduled for Friday needs no poll on Tuesday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.polling.outcome import PostOutcome

LONGEST_PAUSE = timedelta(minutes=10)
# For a post that waits for somebody to schedule or approve it.
LONGEST_PAUSE_FOR_PEOPLE = timedelta(hours=1)
JITTER = 0.2
# How many polls of posts may fail in a row.
MOST_FAILURES = 5
# How long one request of a poll may take, with its retries. The next poll retries, so keep it short.
POLL_SECONDS = 60.0


def whole_seconds(span: timedelta) -> timedelta:
    """Return a span as messages show it: nobody reads microseconds."""
    return timedelta(seconds=round(span.total_seconds()))


@dataclass(frozen=True, slots=True)
class Wait:
    """The times of one wait.

    :param started: the aware instant at which it began, even if the process was restarted since.
    :param timeout: how long to wait after the latest of ``started``, ``due`` and the posts' ``scheduled_at``.
    :param interval: the shortest pause between two polls.
    :param due: the aware instant of the last account's publishing time, where it is known: PostBoost returns only the time
        of the post, not those of its accounts (SDK 1.66.3).
    :param longest: the longest pause. Pauses grow towards it with the time waited. Default: ``interval``; for posts, ten minutes.
    """

    started: datetime
    timeout: timedelta
    interval: timedelta
    due: datetime | None = None
    longest: timedelta | None = None

    def deadline(self, seen: Sequence[PostOutcome]) -> datetime:
        """Return the instant at which to stop, given the posts as last seen."""
        due = [due for outcome in seen if not outcome.is_settled and (due := self._due(outcome))]
        return max([self.started, *due]) + self.timeout

    def is_over(self, seen: Sequence[PostOutcome], now: datetime) -> bool:
        return now > self.deadline(seen)

    def pause(self, waiting: Sequence[PostOutcome], now: datetime, spread: float) -> timedelta:
        """Return how long to wait before the next poll, given the posts that are not settled yet.

        :param spread: a random number in [0, 1), so that many waits don't poll at the same time.
        """
        growing = self._growing(now - self.started, self.longest or self.interval)
        soonest = min((self._pause_for(outcome, now) for outcome in waiting), default=growing)
        jittered = soonest + min(soonest, self.interval, LONGEST_PAUSE) * JITTER * spread
        left = self.deadline(waiting) - now
        if left < timedelta(0):
            # The poll failed: leave the server time to recover.
            return min(self.interval, LONGEST_PAUSE)
        # The last poll is just after the deadline.
        return min(jittered, left + timedelta(seconds=1))

    def _due(self, outcome: PostOutcome) -> datetime | None:
        return max(filter(None, (outcome.scheduled_at, self.due)), default=None)

    def _pause_for(self, outcome: PostOutcome, now: datetime) -> timedelta:
        due = self._due(outcome)
        if outcome.status == "scheduled" and due and due > now:
            return due - now
        if outcome.status == "publishing" and self.due and self.due > now:
            # The first accounts are published, the last one is not due yet.
            return self.due - now
        waits_for_people = outcome.status in ("draft", "needs_approval")
        since = max(self.started, due) if due and due <= now else self.started
        return self._growing(now - since, LONGEST_PAUSE_FOR_PEOPLE if waits_for_people else LONGEST_PAUSE)

    def _growing(self, waited: timedelta, longest: timedelta) -> timedelta:
        return min(max(self.interval, waited / 2), max(longest, self.interval))
