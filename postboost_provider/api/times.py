"""Calendar time: what people write and what PostBoost answers, as aware instants in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError


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
            f"PostBoost answered the time {text!r}, which this version can't read. Update "
            "airflow-provider-postboost, or report it."
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def schedule_fields(at: datetime) -> dict[str, str]:
    """Return an aware instant as the ``date``, ``time`` and ``timezone`` of a request's body, to the minute."""
    at = at.astimezone(UTC)
    return {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "timezone": "UTC"}


def to_minute(value: str | datetime, timezone: str | None) -> datetime:
    """Return the minute that a person means, in UTC: PostBoost plans to the minute.

    :param value: like ``timezone`` as :func:`to_instant` takes it.
    """
    return to_instant(value, timezone).replace(second=0, microsecond=0)


def to_instant(value: str | datetime, timezone: str | None) -> datetime:
    """Return the instant a person means, in UTC.

    :param value: a datetime or ISO 8601 text such as ``2026-10-16 09:30`` or ``2026-10-16T09:30+02:00``. With an
        offset it is taken as it is; without one it is read in ``timezone``.
    :param timezone: an IANA name such as ``Europe/Berlin``.
    :raises PostBoostConfigError: it is no time, has no zone, or the clocks skip it. Where the clocks are set
        back and a time occurs twice, the first one is meant.
    """
    moment = value if isinstance(value, datetime) else _parse(value)
    if moment.tzinfo is not None:
        return _utc(moment, value)
    if not timezone:
        raise PostBoostConfigError(
            f"{_shown(value)} has no time zone. Give one (timezone, such as Europe/Berlin), or write the "
            "offset, such as 2026-10-16T09:30+02:00."
        )
    zone = _zone(timezone)
    instant = _utc(moment.replace(tzinfo=zone, fold=0), value)
    if instant.astimezone(zone).replace(tzinfo=None) != moment:
        after = instant.astimezone(zone)
        raise PostBoostConfigError(
            f"{_shown(value)} does not exist in {timezone}: the clocks are set forward over it. "
            f"Write {after:%Y-%m-%d %H:%M} or another time."
        )
    return instant


def _parse(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    # A date alone parses as midnight, which nobody means by it.
    if moment is None or len(text.strip()) <= 10:
        raise PostBoostConfigError(
            f"{text!r} is not a date with a time. Write YYYY-MM-DD HH:MM, such as 2026-10-16 09:30."
        )
    return moment


def _utc(moment: datetime, value: str | datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PostBoostConfigError(
            f"{_shown(value)} is too early or too late to plan for. Correct its year."
        ) from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PostBoostConfigError(
            f"{name!r} is not a time zone. Use an IANA name such as Europe/Berlin, America/New_York or UTC.",
            code="unknown_timezone",
            field="timezone",
        ) from None


def _shown(value: str | datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else repr(value)
