"""Decide the next step of a rotation from the keys that exist. Pure: no requests, no clock.

Nothing is stored between two attempts. The name of a key says which task created it and which key it replaces, and an
extra of the connection says which key its token is.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.expiry import Expiry, parse_expiry
from postboost_provider.api.times import read_utc
from postboost_provider.idempotency import identity as identities

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"(?P<maker>airflow/[^ ]+) after (?P<old>\d+) run (?P<run>[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Key:
    """A scoped key, as PostBoost lists it. ``expires_at`` is the last day it works."""

    id: int
    name: str
    abilities: tuple[str, ...]
    account_ids: tuple[int, ...] | None
    created_by: str | None
    created_at: datetime | None
    last_used_at: datetime | None
    expires_at: date | None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Key:
        accounts = row.get("account_ids")
        return cls(
            id=int(row["id"]),
            name=str(row["name"]),
            abilities=tuple(map(str, row["abilities"])),
            account_ids=None if accounts is None else tuple(map(int, accounts)),
            created_by=row.get("created_by"),
            created_at=read_utc(row.get("created_at")),
            last_used_at=read_utc(row.get("last_used_at")),
            expires_at=date.fromisoformat(str(row["expires_at"])[:10]) if row.get("expires_at") else None,
        )

    @property
    def expiry(self) -> Expiry:
        return Expiry("date", self.expires_at) if self.expires_at else Expiry("never")

    @property
    def successor_of(self) -> int | None:
        """The id of the key that this one was created to replace, by its name."""
        named = _NAME.fullmatch(self.name)
        return int(named["old"]) if named else None

    def is_over(self, now: datetime) -> bool:
        """Return whether the key has expired, even if it works until the end of its last day in every time zone."""
        return self.expires_at is not None and now.date() > self.expires_at + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Maker:
    """The task that rotates a connection, in one run.

    :param task: the task's name in the activity log.
    :param run: 8 hex digits that are the same for all attempts of one run.
    """

    task: str
    conn_id: str
    run: str

    @property
    def prefix(self) -> str:
        return f"airflow/{self.task}/{identities.log_scope(self.conn_id)}"

    def name(self, old: Key) -> str:
        return f"{self.prefix} after {old.id} run {self.run}"

    def created(self, key: Key) -> bool:
        """Return whether this maker created the key, in any run."""
        named = _NAME.fullmatch(key.name)
        return named is not None and named["maker"] == self.prefix

    def created_in_this_run(self, key: Key) -> bool:
        return self.created(key) and key.name.endswith(f" run {self.run}")


@dataclass(frozen=True, slots=True)
class Rest:
    """There is nothing to do."""

    current: Key
    why: str


@dataclass(frozen=True, slots=True)
class Renew:
    """Replace the current key. Orphans are keys of earlier attempts, whose secret nobody has."""

    current: Key
    orphans: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Retire:
    """Revoke the leftovers, which the current key has replaced."""

    current: Key
    leftovers: tuple[Key, ...]


def decide(
    current: Key, keys: Mapping[int, Key], maker: Maker, *, when_less_than: timedelta | None, now: datetime
) -> Rest | Renew | Retire:
    """Return the next step.

    :param when_less_than: rotate when the current key expires sooner than this; None: rotate once in every run.
    """
    old = current.successor_of
    others = [key for key in keys.values() if key.id != current.id]
    leftovers = tuple(
        key for key in others if key.id == old or (maker.created(key) and key.successor_of == old)
    )
    if old is not None and leftovers:
        return Retire(current, leftovers)
    if maker.created_in_this_run(current):
        return Rest(current, "it was created in this run")
    left = current.expiry.time_left(now)
    if when_less_than is not None and (left is None or left >= when_less_than):
        return Rest(current, f"it {current.expiry.describe(now)}")
    orphans = tuple(k for k in keys.values() if maker.created(k) and k.successor_of == current.id)
    return Renew(current, orphans)


def reference(token: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of a token, which PostBoost's activity log calls it by."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


def note(key: Key, token: str, now: datetime) -> str:
    """Return the extra ``rotation``: which key the connection's token is, and when that was seen."""
    return f"{key.id}/{reference(token)}/{now.astimezone(UTC).isoformat()}"


def read_note(value: object) -> tuple[int, str] | None:
    """Return the key's id and the reference of its token from the extra ``rotation``, or None."""
    noted = re.fullmatch(r"(\d+)/([0-9a-f]{12})/.*", str(value or ""))
    return (int(noted[1]), noted[2]) if noted else None


def check_span(name: str, value: object) -> None:
    """Check that the argument ``name`` is a timedelta or None."""
    if value is not None and (not isinstance(value, timedelta) or value < timedelta(0)):
        raise PostBoostConfigError(
            f"{name} is {value!r}; it must be a timedelta of 0 or more.", code="not_a_duration", field=name
        )


def check_times(valid_days: object, when_less_than: object, grace: object) -> None:
    """Check the arguments of a rotation: new keys must not be rotated at once."""
    if isinstance(valid_days, bool) or not isinstance(valid_days, int) or valid_days < 1:
        raise PostBoostConfigError(
            f"valid_days is {valid_days!r}; it must be 1 or more days: PostBoost does not create a key that expires today.",
            code="not_a_number",
            field="valid_days",
        )
    check_span("rotate_when_less_than", when_less_than)
    check_span("grace", grace)
    if isinstance(when_less_than, timedelta) and timedelta(days=valid_days - 1) <= when_less_than:
        raise PostBoostConfigError(
            f"valid_days is {valid_days}, so a new key would have less than rotate_when_less_than ({when_less_than.days} "
            "days) left, and every run would rotate. Raise valid_days or lower rotate_when_less_than.",
            code="too_short",
            field="valid_days",
        )


def check_new_expiry(value: object, now: datetime) -> Expiry:
    """Return the expiry of a token that was just created, which must not be unknown or past."""
    expiry = parse_expiry(value)
    if expiry.kind == "unknown":
        raise PostBoostConfigError(
            "expires_on is empty. Give the date that PostBoost shows for the new token, or never.",
            code="missing",
            field="expires_on",
        )
    if expiry.is_over(now):
        raise PostBoostConfigError(
            f"expires_on is {expiry.day}: a token with that date {expiry.describe(now)}. Give the date that PostBoost shows "
            "for the new token.",
            code="expired",
            field="expires_on",
        )
    return expiry
