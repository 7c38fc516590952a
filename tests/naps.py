"""Waits that pass at once: every nap moves the clock of this process, and the sandbox's with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import time_machine

# Where waits sleep, in a worker and in the triggerer, and where they read the time.
POLLER = "postboost_provider.polling.poller"


def pass_at_once(mocker: Any, nap: Callable[[float], object], *sleepers: str) -> list[float]:
    """Let waits sleep that way, and move their clock on. Returns what was slept.

    :param sleepers: more modules that have ``time``.
    """
    taken: list[float] = []

    def sleep(seconds: float) -> None:
        taken.append(seconds)
        nap(seconds)

    async def sleep_async(seconds: float) -> None:
        sleep(seconds)

    moved = lambda: time.time() + sum(taken)
    for module in (*sleepers, POLLER):
        fake = SimpleNamespace(sleep=sleep, time=moved, monotonic=time.monotonic)
        mocker.patch(f"{module}.time", fake)
    mocker.patch(f"{POLLER}.asyncio", SimpleNamespace(sleep=sleep_async))
    return taken


class Naps:
    """What was slept. ``during`` holds what happens in the next naps, in their order."""

    def __init__(self, traveller: time_machine.Coordinates) -> None:
        self._traveller = traveller
        self.taken: list[float] = []
        self.during: list[Callable[[], object]] = []

    def nap(self, seconds: float) -> None:
        assert len(self.taken) < 200, "the wait does not come to an end"
        self.taken.append(seconds)
        self._traveller.shift(seconds)
        if self.during:
            self.during.pop(0)()

    async def anap(self, seconds: float) -> None:
        self.nap(seconds)


@contextmanager
def passing_at_once(mocker: Any, *sleepers: str) -> Iterator[Naps]:
    """Let it be noon of tomorrow, and let these modules sleep that way. Retries of a request take no time.

    :param sleepers: modules that have ``time``; the poller is among them anyway.
    """
    with time_machine.travel(datetime.now(UTC).replace(hour=12) + timedelta(days=1)) as traveller:
        naps = Naps(traveller)
        real = time.monotonic
        fake = SimpleNamespace(sleep=naps.nap, time=time.time, monotonic=lambda: real() + sum(naps.taken))
        for module in (*sleepers, POLLER):
            mocker.patch(f"{module}.time", fake)
        at_once = SimpleNamespace(sleep=lambda _: None, monotonic=real)
        mocker.patch("postboost_provider.api.client.time", at_once)
        mocker.patch("postboost_provider.api.client.asyncio", SimpleNamespace(sleep=_at_once))
        mocker.patch(f"{POLLER}.asyncio", SimpleNamespace(sleep=naps.anap))
        yield naps


async def _at_once(_: float) -> None:
    return None
