"""Existing posts on their way out: schedule, queue, approve, and retry one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.core.replies import Reply, forbidden, invalid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import not_ready
from postboost_provider.sandbox.publishing import delivery as publishing, guardrails, networks
from postboost_provider.sandbox.publishing.accounts import account_of
from postboost_provider.sandbox.publishing.post_input import (
    allows_duplicate,
    media_by_id,
    read_account_times,
    refuse_past,
)
from postboost_provider.sandbox.publishing.posts import (
    needs_approval,
    post_of,
    refuse_in_history,
    untrashed_post_of,
)
from postboost_provider.sandbox.publishing.queue import NO_SLOTS, at_the_earliest, next_free_slots

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.sandbox.core.models import Post


@answers("schedule_post")
def schedule_post(call: Call) -> Reply:
    post = untrashed_post_of(call)
    refuse_in_history(post, 422)
    fields = Fields(call.fields)
    post_now = bool(fields.boolean("postNow", required=True))
    at, account_times = _read_times(call, fields, post)
    _require_accounts(fields, post)
    if post_now:
        at, account_times = call.now, {}  # per-account times are dropped (SDK 1.66.3)
    elif at is None:
        fields.refuse("date", "The date field is required.")
    else:
        refuse_past(fields, call.now, at, account_times)
    fields.finish()
    at = at or call.now
    _check(call, post, publishing.times_at(post, at, account_times))
    publishing.set_times(post, at, account_times)
    return _set_out(call, post, 200)


@answers("add_post_to_queue")
def add_post_to_queue(call: Call) -> Reply:
    post = untrashed_post_of(call)
    refuse_in_history(post, 422)
    fields = Fields(call.fields)
    _require_accounts(fields, post)
    accounts = [target.account for target in post.targets]
    slots = next_free_slots(call.workspace, accounts, call.now, but=post)
    if len(slots) < len(accounts):
        fields.refuse("queue", NO_SLOTS)
    fields.finish()
    _check(call, post, at_the_earliest(slots))
    publishing.set_times(post, min(slots.values()), slots)
    return _set_out(call, post, 201)


@answers("approve_post")
def approve_post(call: Call) -> Reply:
    """Let a waiting post go, at the time it was submitted with unless the approver moves it."""
    if call.membership is None or not call.membership.can_approve:
        raise forbidden()
    post = untrashed_post_of(call)
    fields = Fields(call.fields)
    if post.status != "needs_approval":
        fields.refuse("status", "The post is not waiting for approval.")
    moved, account_times = _read_times(call, fields, post)
    if "date" in call.fields:
        refuse_past(fields, call.now, moved, account_times)
    fields.finish()
    _require_networks(call, post)
    publishing.set_times(post, max(moved or call.now, call.now), account_times)
    publishing.set_out(call.store, post)
    return Reply.of({"success": True, "scheduled_at": stamp(post.scheduled_at)})


@answers("retry_post_account")
def retry_post_account(call: Call) -> Reply:
    post = post_of(call)
    fields = Fields(call.fields)
    target = post.target_of(account_of(call))
    if target is None:
        fields.refuse("account", "The account is not on the post.")
    elif post.status == "publishing":
        fields.refuse("post", "The post is still publishing.")
    elif target.status != "failed":
        fields.refuse("account", "The account did not fail.")
    fields.finish()
    if target is not None:
        publishing.retry(call.store, post, target)
    progress = publishing.publish_progress(post)
    return Reply.of({"success": True, "status": post.status, "publish_progress": progress})


def _read_times(call: Call, fields: Fields, post: Post) -> tuple[datetime | None, dict[int, datetime] | None]:
    """Return the body's time, else the post's own, and the accounts' times."""
    zone = fields.timezone("timezone", call.workspace.timezone)
    both = bool(call.fields.get("date") or call.fields.get("time"))
    moment = fields.moment(zone, required=both)
    accounts = [target.account for target in post.targets]
    return moment or post.scheduled_at, read_account_times(fields, zone, accounts)


def _require_accounts(fields: Fields, post: Post) -> None:
    if not post.targets:
        fields.refuse("accounts", "The post has no accounts.")


def _require_networks(call: Call, post: Post) -> None:
    accounts = [target.account for target in post.targets]
    if errors := networks.requirements(post.versions, accounts, media_by_id(call.workspace), not_ready(call)):
        raise invalid(errors)


def _check(call: Call, post: Post, departures: dict[int, datetime]) -> None:
    """Hold the saved post against the networks' rules and the guardrails, at the time it would publish."""
    _require_networks(call, post)
    found = guardrails.issues(
        call.store,
        call.workspace,
        post.versions,
        [target.account for target in post.targets],
        departures,
        allow_duplicate=allows_duplicate(call),
        but=post,
    )
    if found:
        raise found[0].refusal()


def _set_out(call: Call, post: Post, status: int) -> Reply:
    waits = needs_approval(call)
    if waits:
        call.store.unfinished.discard(post)
        post.status = "needs_approval"
    else:
        publishing.set_out(call.store, post)
    return Reply.of(
        {
            "success": True,
            "scheduled_at": stamp(post.scheduled_at),
            **({"needs_approval": True} if waits else {}),
        },
        status,
    )
