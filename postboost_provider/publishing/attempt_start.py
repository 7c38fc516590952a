"""When an attempt began, by PostBoost's clock. What another attempt has written since may be newer than this one's words."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from postboost_provider.api.times import read_utc, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from postboost_provider.api.client import PostBoostClient

# The log and the ``Date`` header have whole seconds.
TICK = timedelta(seconds=1)


@dataclass
class AttemptStart:
    """When an attempt began: its author's words are from then, or older.

    PostBoost's clock may be minutes away from the worker's, and the ``Date`` header of any response has its time. What passed
    between is measured here. All that is not known exactly, such as how long the response took, makes the start earlier: what
    was not surely written before it counts as written after it. An attempt two seconds later is sure of the same entry.

    :param at: by the worker's clock.
    :param clock: returns the worker's time.
    """

    at: datetime
    clock: Callable[[], datetime] = utc_now
    _made: tuple[datetime, float] = field(init=False)
    _by_postboost: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._made = self.clock(), time.monotonic()

    def may_precede(self, api: PostBoostClient, written: str | None, post_uuid: str) -> bool:
        """Return whether the activity log's entry of a post may have been written since.

        :param written: when, in PostBoost's time.
        """
        if (at := read_utc(written)) is None:
            return False
        if self._by_postboost is None:
            self._by_postboost = self._ask(api, post_uuid)
        return at + TICK > self._by_postboost

    def _ask(self, api: PostBoostClient, post_uuid: str) -> datetime:
        date = api.send("get_post", parameters={"post_uuid": post_uuid}).date
        now, (made, ticks) = self.clock(), self._made
        # One clock may have stood still with the machine, and the other one may have been set.
        passed = max(now - made, timedelta(seconds=time.monotonic() - ticks)) + (made - self.at)
        return (_read_date(date) or now) - passed


def _read_date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "").astimezone(UTC)
    except ValueError:
        return None
