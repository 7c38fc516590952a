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

# How long an attempt takes at most from creating a key to having it in the connection: two requests with all their
# retries (``DEFAULT_DEADLINE_SECONDS`` of the client is five minutes). If one takes longer, it finds that its key is gone.
ATTEMPT_TIME = timedelta(minutes=10)
_NAME = re.compile(r"(?P<maker>airflow/[^ ]+) after (?P<old>\d+) run (?P<run>[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Key:
    """A scoped key, as PostBoost lists it. ``expires_at`` is the last day it works.

    ``abilities`` is None where PostBoost does not list them.
    """

    id: int
    name: str
    abilities: tuple[str, ...] | None
    account_ids: tuple[int, ...] | None
    created_by: str | None
    created_at: datetime | None
    last_used_at: datetime | None
    expires_at: date | None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Key:
        accounts, abilities = row.get("account_ids"), row.get("abilities")
        return cls(
            id=int(row["id"]),
            name=str(row["name"]),
            abilities=tuple(map(str, abilities)) if isinstance(abilities, list) else None,
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

    def name(self, old: int) -> str:
        """Return the name of the key that replaces the one with the id ``old``."""
        return f"{self.prefix} after {old} run {self.run}"

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
    """Replace the current key.

    :param orphans: keys that other attempts made to replace it. An attempt that is still running may be about to write
        one of them to the connection.
    :param lost: the id of the connection's key, if that is revoked. Then ``current`` is the newest key that is related
        to it, and says what the new one may do.
    """

    current: Key
    orphans: tuple[Key, ...]
    lost: int | None = None

    @property
    def held(self) -> int:
        """The id of the key that the connection has."""
        return self.current.id if self.lost is None else self.lost

    @property
    def replaces(self) -> int:
        """The id that the name of the new key gives, by which all related keys are found again."""
        named = None if self.lost is None else self.current.successor_of
        return self.current.id if named is None else named

    def stale_orphans(self, now: datetime) -> list[Key]:
        """Return the orphans whose attempt has ended: it would have written them to the connection."""
        return [k for k in self.orphans if k.created_at is not None and now - k.created_at > ATTEMPT_TIME]


@dataclass(frozen=True, slots=True)
class Retire:
    """Revoke the leftovers: the key that the current one has replaced, and what other attempts made to replace it."""

    current: Key
    leftovers: tuple[Key, ...]

    def wait_until(self, grace: timedelta, now: datetime) -> datetime | None:
        """Return when the leftovers may be revoked, or None for now.

        Tasks that have read the old key may use it for ``grace``. An attempt that is still running may write its key over
        the current one, where the store can't compare: that key has to work.
        """
        old = self.current.successor_of
        ends = [(key.created_at or now) + ATTEMPT_TIME for key in self.leftovers if key.id != old]
        if grace and any(not key.is_over(now) for key in self.leftovers):
            ends.append(now + grace)
        until = max(ends, default=now)
        return until if until > now else None


def decide(
    current: Key,
    keys: Mapping[int, Key],
    maker: Maker,
    *,
    when_less_than: timedelta | None,
    now: datetime,
    since: datetime | None = None,
) -> Rest | Renew | Retire:
    """Return the next step.

    :param when_less_than: rotate when the current key expires sooner than this; None: rotate once in every run.
    :param since: when the run began. A key that another run has created after that is as new as this run wants it.
    """
    old = current.successor_of
    others = [key for key in keys.values() if key.id != current.id]
    leftovers = tuple(
        key for key in others if key.id == old or (maker.created(key) and key.successor_of == old)
    )
    if old is not None and leftovers:
        return Retire(current, leftovers)
    left = current.expiry.time_left(now)
    # A task that is cleared later may find the key of its own run expired.
    works = left is None or left > timedelta(0)
    if works and maker.created_in_this_run(current):
        return Rest(current, "it was created in this run")
    if works and old is not None and since and current.created_at and current.created_at >= since:
        return Rest(current, "another run created it during this one")
    if when_less_than is not None and (left is None or left >= when_less_than):
        return Rest(current, f"it {current.expiry.describe(now)}")
    orphans = tuple(k for k in keys.values() if maker.created(k) and k.successor_of == current.id)
    return Renew(current, orphans)


def recover(lost: int, noted_old: int | None, keys: Mapping[int, Key], maker: Maker) -> Renew | None:
    """Return how to replace a revoked key, if a rotation of this connection has made or left a key related to it.

    Two rotations at once can end so where the store can't compare before it writes: one writes its key over the other's,
    which has revoked it. Without a related key somebody revoked it on purpose, and it is not replaced.

    :param noted_old: the key that the lost one had replaced, as the connection says.
    """
    olds = {lost, noted_old} - {None}
    related = [
        key
        for key in keys.values()
        if key.id == noted_old or (maker.created(key) and key.successor_of in olds)
    ]
    if not related:
        return None
    newest = max(related, key=lambda key: key.id)
    return Renew(newest, tuple(key for key in related if key is not newest), lost)


def reference(token: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of a token, which PostBoost's activity log calls it by."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]


def note(key: int, token: str, now: datetime, old: int | None) -> str:
    """Return the extra ``rotation``: which key the connection's token is, when that was seen, and what it replaced."""
    return f"{key}/{reference(token)}/{now.astimezone(UTC).isoformat()}" + (f"/{old}" if old else "")


def read_note(value: object) -> tuple[int, str, int | None] | None:
    """Return from the extra ``rotation`` the key's id, the reference of its token and the key it replaced, or None."""
    noted = re.fullmatch(r"(\d+)/([0-9a-f]{12})/[^/]*(?:/(\d+))?", str(value or ""))
    return (int(noted[1]), noted[2], int(noted[3]) if noted[3] else None) if noted else None


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


def check_abilities(value: object) -> None:
    """Check that the argument ``abilities`` is None or a list of texts."""
    is_list = (
        isinstance(value, (list, tuple)) and value and all(isinstance(each, str) and each for each in value)
    )
    if value is not None and not is_list:
        raise PostBoostConfigError(
            f"abilities is {value!r}; it must be a list of abilities, such as ['read', 'write', 'publish'].",
            code="not_a_list",
            field="abilities",
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
