"""The life of a scheduled post by the sandbox's clock: publishing starts, succeeds or fails on each account.

Nothing runs in the background: every request first advances all unfinished posts to the current time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core import faults
from postboost_provider.sandbox.core.models import Account, Event, Post, Target, Workspace
from postboost_provider.sandbox.core.store import Store, new_uuid
from postboost_provider.sandbox.publishing import account_state
from postboost_provider.sandbox.publishing.network_rules import NEEDS_MEDIA, live_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


NEVER = datetime.max.replace(tzinfo=UTC)


def create(
    store: Store,
    workspace: Workspace,
    versions: list[dict[str, Any]],
    accounts: Iterable[Account],
    *,
    tag_ids: Iterable[int] = (),
    created_at: datetime | None = None,
) -> Post:
    """Add a draft to the workspace."""
    post = Post(
        id=store.next_id("post"),
        uuid=new_uuid(),
        created_at=created_at or store.clock.now(),
        versions=versions,
        targets=[Target(account) for account in accounts],
        tag_ids=list(tag_ids),
    )
    workspace.add_post(post)
    return post


def version(account_id: int, text: str, media: list[int]) -> dict[str, Any]:
    """Return a version with one text; account id 0 is the original."""
    return {
        "account_id": account_id,
        "is_original": account_id == 0,
        "synced_with": None,
        "content": [{"body": text, "url": None, "media": media, "video_thumbs": []}],
        "options": {},
    }


def advance(store: Store) -> None:
    """Advance every post that is due. The time it takes depends on these only."""
    now, due = store.clock.now(), set()
    while store.changes and store.changes[0][0] <= now:
        changes_at, _, post = heappop(store.changes)
        if store.changes_at.get(post) == changes_at:
            del store.changes_at[post]
            if post in store.unfinished:
                due.add(post)
    for post in sorted(due, key=lambda each: each.id):
        _track(store, post)


def track_again(store: Store) -> None:
    """Compute again when posts change, because the time that publishing takes has changed."""
    store.changes_at, store.changes = {}, []
    for post in sorted(store.unfinished, key=lambda each: each.id):
        _track(store, post)


def _next_change_at(store: Store, post: Post) -> datetime:
    """Return when the post changes next: publishing starts or ends on an account."""
    duration = timedelta(seconds=store.settings.publish_seconds)
    steps = {"pending": timedelta(), "publishing": duration}
    return min(
        (
            target.publish_at + steps[target.status]
            for target in post.targets
            if target.status in steps and target.publish_at is not None
        ),
        default=NEVER,
    )


def _track(store: Store, post: Post) -> None:
    """Advance the post with the clock from now on."""
    store.unfinished.add(post)
    _advance_post(store, post)
    if post in store.unfinished:
        store.changes_at[post] = _next_change_at(store, post)
        heappush(store.changes, (store.changes_at[post], post.id, post))


def _advance_post(store: Store, post: Post) -> None:
    now = store.clock.now()
    duration = timedelta(seconds=store.settings.publish_seconds)
    for target in post.targets:
        publish_at = target.publish_at
        if publish_at is None:
            continue
        if target.status == "pending" and publish_at <= now:
            target.status = "publishing"
        if target.status == "publishing" and publish_at + duration <= now:
            _finish_target(store, post, target, publish_at + duration)
    states = {target.status for target in post.targets}
    if states <= {"published", "failed"}:
        finish(store, post)
    elif states != {"pending"}:
        post.status = "publishing"


def schedule(store: Store, post: Post) -> None:
    """Schedule the post; accounts that are due now start at once."""
    post.status = "scheduled"
    for target in post.targets:
        target.status = "pending"
        target.errors = []
    now = store.clock.now()
    if post.scheduled_at is not None and post.scheduled_at > now:
        store.events.append(Event("post.scheduled", now, post))
    _track(store, post)


def publish_times_at(
    post: Post, at: datetime, account_times: Mapping[int, datetime] | None
) -> dict[int, datetime]:
    """Return when each account publishes if the post is scheduled at that time.

    Without account times, accounts keep their offset from the post's time (SDK 1.66.3).
    """
    if account_times is None:
        return {target.account.id: at + target.offset for target in post.targets}
    return {target.account.id: account_times.get(target.account.id, at) for target in post.targets}


def set_publish_times(post: Post, at: datetime, account_times: Mapping[int, datetime] | None) -> None:
    """Set the post's scheduled time, and each account's publish time."""
    times = publish_times_at(post, at, account_times)
    post.scheduled_at = at
    for target in post.targets:
        target.publish_at = times[target.account.id]
        target.offset = target.publish_at - at
    post.index_days()


def unschedule(store: Store, post: Post) -> None:
    """Turn the post back into a draft."""
    store.unfinished.discard(post)
    post.status = "draft"


def retry(store: Store, post: Post, target: Target) -> None:
    target.status = "publishing"
    target.publish_at = store.clock.now()
    post.index_days()
    target.errors = []
    post.status = "publishing"
    _track(store, post)


def publish_progress(post: Post) -> dict[str, int]:
    return {
        "total": len(post.targets),
        "published": sum(target.status == "published" for target in post.targets),
        "failed": sum(target.status == "failed" for target in post.targets),
    }


def _finish_target(store: Store, post: Post, target: Target, moment: datetime) -> None:
    account, content = target.account, post.content_for(target.account)
    fault = faults.due_for_account(store.faults, account)
    errors: list[Any] = []
    if fault is not None:
        errors = faults.account_errors(fault, account)
    elif account_state.was_disconnected(account, target.publish_at or moment):
        errors = [f"{account.name} must be reconnected before it can publish."]
    elif account.provider in NEEDS_MEDIA and not content[0]["media"]:
        # Deleting media removes it from scheduled posts too (SDK 1.66.3, delete_media_bulk).
        errors = [f"{account.provider} requires media."]
    record_result(store, post, target, moment, errors)
    if not errors and len(content) > 1:
        comment = faults.due_for_account(store.faults, account, "fail_comment")
        if comment is not None:
            # The post stays published, and the account has the error (SDK 1.66.3).
            target.errors, target.published_parts = faults.account_errors(comment, account), 1


def record_result(store: Store, post: Post, target: Target, moment: datetime, errors: list[Any]) -> None:
    """Record that the account published the post, or the errors."""
    account = target.account
    target.finished_at, target.errors = moment, errors
    if errors:
        target.status = "failed"
        account.last_error = str(target.errors[0])[:300]
        store.events.append(Event("post.publishing_failed", moment, post, account))
        return
    target.status = "published"
    target.published_parts = live_parts(account, post.content_for(account))
    target.provider_post_id = str(10**9 + store.next_id("provider_post"))
    target.external_url = (
        f"https://{account.provider.replace('_', '-')}.example/{account.username}/{target.provider_post_id}"
    )
    account.last_success_at, account.last_error = moment, None
    store.events.append(Event("post.published", moment, post, account))


def finish(store: Store, post: Post) -> None:
    """Finish the post: one failed account makes it failed, whatever the others published."""
    store.unfinished.discard(post)
    if any(target.status == "failed" for target in post.targets):
        post.status = "failed"
        return
    post.status = "published"
    post.published_at = max(target.finished_at for target in post.targets if target.finished_at)
    store.events.append(Event("post.published_all", post.published_at, post))
