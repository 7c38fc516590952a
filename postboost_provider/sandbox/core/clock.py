"""The sandbox's time: the real time, plus whatever it was moved forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), tz=UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move forward. Time does not run backwards: publishing has happened, keys have expired."""
        if seconds < 0:
            raise ValueError("The clock only moves forward.")
        self._offset += timedelta(seconds=seconds)


def stamp(moment: datetime | None) -> str | None:
    """Return ``Y-m-d H:i:s`` in UTC, as posts, accounts, media and memberships have it (SDK 1.66.3)."""
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else None


def rfc3339(moment: datetime | None) -> str | None:
    """Return RFC 3339 in UTC, as the newer resources have it (SDK 1.66.3)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
