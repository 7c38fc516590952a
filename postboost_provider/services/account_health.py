"""Whether accounts can publish at a planned time: PostBoost's account health, and its dry run for later days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import ServerError
from postboost_provider.api.times import read_utc, schedule_fields
from postboost_provider.polling.conditions import Finding, Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CAP_REACHED = "account_daily_cap_reached"


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """One account, held against a planned time. ``problems`` says in words why it can't publish then."""

    id: int
    uuid: str | None
    provider: str
    name: str
    status: str
    expires_at: datetime | None
    reconnect_url: str | None
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.provider} {self.name!r} (id {self.id}): {'; '.join(self.problems) or self.status}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "uuid": self.uuid,
            "provider": self.provider,
            "name": self.name,
            "status": self.status,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "reconnect_url": self.reconnect_url,
        }


@dataclass(frozen=True, slots=True)
class AccountsCanPublish:
    """Ask until all of the accounts can publish.

    :param publish_at: when; what has passed means now, as None does.
    :param posts_per_account: how many posts each is to publish on that UTC day. PostBoost tells how many are taken for
        today alone; of a later day it tells whether the day is full.
    """

    account_ids: tuple[int, ...]
    publish_at: datetime | None = None
    posts_per_account: int = 1

    def questions(self, now: datetime) -> Sequence[Question]:
        at = self._at(now)
        health = Question("get_account_health")
        return (
            (health, Question("validate_post", body=self._dry_run(at))) if _is_later(at, now) else (health,)
        )

    def read(self, answers: Sequence[Any], now: datetime) -> Finding:
        at = self._at(now)
        try:
            accounts = self._accounts(answers, at)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ServerError(
                f"get_account_health: PostBoost's answer can't be read ({error!r}).", status=200
            ) from error
        bad = [account for account in accounts if account.problems]
        if not bad:
            return Finding(True, [account.as_dict() for account in accounts])
        when = f"at {at:%Y-%m-%d %H:%M} UTC" if at > now else "now"
        lines = "\n".join(f"  {account}" for account in bad)
        return Finding(
            False, pending=f"{len(bad)} of {len(accounts)} accounts can't publish {when}:\n{lines}"
        )

    def _at(self, now: datetime) -> datetime:
        return max(now, self.publish_at or now).astimezone(UTC)

    def _dry_run(self, at: datetime) -> dict[str, Any]:
        """Return a post that is checked and never made: caps count by the UTC day of the planned time (SDK 1.66.3)."""
        content = [{"body": f"Is there room on {at:%Y-%m-%d}?"}]
        return {
            "versions": [{"account_id": 0, "is_original": True, "content": content}],
            "accounts": list(self.account_ids),
            "schedule": True,
            **schedule_fields(at),
            "allow_duplicate": True,
        }

    def _accounts(self, answers: Sequence[Any], at: datetime) -> list[AccountHealth]:
        health, *checked = answers
        known = {int(entry["id"]): entry for entry in health["data"]}
        full: dict[int, Mapping[str, Any]] = {
            int(issue["account_id"]): issue
            for answer in checked
            for issue in answer["issues"]
            if issue.get("code") == CAP_REACHED
        }
        accounts = []
        for each in self.account_ids:
            if each not in known:
                problem = "it is no account of this workspace any more"
                accounts.append(AccountHealth(each, None, "account", "", "gone", None, None, (problem,)))
                continue
            if checked:
                room = _taken(full[each], at) if each in full else None
            else:
                room = self._no_room_today(known[each]["daily_cap"])
            accounts.append(read_account(known[each], at, room))
        return accounts

    def _no_room_today(self, cap: Mapping[str, Any]) -> str | None:
        limit, used = int(cap["limit"]), int(cap["used_today"])
        if used + self.posts_per_account <= limit:
            return None
        wanted = self.posts_per_account
        return f"{used} of its {limit} posts of today (UTC) are taken, and {wanted} more are wanted"


def _is_later(at: datetime, now: datetime) -> bool:
    return at.date() > now.astimezone(UTC).date()


def _taken(issue: Mapping[str, Any], at: datetime) -> str:
    return f"{issue.get('used')} of its {issue.get('limit')} posts of {at:%Y-%m-%d} (UTC) are taken"


def read_account(entry: Mapping[str, Any], at: datetime, no_room: str | None = None) -> AccountHealth:
    """Read one entry of what ``get_account_health`` answers, held against the time ``at``."""
    connection = entry["connection"]
    expires_at = read_utc(connection.get("expires_at"))
    url = connection.get("reconnect_url")
    broken = _broken(entry, expires_at, at)
    problems = [f"{broken}. Reconnect it: {url}"] if broken else []
    return AccountHealth(
        id=int(entry["id"]),
        uuid=str(entry["uuid"]),
        provider=str(entry["provider"]),
        name=str(entry["name"]),
        status=str(connection.get("status")),
        expires_at=expires_at,
        reconnect_url=url,
        problems=(*problems, no_room) if no_room else tuple(problems),
    )


def _broken(entry: Mapping[str, Any], expires_at: datetime | None, at: datetime) -> str | None:
    """Return what is wrong with the account's connection to its network, or None."""
    connection = entry["connection"]
    if entry["authorized"] and not entry["has_token"]:
        return "PostBoost holds no token for it"
    if not entry["authorized"] or connection.get("status") == "expired":
        # Null where the daily check found no reason, and for networks that it does not ask.
        reason = connection.get("reconnect_reason") or {}
        said = str(reason.get("message") or "its network does not accept PostBoost any more").rstrip(".")
        return f"{said} ({reason['code']})" if reason.get("code") else said
    if expires_at is not None and expires_at <= at:
        return f"its connection ends before that, at {expires_at:%Y-%m-%d %H:%M} UTC"
    return None if entry["healthy"] else f"PostBoost calls it unhealthy: {connection.get('note')}".rstrip(".")
