"""The queue: each account's next free slot of the posting schedule."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from postboost_provider.sandbox.models import Account, Post, Workspace

# Every workspace's schedule, in its own zone.
SLOTS = (time(9), time(12), time(17))
NO_SLOTS = "The posting schedule has no available times."
_HORIZON_DAYS = 365


def next_free_slots(
    workspace: Workspace, accounts: Sequence[Account], now: datetime, *, but: Post | None = None
) -> dict[int, datetime]:
    """Return when each account would go out; accounts whose year is full are missing."""
    slots = {}
    for account in accounts:
        taken = {
            target.departs_at
            for post in workspace.posts.values()
            if post is not but and post.status in ("scheduled", "needs_approval") and not post.trashed
            for target in post.targets
            if target.account is account
        }
        slot = next((each for each in _slots_after(now, workspace) if each not in taken), None)
        if slot is not None:
            slots[account.id] = slot
    return slots


def at_the_earliest(slots: Mapping[int, datetime]) -> dict[int, datetime]:
    """Return the earliest slot for every account: its UTC day is whose cap counts (SDK 1.66.3)."""
    return dict.fromkeys(slots, min(slots.values())) if slots else {}


def _slots_after(now: datetime, workspace: Workspace) -> Iterator[datetime]:
    zone = ZoneInfo(workspace.timezone)
    today = now.astimezone(zone).date()
    for day in range(_HORIZON_DAYS):
        for slot in SLOTS:
            moment = datetime.combine(today + timedelta(days=day), slot, tzinfo=zone).astimezone(UTC)
            if moment > now:
                yield moment
