"""When to poll again and when to stop: one state machine that workers and the triggerer drive."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, cast

from tenacity import Retrying, retry_if_result

from postboost_provider.api.errors import NotFinishedError, PostBoostError, is_retryable
from postboost_provider.polling.schedule import Wait, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from postboost_provider.polling.conditions import Finding
    from postboost_provider.polling.outcome import PostOutcome

log = logging.getLogger(__name__)

# Waits of one process wake up together, so that they can share their requests, but not at the same instant: ten thousand
# in one step of the event loop block it for half a second (benchmarks/waits.py).
WAKE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Event:
    """How a wait ended: the last result, what was still missing when it timed out, or why it failed."""

    status: Literal["settled", "timeout", "error"]
    result: Any = None
    message: str = ""
    error: PostBoostError | None = None

    def get(self, late: Callable[[str], Exception]) -> Any:
        """Return the result, or raise the error; ``late`` makes the error of a timeout, given what was missing."""
        if self.error:
            raise self.error
        if self.status == "timeout":
            raise late(self.message)
        return self.result


def utc_now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


class Poller:
    """The state of one wait. Each poll returns the event that ends it, or None: then ``pause`` is the time to the next.

    :param wait: the timeout and the pauses.
    :param most_failures: after how many failed polls in a row to give up. None: only when the wait times out.
    :param earlier_polls: how many polls other processes made. They count as failed after the deadline.
    :param spread: a number in [0, 1) that lengthens pauses a little, so that many waits don't poll at the same time.
    :param first_poll_at: when to poll first; default: at once.
    :param clock: returns the current time.
    :ivar failures: how many polls failed in a row.
    """

    def __init__(
        self,
        wait: Wait,
        *,
        most_failures: int | None = None,
        earlier_polls: int = 0,
        spread: float = 0.0,
        first_poll_at: datetime | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.wait = wait
        self.pause = timedelta(0)
        self._most_failures = most_failures
        self._earlier_polls = earlier_polls
        self._spread = spread
        self._first_poll_at = first_poll_at
        self._clock = clock
        self.failures = 0
        self._waiting: Sequence[PostOutcome] = ()

    def found(self, finding: Finding, now: datetime) -> Event | None:
        """Record what a poll found."""
        self.failures = 0
        self._waiting = finding.waiting
        if finding.is_settled:
            return Event("settled", finding.result)
        if self.wait.is_over(self._waiting, now):
            return Event("timeout", finding.result, finding.pending)
        self.pause = self.wait.pause(self._waiting, now, self._spread)
        return None

    def failed(self, error: PostBoostError, now: datetime) -> Event | None:
        """Record that a poll failed."""
        self.failures += 1
        is_over = self.wait.is_over(self._waiting, now)
        if is_over and self._most_failures is None and is_retryable(error):
            return Event("timeout", message=str(error))
        failures = self.failures + (self._earlier_polls if is_over else 0)
        if not is_retryable(error) or failures >= (self._most_failures or math.inf):
            return Event("error", error=error)
        self.pause = self.wait.pause(self._waiting, now, self._spread)
        log.warning(
            "%s Polling again in %s (%d failed in a row).", error, whole_seconds(self.pause), self.failures
        )
        return None

    def poll(self, ask: Callable[[], Finding]) -> Event | None:
        """Poll, unless it is too early for the first poll."""
        if self._is_early():
            return None
        try:
            return self.found(ask(), self._clock())
        except PostBoostError as error:
            return self.failed(error, self._clock())

    async def poll_async(self, ask: Callable[[], Awaitable[Finding]]) -> Event | None:
        """Do what :meth:`poll` does, in an event loop."""
        if self._is_early():
            return None
        try:
            return self.found(await ask(), self._clock())
        except PostBoostError as error:
            return self.failed(error, self._clock())

    def _is_early(self) -> bool:
        first, self._first_poll_at = self._first_poll_at, None
        self.pause = max(first - self._clock(), timedelta(0)) if first else timedelta(0)
        return bool(self.pause)


def wait(poller: Poller, ask: Callable[[], Finding]) -> Event:
    """Poll until the wait ends, and block meanwhile."""
    retrying = Retrying(
        sleep=time.sleep,
        retry=retry_if_result(lambda event: event is None),
        wait=lambda _: poller.pause.total_seconds(),
    )
    return cast("Event", retrying(poller.poll, ask))


async def wait_async(poller: Poller, ask: Callable[[], Awaitable[Finding]]) -> Event:
    """Do what :func:`wait` does, in an event loop."""
    while True:
        event = await poller.poll_async(ask)
        if event is not None:
            return event
        await asyncio.sleep(poller.pause.total_seconds() + random.random() * WAKE_SECONDS)


def wait_briefly(
    ask: Callable[[], Finding],
    timeout: float,
    message: str | None,
    *,
    known: Finding | None = None,
    first: float = 1.0,
    longest: float = 30.0,
    most_failures: int = 1,
    clock: Callable[[], datetime] = utc_now,
) -> Any:
    """Block until PostBoost has finished something that takes seconds or minutes, and return what the last poll found.

    :param timeout: in seconds, like ``first`` and ``longest``, the first and the longest pause.
    :param message: the message of the error when it times out. None: a timeout is not an error.
    :param known: what was found before, in place of the first poll.
    :param most_failures: after how many failed polls in a row to give up.
    :param clock: returns the current time.
    :raises NotFinishedError: it timed out.
    :raises PostBoostError: the polls failed.
    """
    times = Wait(
        clock(), timedelta(seconds=timeout), timedelta(seconds=first), longest=timedelta(seconds=longest)
    )
    findings = chain([known] if known else (), iter(ask, None))
    event = wait(Poller(times, most_failures=most_failures, clock=clock), lambda: next(findings))
    if event.status == "timeout" and message is None:
        return event.result
    return event.get(lambda _: NotFinishedError(message or "", code="timeout"))
