"""Actions on existing posts: schedule, queue, approve, and retry one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.core.responses import Response, forbidden, invalid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import unschedulable_media
from postboost_provider.sandbox.publishing import guardrails, lifecycle, network_rules
from postboost_provider.sandbox.publishing.accounts import account_of
from postboost_provider.sandbox.publishing.post_input import (
    allows_duplicate,
    media_by_id,
    read_account_times,
    reject_past,
)
from postboost_provider.sandbox.publishing.posts import (
    needs_approval,
    post_of,
    require_editable,
    untrashed_post_of,
)
from postboost_provider.sandbox.publishing.queue import NO_SLOTS, at_earliest_slot, next_free_slots

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.sandbox.core.models import Post


@handles("schedule_post")
def schedule_post(call: Call) -> Response:
    post = untrashed_post_of(call)
    require_editable(post, 422)
    fields = Fields(call.fields)
    post_now = bool(fields.boolean("postNow", required=True))
    at, account_times = _read_times(call, fields, post)
    _require_any_account(fields, post)
    if post_now:
        at, account_times = call.now, {}  # per-account times are dropped (SDK 1.66.3)
    elif at is None:
        fields.add_error("date", "The date field is required.")
    else:
        reject_past(fields, call.now, at, account_times)
    fields.raise_errors()
    at = at or call.now
    _check(call, post, lifecycle.publish_times_at(post, at, account_times))
    lifecycle.set_publish_times(post, at, account_times)
    return _schedule(call, post, 200)


@handles("add_post_to_queue")
def add_post_to_queue(call: Call) -> Response:
    post = untrashed_post_of(call)
    require_editable(post, 422)
    fields = Fields(call.fields)
    _require_any_account(fields, post)
    accounts = [target.account for target in post.targets]
    slots = next_free_slots(call.workspace, accounts, call.now, exclude=post)
    if len(slots) < len(accounts):
        fields.add_error("queue", NO_SLOTS)
    fields.raise_errors()
    _check(call, post, at_earliest_slot(slots))
    lifecycle.set_publish_times(post, min(slots.values()), slots)
    return _schedule(call, post, 201)


@handles("approve_post")
def approve_post(call: Call) -> Response:
    """Schedule a post that waits for approval, at its own time unless the approver changes it."""
    if call.membership is None or not call.membership.can_approve:
        raise forbidden()
    post = untrashed_post_of(call)
    fields = Fields(call.fields)
    if post.status != "needs_approval":
        fields.add_error("status", "The post is not waiting for approval.")
    new_time, account_times = _read_times(call, fields, post)
    if "date" in call.fields:
        reject_past(fields, call.now, new_time, account_times)
    fields.raise_errors()
    _require_networks(call, post)
    lifecycle.set_publish_times(post, max(new_time or call.now, call.now), account_times)
    lifecycle.schedule(call.store, post)
    post.approved = True
    return Response.of({"success": True, "scheduled_at": stamp(post.scheduled_at)})


@handles("retry_post_account")
def retry_post_account(call: Call) -> Response:
    post = post_of(call)
    fields = Fields(call.fields)
    target = post.target_of(account_of(call))
    if target is None:
        fields.add_error("account", "The account is not on the post.")
    elif post.status == "publishing":
        fields.add_error("post", "The post is still publishing.")
    elif target.status != "failed":
        fields.add_error("account", "The account did not fail.")
    fields.raise_errors()
    if target is not None:
        lifecycle.retry(call.store, post, target)
    progress = lifecycle.publish_progress(post)
    return Response.of({"success": True, "status": post.status, "publish_progress": progress})


def _read_times(call: Call, fields: Fields, post: Post) -> tuple[datetime | None, dict[int, datetime] | None]:
    """Return the body's time, else the post's, and the times of single accounts."""
    zone = fields.timezone("timezone", call.workspace.timezone)
    both = bool(call.fields.get("date") or call.fields.get("time"))
    moment = fields.moment(zone, required=both)
    accounts = [target.account for target in post.targets]
    return moment or post.scheduled_at, read_account_times(fields, zone, accounts)


def _require_any_account(fields: Fields, post: Post) -> None:
    if not post.targets:
        fields.add_error("accounts", "The post has no accounts.")


def _require_networks(call: Call, post: Post) -> None:
    accounts = [target.account for target in post.targets]
    if errors := network_rules.requirements(
        post.versions, accounts, media_by_id(call.workspace), unschedulable_media(call)
    ):
        raise invalid(errors)


def _check(call: Call, post: Post, publish_times: dict[int, datetime]) -> None:
    """Check the saved post against the networks' rules and the guardrails at its publish times."""
    _require_networks(call, post)
    found = guardrails.issues(
        call.store,
        call.workspace,
        post.versions,
        [target.account for target in post.targets],
        publish_times,
        allow_duplicate=allows_duplicate(call),
        exclude=post,
    )
    if found:
        raise found[0].error_response()


def _schedule(call: Call, post: Post, status: int) -> Response:
    waits_for_approval = needs_approval(call)
    if waits_for_approval:
        call.store.unfinished.discard(post)
        post.status = "needs_approval"
    else:
        lifecycle.schedule(call.store, post)
    return Response.of(
        {
            "success": True,
            "scheduled_at": stamp(post.scheduled_at),
            **({"needs_approval": True} if waits_for_approval else {}),
        },
        status,
    )
