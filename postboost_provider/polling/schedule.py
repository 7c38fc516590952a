"""When to look again, and when to stop. Pure: given what was seen and the time.

A post that goes out on Friday needs no look on Tuesday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from postboost_provider.polling.outcome import describe_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postboost_provider.polling.outcome import PostOutcome

LONGEST_PAUSE = timedelta(minutes=10)
# For a post that waits for somebody to schedule or approve it.
LONGEST_PAUSE_FOR_PEOPLE = timedelta(hours=1)
JITTER = 0.2
# How many looks may fail one after another before the wait itself fails.
FAILURES_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class Wait:
    """What a wait was told to do.

    :param started: the aware instant at which it began, kept over restarts.
    :param timeout: how long to wait after the latest of ``started``, ``due`` and the posts' ``scheduled_at``.
    :param interval: the pause between the first looks at a post that is due; it grows with the time waited.
    :param due: the aware instant at which the last account is due, where that is known. PostBoost tells the time of a
        post, and not those that single accounts have of their own (SDK 1.66.3).
    """

    started: datetime
    timeout: timedelta
    interval: timedelta
    due: datetime | None = None

    def deadline(self, seen: Sequence[PostOutcome]) -> datetime:
        """Return the instant at which to give up, given the posts as last seen."""
        due = [due for outcome in seen if not outcome.is_settled and (due := self._due(outcome))]
        return max([self.started, *due]) + self.timeout

    def is_over(self, seen: Sequence[PostOutcome], now: datetime) -> bool:
        return now > self.deadline(seen)

    def pause(self, seen: Sequence[PostOutcome], now: datetime, spread: float) -> timedelta:
        """Return how long to sleep before the next look.

        :param seen: the posts that are not settled yet.
        :param spread: a random number of [0, 1), so that many waits do not look in step.
        """
        soonest = min((self._pause_for(outcome, now) for outcome in seen), default=self.interval)
        jittered = soonest + min(soonest, self.interval, LONGEST_PAUSE) * JITTER * spread
        # The deadline itself deserves a last look.
        return min(jittered, max(self.deadline(seen) - now, timedelta(0)) + timedelta(seconds=1))

    def _due(self, outcome: PostOutcome) -> datetime | None:
        return max(filter(None, (outcome.scheduled_at, self.due)), default=None)

    def _pause_for(self, outcome: PostOutcome, now: datetime) -> timedelta:
        due = self._due(outcome)
        if outcome.status == "scheduled" and due and due > now:
            return due - now
        if outcome.status == "publishing" and self.due and self.due > now:
            # The first accounts have it, the last one is to wait.
            return self.due - now
        waits_for_people = outcome.status in ("draft", "needs_approval")
        longest = LONGEST_PAUSE_FOR_PEOPLE if waits_for_people else LONGEST_PAUSE
        since = max(self.started, due) if due and due <= now else self.started
        return min(max(self.interval, (now - since) / 2), max(longest, self.interval))


def describe_lateness(wait: Wait, seen: Mapping[str, PostOutcome | None]) -> str:
    """Return the message of a wait that is over: which posts are not through, and where each stands."""
    late = {uuid: outcome for uuid, outcome in seen.items() if outcome is None or not outcome.is_settled}
    lines = [f"  post {uuid} {describe_status(o) if o else 'could not be read'}" for uuid, o in late.items()]
    return (
        f"{len(late)} of {len(seen)} posts were not live within {wait.timeout} of their time:\n"
        + "\n".join(lines)
        + "\nLook at them in PostBoost; a longer timeout waits longer. They may still go out."
    )
