"""Whose request comes next, where attempts overlap: drawn from a seed, so that each race can be repeated."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 30.0


class Turns:
    """Attempts take turns. A request goes once every attempt that has begun has sent one, or has ended.

    Each attempt but the first begins after some requests of the one before, so that it is known which is the newer one.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lanes: list[int] = []
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._waiting: list[int] = []
        self._taken: Counter[int] = Counter()
        self._heads: dict[int, int] = {}
        self._granted: int | None = None
        self._last = 0
        self._rng = random.Random(0)
        self._stays = 0.5
        self._stalled: set[int] = set()

    def begin(self, lanes: int, seed: str, *, stalls: bool = False) -> None:
        """Let these lanes race from now on.

        :param stalls: the first one hangs after a few requests, and goes on when all others have ended.
        """
        with self._changed:
            rng = self._rng = random.Random(seed)
            # How likely the attempt of the last request goes on, where it can.
            self._stays = rng.choice([0.2, 0.5, 0.8, 0.95])
            self._lanes, self._begun, self._ended = list(range(lanes)), {0}, set()
            self._heads = {lane: rng.randint(1, 6) for lane in self._lanes}
            self._stalled = {0} if stalls else set()
            if stalls:
                self._heads[0] = rng.randint(0, 6)
            self._waiting, self._taken, self._granted, self._last = [], Counter(), None, 0

    def wait_to_begin(self, lane: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: lane in self._begun, PATIENCE)

    def end(self, lane: int) -> None:
        """The attempt on this lane has ended."""
        with self._changed:
            if lane in self._lanes:
                self._ended.add(lane)
                self._go_on()

    @contextmanager
    def turn(self, lane: int) -> Iterator[None]:
        """Wait for the lane's turn, and keep it for a request."""
        with self._changed:
            is_racing = lane in self._begun - self._ended
            if is_racing:
                self._waiting.append(lane)
                self._go_on()
                # With a limit, so that a race that can't go on does not hang: then both go at once.
                self._changed.wait_for(lambda: self._granted == lane, PATIENCE)
                self._waiting.remove(lane)
        try:
            yield
        finally:
            if is_racing:
                with self._changed:
                    self._taken[lane] += 1
                    self._granted, self._last = None, lane
                    self._go_on()

    def _go_on(self) -> None:
        for lane in self._lanes[1:]:
            before = lane - 1
            if before in self._ended or (
                before in self._begun and self._taken[before] >= self._heads[before]
            ):
                self._begun.add(lane)
        hang = {lane for lane in self._stalled if self._taken[lane] >= self._heads[lane]}
        if set(self._lanes) - hang <= self._ended:
            hang = set()
        ready = set(self._waiting) - hang
        if self._granted is None and ready and self._begun - self._ended - hang <= ready:
            stays = self._last in ready and self._rng.random() < self._stays
            self._granted = self._last if stays else self._rng.choice(sorted(ready))
        self._changed.notify_all()
