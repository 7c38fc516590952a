"""When to look again, and when to stop. Pure: given what was seen and the time.

A post that goes out on Friday needs no look on Tuesday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.api.outcome import PostOutcome

# A post that waits for somebody, or is being sent, may change at any time: do not look less often than this.
LONGEST_PAUSE = timedelta(minutes=10)
JITTER = 0.2
# How many looks may fail one after another before the wait itself fails.
FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Wait:
    """What a wait was told to do.

    :param started: the aware instant at which it began, kept over restarts.
    :param timeout: how long to wait after the later of ``started`` and the posts' ``scheduled_at``.
    :param interval: the pause between the first looks at a post that is due; it grows with the time waited.
    """

    started: datetime
    timeout: timedelta
    interval: timedelta

    def deadline(self, seen: Sequence[PostOutcome]) -> datetime:
        """Return the instant at which to give up, given the posts as last seen."""
        due = [outcome.scheduled_at for outcome in seen if outcome.scheduled_at and not outcome.is_settled]
        return max([self.started, *due]) + self.timeout

    def is_over(self, seen: Sequence[PostOutcome], now: datetime) -> bool:
        return now > self.deadline(seen)

    def pause(self, seen: Sequence[PostOutcome], now: datetime, spread: float) -> timedelta:
        """Return how long to sleep before the next look.

        :param seen: the posts that are not settled yet.
        :param spread: a random number of [0, 1), so that many waits do not look in step.
        """
        soonest = min((self._pause_for(outcome, now) for outcome in seen), default=self.interval)
        jittered = (
            soonest * (1 + JITTER * spread) if soonest <= LONGEST_PAUSE else soonest + self.interval * spread
        )
        # The deadline itself deserves a last look.
        return min(jittered, max(self.deadline(seen) - now, timedelta(0)) + timedelta(seconds=1))

    def _pause_for(self, outcome: PostOutcome, now: datetime) -> timedelta:
        if outcome.status == "scheduled" and outcome.scheduled_at and outcome.scheduled_at > now:
            return outcome.scheduled_at - now
        waited = now - max(self.started, min(outcome.scheduled_at or self.started, now))
        return min(max(self.interval, waited / 2), max(LONGEST_PAUSE, self.interval))
