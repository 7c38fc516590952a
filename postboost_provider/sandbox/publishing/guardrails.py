"""Guardrails for automated clients: duplicates, accounts that cannot publish, daily and monthly caps.

They are checked before anything is saved, and listed as ``issues`` by ``posts/validate`` (SDK 1.66.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.content_digest import content_digest
from postboost_provider.sandbox.core.models import Account, Post, Workspace, version_for
from postboost_provider.sandbox.core.responses import ErrorResponse
from postboost_provider.sandbox.publishing.network_rules import live_parts

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping, Sequence

    from postboost_provider.sandbox.core.store import Store

DUPLICATE_WINDOW = timedelta(hours=24)
_COUNTED = ("scheduled", "needs_approval", "publishing", "published", "failed")


@dataclass(frozen=True, slots=True)
class Issue:
    status: int
    code: str
    message: str
    details: Mapping[str, Any]

    def error_response(self) -> ErrorResponse:
        return ErrorResponse(self.status, self.message, code=self.code, **self.details)

    def as_dict(self) -> dict[str, Any]:
        return {"message": self.message, "code": self.code, **self.details}


def issues(
    store: Store,
    workspace: Workspace,
    versions: list[dict[str, Any]],
    accounts: Sequence[Account],
    publish_times: Mapping[int, datetime],
    *,
    allow_duplicate: bool,
    exclude: Post | None = None,
) -> list[Issue]:
    """Return all issues of a post.

    :param publish_times: when each account would publish; empty for a draft, which is only checked for duplicates.
    :param exclude: the post itself, which is not its own duplicate and does not count twice.
    """
    found = []
    if not allow_duplicate:
        found += _duplicates(store, workspace, versions, accounts, exclude)
    planned = [account for account in accounts if account.id in publish_times]
    for account in planned:
        if not account.authorized:
            message = f"{account.name} must be reconnected before it can publish."
            found.append(Issue(422, "account_unauthorized", message, {"account_id": account.id}))
        elif not account.has_token:
            message = f"{account.name} has no stored token; reconnect it."
            found.append(Issue(422, "account_token_missing", message, {"account_id": account.id}))
    for account in planned:
        limit = cap_of(store, account)
        used = used_on_day(workspace, account, publish_times[account.id].date(), exclude)
        if used >= limit:
            message = f"{account.name} has reached its daily cap of {limit} posts."
            details = {"account_id": account.id, "limit": limit, "used": used}
            found.append(Issue(429, "account_daily_cap_reached", message, details))
    others = (
        [post for post in workspace.posts.values() if post is not exclude]
        if store.settings.x_enforced
        else []
    )
    if store.settings.x_enforced and _x_limit_exceeded(store, others, versions, planned, publish_times):
        message = "The workspace's X posts for this month are used up."
        found.append(Issue(429, "x_monthly_cap_reached", message, {}))
    return found


def cap_of(store: Store, account: Account) -> int:
    """Return how many posts the account may publish per UTC day."""
    return store.settings.daily_cap if account.daily_cap is None else account.daily_cap


def used_on_day(workspace: Workspace, account: Account, day: date, exclude: Post | None = None) -> int:
    """Count the account's scheduled, unapproved and published posts on that UTC day."""
    used = 0
    for post in account.by_day.get(day, ()):
        target = post.target_of(account)
        if post is exclude or post.trashed or post.status not in _COUNTED or not workspace.has_post(post):
            continue
        if target is not None and target.publish_at and target.status != "failed":
            used += target.publish_at.date() == day
    return used


def _duplicates(
    store: Store,
    workspace: Workspace,
    versions: list[dict[str, Any]],
    accounts: Sequence[Account],
    exclude: Post | None,
) -> list[Issue]:
    found = []
    for account in accounts:
        wanted = content_digest(version_for(versions, account)["content"])
        for post in account.by_content.get(wanted, ()):
            if post is not exclude and _is_duplicate(store, workspace, post, account, wanted):
                message = f"The same content was created for {account.name} in the last 24 hours."
                details = {"account_id": account.id, "existing_post_uuid": post.uuid}
                found.append(Issue(409, "duplicate_post", message, details))
                break
    return found


def _is_duplicate(store: Store, workspace: Workspace, post: Post, account: Account, wanted: bytes) -> bool:
    """Return whether a post that had this content for the account still has it, and counts."""
    return (
        workspace.has_post(post)
        and store.clock.now() - post.created_at < DUPLICATE_WINDOW
        and (not post.trashed or store.settings.duplicate_check_trashed)
        and post.target_of(account) is not None
        and content_digest(post.content_for(account)) == wanted
    )


def _x_limit_exceeded(
    store: Store,
    others: Sequence[Post],
    versions: list[dict[str, Any]],
    planned: Sequence[Account],
    publish_times: Mapping[int, datetime],
) -> bool:
    for account in (each for each in planned if each.provider == "twitter"):
        moment = publish_times[account.id]
        used = x_posts_in_month(others, moment)
        if (
            used + live_parts(account, version_for(versions, account)["content"])
            > store.settings.x_monthly_limit
        ):
            return True
    return False


def x_posts_in_month(posts: Sequence[Post], moment: datetime, *, only: re.Pattern[str] | None = None) -> int:
    """Count X posts of that UTC month; every part of a thread counts.

    :param only: count only parts whose text matches this.
    """
    used = 0
    for post in posts:
        for target in () if post.trashed or post.status not in _COUNTED else post.targets:
            at = target.publish_at
            if (
                target.account.provider == "twitter"
                and at
                and (at.year, at.month) == (moment.year, moment.month)
            ):
                content = post.content_for(target.account)
                parts = content[: live_parts(target.account, content)]
                used += sum(only is None or bool(only.search(part["body"])) for part in parts)
    return used
