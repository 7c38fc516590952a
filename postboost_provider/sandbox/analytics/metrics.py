"""The numbers of the sandbox's analytics: derived from identifiers, and consistent across all responses.

Views, likes, comments and shares of a post on an account grow over five days, and all sums are sums of these. Days
are UTC days, and a post counts on the day it was published.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from postboost_provider.sandbox.core.models import Account, Post, Target, Workspace

METRICS = ("views", "likes", "comments", "shares")
GROWTH_DAYS = 5
# Networks without analytics; PostBoost does not list them.
WITHOUT_ANALYTICS = {"telegram", "discord", "slack"}


@dataclass(frozen=True, slots=True)
class Publication:
    """A post on one account."""

    post: Post
    target: Target
    at: datetime

    @property
    def account(self) -> Account:
        return self.target.account

    def numbers(self, now: datetime) -> dict[str, int]:
        """Return its numbers at that time."""
        seed = _digits(self.post.uuid, self.account.uuid)
        views = 100 + seed % 2000
        final = {
            "views": views,
            "likes": views * (2 + seed // 7 % 7) // 100,
            "comments": views * (1 + seed // 11 % 3) // 200,
            "shares": views * (1 + seed // 13 % 4) // 400,
        }
        days = min(GROWTH_DAYS, (now - self.at).days + 1)
        return {name: value * days // GROWTH_DAYS for name, value in final.items()}


def published(
    workspace: Workspace, start: date, end: date, accounts: Container[Account] | None = None
) -> Iterator[Publication]:
    """Yield what was published from start to end, inclusive. Trashed posts count: their analytics stay."""
    for post in workspace.posts.values():
        for each in publications_of(post):
            if start <= each.at.date() <= end and (accounts is None or each.account in accounts):
                yield each


def publications_of(post: Post) -> list[Publication]:
    return [
        Publication(post, target, target.finished_at)
        for target in post.targets
        if target.status == "published" and target.finished_at is not None
    ]


def total(publications: Iterable[Publication], now: datetime) -> dict[str, Any]:
    """Return their count, the sums of their numbers, and the engagement rate in percent."""
    sums = Counter(dict.fromkeys(METRICS, 0))
    count = 0
    for each in publications:
        sums.update(each.numbers(now))
        count += 1
    return {"posts": count, **with_rate(dict(sums))}


def with_rate(numbers: dict[str, int]) -> dict[str, Any]:
    engaged = numbers["likes"] + numbers["comments"] + numbers["shares"]
    return {
        **numbers,
        "engagement_rate": round(100 * engaged / numbers["views"], 2) if numbers["views"] else 0,
    }


def followers(account: Account, day: date) -> int:
    """Return the account's followers at the end of that day."""
    seed = _digits(account.uuid)
    days = max(0, (day - account.created_at.date()).days)
    return 500 + seed % 20_000 + days * (seed % 9)


def days_of(start: date, end: date) -> list[date]:
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def _digits(*words: str) -> int:
    return int(hashlib.sha256("/".join(words).encode()).hexdigest()[:8], 16)
