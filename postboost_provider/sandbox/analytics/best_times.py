"""The best times to post: scores by weekday and hour, from published posts."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.analytics.metrics import published
from postboost_provider.sandbox.analytics.summaries import analysed_accounts
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.validation import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from postboost_provider.sandbox.core.models import Account

# Views of the posts published in each slot: a weekday (0 is Sunday) and an hour.
Slots = dict[tuple[int, int], list[int]]
_HORIZON_DAYS = 14


@handles("get_posting_times")
def get_posting_times(call: Call) -> Response:
    accounts, zone, _ = _read(call)
    slots = _slots(call, accounts, zone)
    busy = {each.account for each in published(call.workspace, date.min, date.max, accounts)}
    highest = max((_mean(views) for views in slots.values()), default=0)
    best: list[dict[str, Any]] = []
    for (day, hour), views in sorted(slots.items(), key=lambda slot: _mean(slot[1]), reverse=True):
        if len(best) < 3 and day not in (each["day"] for each in best):
            best.append({"day": day, "hour": hour, "score": _score(views, highest), "samples": len(views)})
    offset = call.now.astimezone(zone).utcoffset() or timedelta()
    return Response.of(
        {
            "has_data": bool(slots),
            "timezone": str(zone),
            "offset_hours": int(offset.total_seconds() // 3600),
            "accounts": len(busy),
            "samples": sum(len(views) for views in slots.values()),
            "days": [{**_slot(_within(slots, day, range(24)), highest), "day": day} for day in range(7)],
            "day_intervals": [
                [_interval(slots, day, hour, highest) for hour in range(0, 24, 2)] for day in range(7)
            ],
            "best": best,
        }
    )


@handles("get_best_posting_times")
def get_best_posting_times(call: Call) -> Response:
    """Recommend each account's next best slot; accounts without history are left out."""
    accounts, zone, earliest = _read(call)
    times = []
    for account in accounts:
        slots = _slots(call, [account], zone)
        if not slots:
            continue
        moment = _next(slots, earliest, zone)
        times.append(
            {
                "account_id": account.id,
                "account_uuid": account.uuid,
                "date": f"{moment:%Y-%m-%d}",
                "time": f"{moment:%H:%M}",
            }
        )
    return Response.of({"timezone": str(zone), "times": times})


def _read(call: Call) -> tuple[list[Account], ZoneInfo, datetime]:
    """Return the accounts, the zone and the earliest moment of the query."""
    fields = Fields(dict(call.query))
    zone = fields.timezone("timezone", call.workspace.timezone)
    day = fields.day("from")
    accounts = analysed_accounts(call)
    if uuids := call.parameters("accounts"):
        accounts = [account for account in accounts if account.uuid in uuids]
        known = {account.uuid for account in call.workspace.accounts.values()}
        for index, uuid in enumerate(uuids):
            if uuid not in known:
                fields.add_error(f"accounts.{index}", "The selected account is invalid.")
    fields.raise_errors()
    start = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) if day else call.now
    return accounts, zone, max(start, call.now)


def _slots(call: Call, accounts: Iterable[Account], zone: ZoneInfo) -> Slots:
    slots: Slots = defaultdict(list)
    for each in published(call.workspace, date.min, date.max, set(accounts)):
        local = each.at.astimezone(zone)
        slots[local.isoweekday() % 7, local.hour].append(each.numbers(call.now)["views"])
    return dict(slots)


def _next(slots: Slots, earliest: datetime, zone: ZoneInfo) -> datetime:
    """Return the next time of the best slot. The horizon covers every weekday, so one exists."""
    day, hour = max(slots, key=lambda slot: _mean(slots[slot]))
    local = earliest.astimezone(zone)
    for ahead in range(_HORIZON_DAYS):
        candidate = (local + timedelta(days=ahead)).replace(hour=hour, minute=0, second=0, microsecond=0)
        if candidate.isoweekday() % 7 == day and candidate > earliest:
            return candidate
    raise ValueError(f"no slot on weekday {day} at {hour}:00 after {earliest}")


def _within(slots: Mapping[tuple[int, int], list[int]], day: int, hours: Iterable[int]) -> list[int]:
    return [views for hour in hours for views in slots.get((day, hour), ())]


def _interval(slots: Slots, day: int, start: int, highest: float) -> dict[str, Any]:
    best = max((start, start + 1), key=lambda hour: _mean(slots.get((day, hour), [])))
    views = _within(slots, day, (start, start + 1))
    return {**_slot(views, highest), "start_hour": start, "end_hour": start + 2, "best_hour": best}


def _slot(views: list[int], highest: float) -> dict[str, Any]:
    count = len(views)
    confidence = "none" if count == 0 else "low" if count < 5 else "medium" if count < 20 else "high"
    return {"score": _score(views, highest), "samples": count, "confidence": confidence}


def _score(views: list[int], highest: float) -> int:
    return min(100, round(100 * _mean(views) / highest)) if highest else 0


def _mean(views: list[int]) -> float:
    return sum(views) / len(views) if views else 0.0
