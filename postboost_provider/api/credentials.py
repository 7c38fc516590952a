"""When a credential stops working, in one place.

An access token with expiry date D is dead from D 00:00 UTC (PostBoost's authentication page). A scoped key's
``expires_at`` is the last day it works (SDK 1.66.3), so it may live a day longer. The rule here serves both:
count on neither from D 00:00 UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

from postboost_provider.api.errors import PostBoostConfigError

ROTATION_STEPS = (
    "To rotate it: (1) create a new token in PostBoost under Settings > Access Tokens, (2) put it into the "
    "password of the Airflow connection and its date into expires_on, (3) test the connection, "
    "(4) delete the old token in PostBoost."
)


class Expiry(NamedTuple):
    """What is known of the end of a credential: a date, that there is none, or nothing."""

    kind: Literal["date", "never", "unknown"]
    day: date | None = None

    @property
    def instant(self) -> datetime | None:
        """The first instant at which the credential is not to be counted on, or None."""
        return datetime.combine(self.day, datetime.min.time(), UTC) if self.day else None

    def time_left(self, now: datetime) -> timedelta | None:
        """Return the time from ``now`` (aware) to that instant, negative once it has passed, or None."""
        return self.instant - now if self.instant else None

    def describe(self, now: datetime) -> str:
        """Return a clause such as ``expires 2026-10-16 00:00 UTC, in 3 days and 4 hours``."""
        if self.kind == "never":
            return "never expires"
        left = self.time_left(now)
        if self.instant is None or left is None:
            return "has no known expiry date"
        when = f"{self.instant:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta(0):
            return f"expired {when}, {describe_span(-left)} ago"
        return f"expires {when}, in {describe_span(left)}"


def describe_span(span: timedelta) -> str:
    """Return a span as the two largest of days, hours and minutes, or as seconds below a minute."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    named = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n]
    return " and ".join(named[:2])


def parse_expiry(value: object) -> Expiry:
    """Read ``expires_on``: a date (``2026-10-16``), ``never``, or blank for unknown.

    :raises PostBoostConfigError: it is neither; an instant or a zone does not belong here, since PostBoost's
        expiry is a date and always ends at midnight UTC.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return Expiry("date", value)
    text = "" if value is None else str(value).strip()
    if not text or text.lower() in ("unknown", "none", "null"):
        return Expiry("unknown")
    if text.lower() == "never":
        return Expiry("never")
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return Expiry("date", date.fromisoformat(text))
        except ValueError:
            pass
    raise PostBoostConfigError(
        f"expires_on is {text!r}, which is not a date. Write the expiry date that PostBoost shows for the token "
        "as YYYY-MM-DD (it ends at 00:00 UTC of that day, so no time or zone belongs here), 'never', or nothing."
    )
