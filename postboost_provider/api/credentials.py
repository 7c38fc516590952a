"""When a credential stops working and why one was refused, in one place.

An access token with expiry date D is dead from D 00:00 UTC (PostBoost's authentication page). A scoped key's
``expires_at`` is the last day it works (SDK 1.66.3), so it may live a day longer. The rule here serves both:
count on neither from D 00:00 UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from postboost_provider.api.requests import ClientSettings

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

    def is_over(self, now: datetime) -> bool:
        """Say whether that instant is known and has come."""
        return self.instant is not None and now >= self.instant

    def covers(self, until: datetime) -> bool | None:
        """Say whether the credential can be counted on until ``until`` (aware); None when that is not known."""
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


def shortfall(expiry: Expiry, now: datetime, lasting: timedelta, until: datetime | None) -> str:
    """Return what is wanted of a credential and not covered by its expiry, as a clause, or nothing.

    :param lasting: how long it must last from now on.
    :param until: when something ends that it must outlast, if there is such a thing.
    """
    missed = []
    if expiry.covers(now + lasting) is False:
        missed.append(f"at least {describe_span(lasting)} are wanted")
    if until is not None and until > now and expiry.covers(until) is False:
        missed.append(f"it has to last until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    return " and ".join(missed)


def probe_of(settings: ClientSettings) -> str:
    """Return the operation that tells a living token from a dead one: a 403 to it is the answer to a living one."""
    return "list_tags" if settings.workspace_uuid else "list_my_workspaces"


def read_key_expiry(answer: Any, settings: ClientSettings, admin: str) -> Expiry:
    """Return when the scoped key of a connection expires, by what ``list_api_keys`` answered to an admin.

    :param settings: those of the key's connection, with its ``scoped_key_id``.
    :param admin: what messages call the admin's connection.
    :raises PostBoostConfigError: there is no such key in the list.
    """
    keys = {int(key["id"]): key for key in answer.get("data") or ()}
    key = keys.get(settings.scoped_key_id or 0)
    if key is None:
        seen = ", ".join(f"{number} ({key.get('name')})" for number, key in sorted(keys.items())) or "none"
        raise PostBoostConfigError(
            f"{settings.name} has scoped_key_id {settings.scoped_key_id}, but {admin} sees no such key in its workspace; "
            f"it sees {seen}. Correct scoped_key_id, or let the admin who made the key look."
        )
    return parse_expiry(str(key["expires_at"])[:10]) if key.get("expires_at") else Expiry("never")


@dataclass(slots=True)
class Refusal:
    """What a client knows about a token that was refused, beyond what the connection says of it.

    :param accepted: PostBoost accepted the same token earlier in this task.
    :param reread: what the connection held when it was read again: the ``same`` token, another one (``replaced``),
        another one for another host (``elsewhere``), or nothing, when it was not read.
    """

    accepted: bool = False
    reread: Literal["", "same", "replaced", "elsewhere"] = ""


def explain_401(settings: ClientSettings, now: datetime, refusal: Refusal | None = None) -> str:
    """Say why a token was refused, as far as it can be known: PostBoost answers all causes alike."""
    if not settings.token:
        return "It was sent without a token, for want of one: give the connection a token."
    refusal = refusal or Refusal()
    if not settings.token:
        return (
            f"{settings.name} has no token, and this takes one: put it into the password of the connection."
        )
    whose = f"The token of {settings.name}"
    if refusal.reread == "elsewhere":
        return (
            f"{whose} was replaced since this task started, and by one for another host. It is not sent there: clear "
            "this task, so that it starts with the connection as it is now."
        )
    start = {
        "": whose,
        "same": f"The connection was read again and still holds the same token. {whose}",
        "replaced": f"{whose} was replaced since this task started, and the new one is refused as well. It",
    }[refusal.reread]
    return f"{start} {_cause(settings, now, refusal)} {ROTATION_STEPS}"


def _cause(settings: ClientSettings, now: datetime, refusal: Refusal) -> str:
    expiry, said = settings.expiry, settings.expiry.describe(now)
    if expiry.is_over(now):
        return f"{said}."
    dated = "" if expiry.kind == "unknown" else f"By its expires_on it {said}. "
    if refusal.accepted:
        return f"was accepted earlier in this task and no longer is. {dated}It was revoked{'' if dated else ', or it has expired'}."
    if slip := _slip_in(settings.token):
        return f"is not accepted. It is mistyped: it {slip}."
    if dated:
        return f"is not accepted. {dated}It is revoked or mistyped, or the date is that of another token."
    return "is not accepted. It is expired, revoked or mistyped: set expires_on, and a message like this can tell."


def _slip_in(token: str) -> str:
    """Return what shows that this text was never a token, or nothing. It says nothing of the token itself."""
    if token and not token.strip("*"):
        return "consists of the asterisks that stand for a hidden token"
    if token.startswith(("'", '"', "`", "<")) or token.endswith(("'", '"', "`", ">")):
        return "has quotes or brackets around it"
    if token.startswith(("$", "{{", "%(")):
        return "is a placeholder that was never filled in"
    return ""
