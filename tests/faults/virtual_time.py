"""Time that passes only by waiting: for the tasks, and for PostBoost, which runs in the same process."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import tenacity
import time_machine
from airflow.sdk.bases import sensor

import postboost_provider

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
MOST_NAPS = 3000
# A network holds no request back for longer.
LONGEST_HOLD = 3600


class EndlessError(BaseException):
    """An attempt that waits again and again. Nothing in the package may handle it."""


class VirtualTime:
    """The clock of this process. Pauses of the package move it, and take no time.

    :param on_nap: is called after each pause.
    :param before_long: is called before so much time passes that what the network holds back must have arrived.
    """

    def __init__(self) -> None:
        self._travel = time_machine.travel(START)
        self._traveller = self._travel.start()
        self._passed = 0.0
        self._naps = 0
        self.on_nap: Callable[[], None] = lambda: None
        self.before_long: Callable[[], None] = lambda: None
        # In a child process: how the parent learns what has passed.
        self.tell: Callable[[float], None] = lambda seconds: None
        self.monotonic = lambda: time.monotonic() + self._passed

    def reset(self, start: datetime = START) -> None:
        self._traveller.move_to(start)
        self._naps = 0

    def forget_naps(self) -> None:
        self._naps = 0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def pass_time(self, seconds: float) -> None:
        if seconds > LONGEST_HOLD:
            self.before_long()
        self._traveller.shift(seconds)
        self._passed += seconds
        self.tell(seconds)

    def nap(self, seconds: float) -> None:
        self._naps += 1
        if self._naps > MOST_NAPS:
            raise EndlessError
        self.pass_time(seconds)
        self.on_nap()

    async def anap(self, seconds: float) -> None:
        self.nap(seconds)
        await asyncio.sleep(0)

    def stop(self) -> None:
        self._travel.stop()

    def install(self) -> None:
        """Let every module of the package, but not the sandbox, read this clock and pause by it."""
        fake_time, fake_asyncio = _Fake(time), _Fake(asyncio)
        fake_time.sleep, fake_time.monotonic, fake_time.perf_counter = (
            self.nap,
            self.monotonic,
            self.monotonic,
        )
        fake_asyncio.sleep = self.anap
        for module in [*_modules(), tenacity, sensor]:
            if getattr(module, "time", None) is time:
                module.time = fake_time
            if getattr(module, "asyncio", None) is asyncio:
                module.asyncio = fake_asyncio


class _Fake:
    """A module with some of its functions replaced."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _modules() -> list[Any]:
    """Import the whole package, and return its modules but the sandbox's."""
    for found in pkgutil.walk_packages(postboost_provider.__path__, "postboost_provider."):
        if "sandbox" not in found.name and "__main__" not in found.name:
            importlib.import_module(found.name)
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith("postboost_provider") and ".sandbox" not in name
    ]
