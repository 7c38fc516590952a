"""The queue: each account's next free slot of the posting schedule."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from postboost_provider.sandbox.core.models import Account, Post, Workspace

# The default schedule of a workspace, in its time zone.
SLOTS = ("09:00", "12:00", "17:00")
NO_SLOTS = "The posting schedule has no available times."
_HORIZON_DAYS = 365


def schedule_for(workspace: Workspace, account_id: int) -> dict[str, Any]:
    """Return the account's own schedule, else the workspace's, which has account id 0."""
    own = workspace.records.get("posting_schedule", {})
    values = [{"value": each} for each in SLOTS]
    days = [{"id": day, "status": True, "times": values} for day in (1, 2, 3, 4, 5, 6, 0)]
    default = {"timezone": workspace.timezone, "auto_tune": False, "times": days}
    return own.get(str(account_id)) or own.get("0") or default


def next_free_slots(
    workspace: Workspace, accounts: Sequence[Account], now: datetime, *, exclude: Post | None = None
) -> dict[int, datetime]:
    """Return each account's next free slot; accounts without one within a year are left out."""
    slots = {}
    for account in accounts:
        slots_of_account = slots_after(now, workspace, account.id)
        slot = next(
            (each for each in slots_of_account if not _is_taken(workspace, account, each, exclude)), None
        )
        if slot is not None:
            slots[account.id] = slot
    return slots


def _is_taken(workspace: Workspace, account: Account, slot: datetime, exclude: Post | None) -> bool:
    return any(
        post is not exclude
        and post.status in ("scheduled", "needs_approval")
        and not post.trashed
        and workspace.has_post(post)
        and (target := post.target_of(account)) is not None
        and target.publish_at == slot
        for post in account.by_day.get(slot.date(), ())
    )


def at_earliest_slot(slots: Mapping[int, datetime]) -> dict[int, datetime]:
    """Return the earliest slot for every account: the daily cap is checked on its UTC day (SDK 1.66.3)."""
    return dict.fromkeys(slots, min(slots.values())) if slots else {}


def slots_after(now: datetime, workspace: Workspace, account_id: int = 0) -> Iterator[datetime]:
    """Yield the account's posting times within the next year."""
    schedule = schedule_for(workspace, account_id)
    zone = ZoneInfo(schedule["timezone"])
    times = {
        day["id"]: sorted({time.fromisoformat(each["value"]) for each in day["times"]})
        for day in schedule["times"]
        if day["status"]
    }
    today = now.astimezone(zone).date()
    for ahead in range(_HORIZON_DAYS):
        day = today + timedelta(days=ahead)
        for slot in times.get(day.isoweekday() % 7, ()):  # ids 1-6 are Monday to Saturday, 0 is Sunday
            moment = datetime.combine(day, slot, tzinfo=zone).astimezone(UTC)
            if moment > now:
                yield moment
