"""The rate of requests: the user's limit, and the server's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class RateLimit:
    """Limit the rate of requests by spacing them evenly. The caller passes the time, in seconds of a monotonic clock.

    :param requests_per_minute: the highest rate. None sends without a pause until the server says that its allowance
        for this minute is used up (``X-RateLimit-Remaining: 0``).
    """

    def __init__(self, requests_per_minute: float | None = None) -> None:
        rate = requests_per_minute
        if rate is not None and not (isinstance(rate, (int, float)) and rate > 0):
            message = f"requests_per_minute is {rate!r}; it must be more than 0, or None for no limit."
            raise PostBoostConfigError(message, field="requests_per_minute", code="not_a_rate")
        self._interval = 60.0 / rate if rate else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def pause(self, now: float) -> float:
        """Reserve the next free slot and return the seconds to wait for it."""
        with self._lock:
            slot = max(now, self._next)
            self._next = slot + self._interval
            return slot - now

    def slow_down(self, headers: Mapping[str, str]) -> None:
        """Slow down to the server's rate limit once a response says that nothing is left of it."""
        try:
            limit, remaining = float(headers["x-ratelimit-limit"]), float(headers["x-ratelimit-remaining"])
        except (KeyError, ValueError):
            return
        if remaining <= 0 < limit:
            with self._lock:
                self._interval = max(self._interval, 60.0 / limit)


Pace = RateLimit  # Its name in version 0.1.0.
