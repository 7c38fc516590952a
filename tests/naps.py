"""Waits that pass at once: every nap moves the clock of this process, and the sandbox's with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import time_machine


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
    """Let it be noon of tomorrow, and let these modules sleep that way. Repeats of a request take no time at all.

    :param sleepers: modules that have ``time``; the triggers' is among them anyhow.
    """
    with time_machine.travel(datetime.now(UTC).replace(hour=12) + timedelta(days=1)) as traveller:
        naps = Naps(traveller)
        real = time.monotonic
        fake = SimpleNamespace(sleep=naps.nap, monotonic=lambda: real() + sum(naps.taken))
        for module in sleepers:
            mocker.patch(f"{module}.time", fake)
        at_once = SimpleNamespace(sleep=lambda _: None, monotonic=real)
        mocker.patch("postboost_provider.api.client.time", at_once)
        mocker.patch("postboost_provider.api.client.asyncio", SimpleNamespace(sleep=_at_once))
        loop = SimpleNamespace(sleep=naps.anap, to_thread=asyncio.to_thread)
        mocker.patch("postboost_provider.triggers.base.asyncio", loop)
        yield naps


async def _at_once(_: float) -> None:
    return None
