"""Read dates with times, as people write them and as PostBoost returns them, as aware instants in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pendulum import Timezone

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError


def utc_now() -> datetime:
    """Return the current time: the default of every argument ``clock`` that decides something."""
    return datetime.now(UTC)


def read_utc(text: str | None) -> datetime | None:
    """Read PostBoost's ``Y-m-d H:i:s`` (UTC, unmarked) or RFC 3339 text; empty is None.

    :raises PostBoostError: it is neither.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise PostBoostError(
            f"PostBoost returned the time {text!r}, which can't be read. Update airflow-provider-postboost, or report it.",
            code="not_a_time",
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def schedule_fields(at: datetime) -> dict[str, str]:
    """Return an aware instant as the ``date``, ``time`` and ``timezone`` of a request's body, to the minute."""
    at = at.astimezone(UTC)
    return {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "timezone": "UTC"}


def planned(at: datetime) -> dict[str, Any]:
    """Return the fields by which a post is scheduled, or stays so when it is updated."""
    # ``timezone`` first, as version 0.1.0 had it: PostBoost compares the bytes of two bodies under one key.
    return {"schedule": True, "timezone": "UTC", **schedule_fields(at)}


def to_minute(value: str | datetime, timezone: str | None) -> datetime:
    """Return the minute of :func:`to_instant`: PostBoost schedules to the minute."""
    return to_instant(value, timezone).replace(second=0, microsecond=0)


def to_instant(value: str | datetime, timezone: str | None) -> datetime:
    """Return the instant that a person means, in UTC.

    :param value: a datetime or ISO 8601 text such as ``2026-10-16 09:30`` or ``2026-10-16T09:30+02:00``. Without an
        offset it is read in ``timezone``.
    :param timezone: an IANA name such as ``Europe/Berlin``. Ignored if ``value`` has an offset.
    :raises PostBoostConfigError: the value is not a valid time, has no zone, or is skipped when the clocks go forward.
        When the clocks go back and a time occurs twice, the first one is meant.
    """
    moment = value if isinstance(value, datetime) else _parse(value)
    if moment.tzinfo is not None:
        return _utc(moment, value)
    if not timezone:
        raise PostBoostConfigError(
            f"{_shown(value)} has no time zone. Set timezone, such as Europe/Berlin, or write the offset, such as "
            "2026-10-16T09:30+02:00.",
            code="missing_timezone",
        )
    zone = _zone(timezone)
    # pendulum moves a skipped time forward if fold is 1. Of two equal times, fold 0 is the first.
    moved = zone.convert(moment.replace(fold=1))
    if moved.replace(tzinfo=None) != moment:
        raise PostBoostConfigError(
            f"{_shown(value)} does not exist in {timezone}, because the clocks go forward over it. "
            f"Write {moved:%Y-%m-%d %H:%M} or another time.",
            code="skipped_time",
        )
    return _utc(zone.convert(moment.replace(fold=0)), value)


def _parse(text: str) -> datetime:
    # Not pendulum.parse, which also accepts incomplete dates, times and intervals.
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    # A date without a time would be midnight, which nobody means by it.
    if moment is None or len(text.strip()) <= 10:
        raise PostBoostConfigError(
            f"{text!r} is not a date with a time. Write YYYY-MM-DD HH:MM, such as 2026-10-16 09:30.",
            code="not_a_time",
        )
    return moment


def _utc(moment: datetime, value: str | datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PostBoostConfigError(
            f"{_shown(value)} is too early or too late to schedule. Correct its year.", code="out_of_range"
        ) from None


def _zone(name: str) -> Timezone:
    try:
        return Timezone(name.strip())
    except (ValueError, OSError):
        raise PostBoostConfigError(
            f"{name!r} is not a time zone. Use an IANA name such as Europe/Berlin, America/New_York or UTC.",
            code="unknown_timezone",
            field="timezone",
        ) from None


def _shown(value: str | datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else repr(value)
