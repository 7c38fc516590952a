"""When a credential expires.

An access token with expiry date D expires at D 00:00 UTC (PostBoost's authentication page). A scoped key's
``expires_at`` is the last day it works (SDK 1.66.3), so it may work a day longer. One rule serves both: neither is
counted on from D 00:00 UTC.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.token_format import looks_like_token

ROTATION_STEPS = (
    "To rotate it: (1) create a new token in PostBoost under Settings > Access Tokens, (2) put it into the "
    "password of the Airflow connection and its date into expires_on, (3) test the connection, "
    "(4) delete the old token in PostBoost."
)


class Expiry(NamedTuple):
    """What is known about when a credential expires: a date, never, or nothing."""

    kind: Literal["date", "never", "unknown"]
    day: date | None = None

    @property
    def instant(self) -> datetime | None:
        """The first instant at which the credential can't be counted on, or None."""
        return datetime.combine(self.day, datetime.min.time(), UTC) if self.day else None

    def time_left(self, now: datetime) -> timedelta | None:
        """Return the time from ``now`` (aware) to that instant, negative once it has passed, or None."""
        return self.instant - now if self.instant else None

    def is_over(self, now: datetime) -> bool:
        """Return whether that instant is known and has passed."""
        return self.instant is not None and now >= self.instant

    def covers(self, until: datetime) -> bool | None:
        """Return whether the credential can be counted on until ``until`` (aware), or None if that is not known."""
        if self.kind == "unknown":
            return None
        return self.instant is None or until <= self.instant

    def describe(self, now: datetime) -> str:
        """Return a clause such as ``expires 2026-10-16 00:00 UTC, in 3 days and 4 hours``."""
        if self.kind == "never":
            return "never expires"
        left = self.time_left(now)
        if self.instant is None or left is None:
            return "has no known expiry date"
        when = f"{self.instant:%Y-%m-%d %H:%M} UTC"
        if self.is_over(now):
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

    :raises PostBoostConfigError: it is none of these. A time or a zone is refused too: tokens expire at midnight UTC.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return Expiry("date", value)
    text = "" if value is None else str(value).strip()
    if not text or text.lower() in ("unknown", "none", "null"):
        return Expiry("unknown")
    if text.lower() == "never":
        return Expiry("never")
    with suppress(ValueError):
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return Expiry("date", date.fromisoformat(text))
    shown = "(not shown)" if looks_like_token(text) else repr(text)
    raise PostBoostConfigError(
        f"expires_on is {shown}, which is not a valid date. Write the expiry date that PostBoost shows for the token "
        "as YYYY-MM-DD without a time or zone, write 'never', or leave it empty.",
        code="not_a_date",
        field="expires_on",
    )


def shortfall(expiry: Expiry, now: datetime, lasting: timedelta, until: datetime | None) -> str:
    """Return as a clause which requirement the expiry does not meet: ``lasting`` from now, or ``until``; else nothing."""
    missed = []
    if expiry.covers(now + lasting) is False:
        missed.append(f"it must last at least {describe_span(lasting)} from now")
    if until is not None and until > now and expiry.covers(until) is False:
        missed.append(f"it must last until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    return " and ".join(missed)
