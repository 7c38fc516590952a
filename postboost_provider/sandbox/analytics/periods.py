"""The period of a report or of analytics: a preset, or two dates. Days are UTC days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.validation import Fields

MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class Period:
    """A range of days, both included. ``preset`` is None for explicit dates."""

    start: date
    end: date
    preset: str | None

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def before(self) -> Period:
        """The range of the same length before this one."""
        return Period(self.start - timedelta(days=self.days), self.start - timedelta(days=1), None)

    def as_dict(self) -> dict[str, str]:
        return {
            "start_date": str(self.start),
            "end_date": str(self.end),
            "previous_start_date": str(self.before.start),
            "previous_end_date": str(self.before.end),
        }


def presets(today: date) -> dict[str, tuple[date, date]]:
    """Return the presets of report exports (SDK 1.66.3); those of analytics are not documented."""
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    last_month = (first - timedelta(days=1)).replace(day=1)
    quarter = last_month
    for _ in range(2):
        quarter = (quarter - timedelta(days=1)).replace(day=1)
    return {
        "this_week": (monday, today),
        "last_week": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "this_month": (first, today),
        "last_month": (last_month, first - timedelta(days=1)),
        "last_3_months": (quarter, first - timedelta(days=1)),
        "this_year": (today.replace(month=1, day=1), today),
    }


def read_period(fields: Fields, today: date, *, default: str) -> Period:
    """Return the period of a query or a body; errors are left in ``fields.errors``."""
    known = presets(today)
    start, end = fields.day("date_from"), fields.day("date_to")
    if start is None and end is None:
        preset = fields.text("period") or default
        if preset not in known:
            fields.add_error("period", "The selected period is invalid.")
            preset = default
        return Period(*known[preset], preset)
    for name, day in (("date_from", start), ("date_to", end)):
        if day is None and name not in fields.errors:
            fields.add_error(name, f"The {name.replace('_', ' ')} field is required.")
    if start is None or end is None:
        return Period(today, today, None)
    if end < start:
        fields.add_error("date_to", "The date to field must be a date after or equal to date from.")
    elif (end - start).days > MAX_DAYS:
        fields.add_error("date_to", f"The range may span at most {MAX_DAYS} days.")
    return Period(start, end, None)
