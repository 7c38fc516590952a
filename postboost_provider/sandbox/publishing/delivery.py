"""A post's way from its departure to the networks, by the sandbox's clock.

Nothing happens in the background: every request first brings all unfinished posts up to the present.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.ai import repurposing
from postboost_provider.sandbox.core import faults
from postboost_provider.sandbox.core.models import Happening
from postboost_provider.sandbox.publishing import connections
from postboost_provider.sandbox.publishing.networks import NEEDS_MEDIA, live_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.sandbox.core.models import Post, Target
    from postboost_provider.sandbox.core.store import Store


NEVER = datetime.max.replace(tzinfo=UTC)


def progress(store: Store) -> None:
    """Bring every unfinished post up to the present, and what its accounts are connected by.

    Costs next to nothing as long as none has come further.
    """
    connections.progress(store)
    repurposing.progress(store)
    if store.clock.now() < store.next_step:
        return
    for post in sorted(store.unfinished, key=lambda each: each.id):
        _progress_post(store, post)
    store.next_step = min((_next_step(store, post) for post in store.unfinished), default=NEVER)


def _next_step(store: Store, post: Post) -> datetime:
    """Return when the post comes further: an account's departure or arrival."""
    takes = timedelta(seconds=store.settings.publish_seconds)
    steps = {"pending": timedelta(), "publishing": takes}
    return min(
        (
            target.departs_at + steps[target.status]
            for target in post.targets
            if target.status in steps and target.departs_at is not None
        ),
        default=NEVER,
    )


def _go_on(store: Store, post: Post) -> None:
    """Leave a post to the clock, from the present on."""
    store.unfinished.add(post)
    _progress_post(store, post)
    if post in store.unfinished:
        store.next_step = min(store.next_step, _next_step(store, post))


def _progress_post(store: Store, post: Post) -> None:
    now = store.clock.now()
    takes = timedelta(seconds=store.settings.publish_seconds)
    for target in post.targets:
        departs_at = target.departs_at
        if departs_at is None:
            continue
        if target.status == "pending" and departs_at <= now:
            target.status = "publishing"
        if target.status == "publishing" and departs_at + takes <= now:
            _finish(store, post, target, departs_at + takes)
    states = {target.status for target in post.targets}
    if states <= {"published", "failed"}:
        conclude(store, post)
    elif states != {"pending"}:
        post.status = "publishing"


def set_out(store: Store, post: Post) -> None:
    """Leave the rest to the clock; what is due now starts within the request."""
    post.status = "scheduled"
    for target in post.targets:
        target.status = "pending"
        target.errors = []
    now = store.clock.now()
    if post.scheduled_at is not None and post.scheduled_at > now:
        store.happenings.append(Happening("post.scheduled", now, post))
    _go_on(store, post)


def times_at(post: Post, at: datetime, account_times: Mapping[int, datetime] | None) -> dict[int, datetime]:
    """Return when each account departs if the post is moved there.

    Where no account times are given, accounts keep their offset from the post's time (SDK 1.66.3).
    """
    if account_times is None:
        return {target.account.id: at + target.offset for target in post.targets}
    return {target.account.id: account_times.get(target.account.id, at) for target in post.targets}


def set_times(post: Post, at: datetime, account_times: Mapping[int, datetime] | None) -> None:
    """Move the post, and each account's departure with it."""
    times = times_at(post, at, account_times)
    post.scheduled_at = at
    for target in post.targets:
        target.departs_at = times[target.account.id]
        target.offset = target.departs_at - at


def call_off(store: Store, post: Post) -> None:
    """Take the post back from the clock."""
    store.unfinished.discard(post)
    post.status = "draft"


def retry(store: Store, post: Post, target: Target) -> None:
    target.status = "publishing"
    target.departs_at = store.clock.now()
    target.errors = []
    post.status = "publishing"
    _go_on(store, post)


def publish_progress(post: Post) -> dict[str, int]:
    return {
        "total": len(post.targets),
        "published": sum(target.status == "published" for target in post.targets),
        "failed": sum(target.status == "failed" for target in post.targets),
    }


def _finish(store: Store, post: Post, target: Target, moment: datetime) -> None:
    account, content = target.account, post.content_for(target.account)
    fault = faults.due_for_account(store.faults, account)
    errors: list[Any] = []
    if fault is not None:
        errors = faults.account_errors(fault, account)
    elif connections.was_dead(account, target.departs_at or moment):
        errors = [f"{account.name} must be reconnected before it can publish."]
    elif account.provider in NEEDS_MEDIA and not content[0]["media"]:
        # Deleted media is taken out of scheduled posts too (SDK 1.66.3, delete_media_bulk).
        errors = [f"{account.provider} requires media."]
    arrive(store, post, target, moment, errors)
    if not errors and len(content) > 1:
        comment = faults.due_for_account(store.faults, account, "fail_comment")
        if comment is not None:
            # The post stays published, and the account carries the error (SDK 1.66.3).
            target.errors, target.published_parts = faults.account_errors(comment, account), 1


def arrive(store: Store, post: Post, target: Target, moment: datetime, errors: list[Any]) -> None:
    """Note that the account's network took the post, or why it did not."""
    account = target.account
    target.finished_at, target.errors = moment, errors
    if errors:
        target.status = "failed"
        account.last_error = str(target.errors[0])[:300]
        store.happenings.append(Happening("post.publishing_failed", moment, post, account))
        return
    target.status = "published"
    target.published_parts = live_parts(account, post.content_for(account))
    target.provider_post_id = str(10**9 + store.next_id("provider_post"))
    target.external_url = (
        f"https://{account.provider.replace('_', '-')}.example/{account.username}/{target.provider_post_id}"
    )
    account.last_success_at, account.last_error = moment, None
    store.happenings.append(Happening("post.published", moment, post, account))


def conclude(store: Store, post: Post) -> None:
    """End the post: one failed account makes it failed, and what the others published stays published."""
    store.unfinished.discard(post)
    if any(target.status == "failed" for target in post.targets):
        post.status = "failed"
        return
    post.status = "published"
    post.published_at = max(target.finished_at for target in post.targets if target.finished_at)
    store.happenings.append(Happening("post.published_all", post.published_at, post))
