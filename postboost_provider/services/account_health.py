"""Whether accounts can publish at a scheduled time: PostBoost's account health, and its dry run for later days."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.responses import reading_response
from postboost_provider.api.times import planned, read_utc
from postboost_provider.polling.conditions import Finding, Question
from postboost_provider.polling.outcome import account_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CAP_REACHED = "account_daily_cap_reached"


@dataclass(frozen=True, slots=True)
class AccountHealth:
    """One account, checked for a scheduled time. ``problems`` says why it can't publish then."""

    id: int
    uuid: str | None
    provider: str
    name: str
    status: str
    expires_at: datetime | None
    reconnect_url: str | None
    problems: tuple[str, ...]

    @property
    def label(self) -> str:
        """The account in messages. Account health has no usernames, and nothing of a removed account."""
        return f"{account_name(self.as_dict()) if self.provider else 'account'} (id {self.id})"

    def __str__(self) -> str:
        return clean_text(f"{self.label}: {'; '.join(self.problems) or self.status}")

    def as_dict(self) -> dict[str, Any]:
        values = asdict(self)
        del values["problems"]
        return {**values, "expires_at": self.expires_at.isoformat() if self.expires_at else None}


@dataclass(frozen=True, slots=True)
class AccountsCanPublish:
    """Poll until all of the accounts can publish.

    :param publish_at: when; a time in the past means now, as None does.
    :param posts_per_account: how many posts each is to publish on that UTC day. PostBoost counts posts against the daily
        cap only for today; for a later day it says only whether the day is full.
    """

    account_ids: tuple[int, ...]
    publish_at: datetime | None = None
    posts_per_account: int = 1

    def questions(self, now: datetime) -> Sequence[Question]:
        at, questions = self._at(now), [Question("get_account_health")]
        if at.date() > now.astimezone(UTC).date():
            questions.append(Question("validate_post", body=self._dry_run(at)))
        return questions

    def read(self, responses: Sequence[Any], now: datetime) -> Finding:
        at = self._at(now)
        with reading_response("get_account_health"):
            accounts = self._accounts(responses, at)
        bad = [account for account in accounts if account.problems]
        if not bad:
            return Finding(True, [account.as_dict() for account in accounts])
        when = f"at {at:%Y-%m-%d %H:%M} UTC" if at > now else "now"
        lines = "".join(f"\n  {account}" for account in bad)
        return Finding(False, pending=f"{len(bad)} of {len(accounts)} accounts can't publish {when}:{lines}")

    def _at(self, now: datetime) -> datetime:
        return max(now, self.publish_at or now).astimezone(UTC)

    def _dry_run(self, at: datetime) -> dict[str, Any]:
        """Return a post that is checked and never created: caps count by the UTC day it is for (SDK 1.66.3)."""
        content = [{"body": f"Is there room on {at:%Y-%m-%d}?"}]
        return {
            "versions": [{"account_id": 0, "is_original": True, "content": content}],
            "accounts": list(self.account_ids),
            **planned(at),
            "allow_duplicate": True,
        }

    def _accounts(self, responses: Sequence[Any], at: datetime) -> list[AccountHealth]:
        health, *dry_run = responses
        known = {int(entry["id"]): entry for entry in health["data"]}
        issues = [issue for response in dry_run for issue in response["issues"]]
        full = {int(each["account_id"]): each for each in issues if each.get("code") == CAP_REACHED}
        accounts = []
        for each in self.account_ids:
            if each not in known:
                problem = "it was removed from this workspace"
                accounts.append(AccountHealth(each, None, "", "", "gone", None, None, (problem,)))
                continue
            cap_problem = None
            if issue := full.get(each):
                used, limit = issue.get("used"), issue.get("limit")
                cap_problem = f"{used} of its {limit} posts for {at:%Y-%m-%d} (UTC) are used"
            elif not dry_run:
                cap = known[each]["daily_cap"]
                cap_problem = self._cap_reached_today(int(cap["used_today"]), int(cap["limit"]))
            accounts.append(read_account(known[each], at, cap_problem))
        return accounts

    def _cap_reached_today(self, used: int, limit: int) -> str | None:
        if used + self.posts_per_account <= limit:
            return None
        return f"{used} of its {limit} posts for today (UTC) are used, and {self.posts_per_account} more are needed"


def read_account(entry: Mapping[str, Any], at: datetime, cap_problem: str | None = None) -> AccountHealth:
    """Read one entry of what ``get_account_health`` returns, checked for the time ``at``."""
    connection = entry["connection"]
    expires_at = read_utc(connection.get("expires_at"))
    url = connection.get("reconnect_url")
    broken = _broken(entry, expires_at, at)
    problems = (f"{broken}. Reconnect it: {url}" if broken else None, cap_problem)
    return AccountHealth(
        id=int(entry["id"]),
        uuid=str(entry["uuid"]),
        provider=str(entry["provider"]),
        name=str(entry["name"]),
        status=str(connection.get("status")),
        expires_at=expires_at,
        reconnect_url=url,
        problems=tuple(filter(None, problems)),
    )


def _broken(entry: Mapping[str, Any], expires_at: datetime | None, at: datetime) -> str | None:
    """Return what is wrong with the account's connection to its network, or None."""
    connection = entry["connection"]
    if entry["authorized"] and not entry["has_token"]:
        return "PostBoost has no token for it"
    if not entry["authorized"] or connection.get("status") == "expired":
        # None if PostBoost's daily check found no reason, or does not cover the network.
        reason = connection.get("reconnect_reason") or {}
        message = str(reason.get("message") or "its network no longer accepts PostBoost").rstrip(".")
        return f"{message} ({reason['code']})" if reason.get("code") else message
    if expires_at is not None and expires_at <= at:
        return f"its connection expires before that, at {expires_at:%Y-%m-%d %H:%M} UTC"
    return None if entry["healthy"] else f"PostBoost calls it unhealthy: {connection.get('note')}".rstrip(".")
