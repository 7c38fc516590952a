"""The sandbox's clock: real time plus an offset that tests move forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), tz=UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move forward. Moving back is an error: posts were published, keys have expired."""
        if seconds < 0:
            raise ValueError(f"The clock only moves forward, and {seconds:g} seconds is negative.")
        self._offset += timedelta(seconds=seconds)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last second of the UTC month."""
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + timedelta(days=32)).replace(day=1) - timedelta(seconds=1)


def stamp(moment: datetime | None) -> str | None:
    """Return ``Y-m-d H:i:s`` in UTC, the format of posts, accounts, media and memberships (SDK 1.66.3)."""
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else None


def rfc3339(moment: datetime | None) -> str | None:
    """Return RFC 3339 in UTC, the format of newer resources (SDK 1.66.3)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
