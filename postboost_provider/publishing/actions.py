"""Actions on an existing post that the caller has read. Each is safe to retry: one that is done is not sent again."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from postboost_provider.api.errors import (
    DuplicatePostError,
    NotFoundError,
    OvertakenError,
    PostBoostConfigError,
    PostBoostRequestError,
    PublishError,
)
from postboost_provider.api.field_errors import map_fields
from postboost_provider.api.times import schedule_fields
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.perform import perform_action
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.outcome import PostOutcome, describe_status, missing, read_post, require_post
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.publishing.approval import check_unsettled, note_waiting, settle, unsettled_edits
from postboost_provider.publishing.body import account_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.polling.outcome import AccountOutcome
    from postboost_provider.publishing.attempt_start import AttemptStart

log = logging.getLogger(__name__)


def fetch(api: PostBoostClient, post_uuid: str) -> dict[str, Any]:
    """Return a post as PostBoost returns it; one that does not exist is a :class:`PublishError`."""
    try:
        return require_post(api.call("get_post", parameters={"post_uuid": post_uuid}), post_uuid)
    except NotFoundError as error:
        raise missing(post_uuid, error) from error


def fetch_outcome(api: PostBoostClient, post_uuid: str) -> PostOutcome:
    """Return the outcome of a post, as :func:`fetch` does."""
    return read_post(fetch(api, post_uuid))


def to_retry(outcome: PostOutcome, but: Collection[str] = ()) -> list[AccountOutcome]:
    """Return the accounts to which PostBoost would publish a post again."""
    return [a for a in outcome.accounts if a.status == "failed" and a.uuid not in but]


def retry_failed(
    api: PostBoostClient, actor: Actor, outcome: PostOutcome, *, but: Collection[str] = ()
) -> AccountOutcome | None:
    """Publish a failed post again to the first account that failed, and return the account, if there is one.

    PostBoost retries one account at a time, and refuses while the post is publishing (SDK 1.66.3).

    :param outcome: the post, which may have changed since: it is read again.
    :param but: uuids of accounts that are left out.
    """
    for account in to_retry(outcome, but):
        fresh = fetch_outcome(api, outcome.uuid)
        if fresh.trashed:
            check_changeable(fresh)
        if fresh.status == "publishing":
            return None
        if account.uuid not in [a.uuid for a in to_retry(fresh)]:
            continue
        parameters = {"post_uuid": outcome.uuid, "account_uuid": account.uuid}
        try:
            perform_action(api, actor, f"retry {account.uuid}", "retry_post_account", parameters, None)
        except PostBoostRequestError as error:
            # Another attempt may have sent it first.
            if not _may_be_done(error) or account.uuid in [
                a.uuid for a in to_retry(fetch_outcome(api, outcome.uuid))
            ]:
                raise
        return account
    return None


def _act(
    api: PostBoostClient,
    actor: Actor,
    outcome: PostOutcome,
    action: str,
    operation: str,
    body: Mapping[str, Any],
    is_done: Callable[[PostOutcome], bool],
    *,
    allow_duplicate: bool = False,
) -> PostOutcome:
    """Send an action, and return the post as it is then.

    What PostBoost refuses may be what another attempt has just done.

    :raises PublishError: PostBoost reported success, and it is not so; ``code`` is ``differs``.
    """
    where = {"post_uuid": outcome.uuid}
    try:
        perform_action(api, actor, action, operation, where, body, allow_duplicate=allow_duplicate)
    except PostBoostRequestError as error:
        if not _may_be_done(error):
            raise
        fresh = fetch_outcome(api, outcome.uuid)
        if fresh == outcome or not is_done(fresh):
            raise
        log.info("Post %s %s: another attempt has done it.", fresh.uuid, describe_status(fresh))
        return fresh
    fresh = fetch_outcome(api, outcome.uuid)
    if not is_done(fresh):
        differs = PublishError(
            f"{operation}: PostBoost reported success, but post {fresh.uuid} {describe_status(fresh)}. Check it in PostBoost, "
            "and run the task again.",
            [fresh.as_dict()],
            code="differs",
        )
        # Another attempt may have written after this one: a retry reads the post first.
        differs.retryable = True
        raise differs
    return fresh


def _may_be_done(error: PostBoostRequestError) -> bool:
    """Return whether PostBoost may have refused an action because another attempt has done it."""
    return error.status in (400, 409, 422) and not isinstance(error, DuplicatePostError)


def wait_while_publishing(api: PostBoostClient, post_uuid: str, timeout: float) -> PostOutcome:
    """Return the post once PostBoost is not publishing it, within ``timeout`` seconds.

    :raises NotFinishedError: it still is; ``code`` is ``timeout``.
    """

    def ask() -> Finding:
        outcome = fetch_outcome(api, post_uuid)
        if outcome.status == "publishing":
            log.info("Post %s %s.", post_uuid, describe_status(outcome))
        return Finding(outcome.status != "publishing", outcome)

    message = f"Post {post_uuid} is still publishing after {timeout:.0f} s. Retry the task later."
    return cast("PostOutcome", wait_briefly(ask, timeout, message, longest=10.0))


def schedule(
    api: PostBoostClient,
    actor: Actor,
    outcome: PostOutcome,
    at: datetime | None,
    *,
    allow_duplicate: bool = False,
    for_all: Sequence[int] = (),
    edit_waiting: bool = False,
    start: AttemptStart | None = None,
) -> PostOutcome:
    """Schedule a draft, move a scheduled post, or with ``at=None`` publish it now.

    :param for_all: ids of accounts that get this time even if they have times of their own, which otherwise move with the
        post's (SDK 1.66.3).
    :param edit_waiting: also if it waits for approval.
    :param start: when this attempt began.
    :raises PostBoostConfigError: it was published already, at another time (``code`` is ``not_changeable``), or it waits for
        approval (``waits_for_approval``).
    :raises OvertakenError: another attempt has given it another time since this one began; ``code`` is ``overtaken``.
    """
    entries = read_log(api, actor.owner) or ()
    check_unsettled(api, actor, outcome, unsettled_edits(entries))
    if _is_scheduled(outcome, at):
        return outcome
    action = f"schedule {at:%Y-%m-%dT%H:%M}" if at is not None else "schedule now"
    # This attempt may have waited before its first request, and its time may be the older one.
    latest = next((e for e in entries if _is_other_time(e, action, outcome)), None)
    if latest and start and start.may_precede(api, latest.created_at, outcome.uuid):
        raise overtaken(outcome)
    check_changeable(outcome)
    note_waiting(api, actor, outcome, edit_waiting=edit_waiting)
    before = Counter(entries)
    fresh = fetch_outcome(api, outcome.uuid)
    if (fresh.status, fresh.scheduled_at) != (outcome.status, outcome.scheduled_at):
        raise overtaken(fresh)
    body: dict[str, Any] = {"postNow": at is None}
    if at is not None:
        body |= schedule_fields(at)
        if for_all:
            body["accounts_schedule"] = account_schedule(dict.fromkeys(for_all, at))
    is_done = lambda post: _is_on_its_way(post) and (at in (None, post.scheduled_at) or post.is_settled)
    with map_fields(lambda field: "how" if field == "postNow" else "publish_at"):
        done = _act(
            api, actor, outcome, action, "schedule_post", body, is_done, allow_duplicate=allow_duplicate
        )
    new = Counter(read_log(api, actor.owner) or ()) - before
    if any(_is_other_time(entry, action, outcome) for entry in new):
        raise overtaken(done)
    settle(api, actor, outcome, done)
    return done


def _is_other_time(entry: LogEntry, action: str, outcome: PostOutcome) -> bool:
    """Return whether an entry is of another time that the post was given."""
    act = entry.label.act or ""
    is_one = entry.is_success and entry.post_uuid in (None, outcome.uuid)
    # Where the log cuts labels, the start of this action may be all there is.
    return is_one and act.startswith("schedule ") and not action.startswith(act)


def overtaken(outcome: PostOutcome) -> OvertakenError:
    return OvertakenError(
        f"Post {outcome.uuid} {describe_status(outcome)}, and another attempt has changed that while this one ran. Retry the "
        "task: it compares the post with what its author wants then.",
    )


def is_done(outcome: PostOutcome, how: str, at: datetime | None) -> bool:
    """Return whether an action of ``PostBoostSchedulePostOperator`` has nothing left to do."""
    if how in ("queue", "approve"):
        return outcome.status != {"queue": "draft", "approve": "needs_approval"}[how]
    return _is_scheduled(outcome, at)


def _is_scheduled(outcome: PostOutcome, at: datetime | None) -> bool:
    """Return whether a post is scheduled for that time, or with None being published."""
    if outcome.status in ("publishing", "published") and at in (None, outcome.scheduled_at):
        return True
    return outcome.status in ("scheduled", "needs_approval") and at is not None and outcome.scheduled_at == at


def _is_on_its_way(post: PostOutcome) -> bool:
    return post.status != "draft" and not post.trashed


def queue(
    api: PostBoostClient, actor: Actor, outcome: PostOutcome, *, allow_duplicate: bool = False
) -> PostOutcome:
    """Give a draft the next free slot of each account. Any other post stays as it is."""
    if not _has_status(outcome, "draft"):
        return outcome
    send = partial(_act, api, actor, outcome, "queue", "add_post_to_queue", {}, _is_on_its_way)
    return send(allow_duplicate=allow_duplicate)


def approve(api: PostBoostClient, actor: Actor, outcome: PostOutcome) -> PostOutcome:
    """Approve a post that waits for it. Any other post stays as it is."""
    if not _has_status(outcome, "needs_approval"):
        return outcome
    is_done = lambda post: _is_on_its_way(post) and post.status != "needs_approval"
    return _act(api, actor, outcome, "approve", "approve_post", {}, is_done)


def _has_status(outcome: PostOutcome, status: str) -> bool:
    """Return whether the post has this status; one in trash, or that failed, is an error."""
    if outcome.trashed or outcome.status == "failed":
        check_changeable(outcome)
    return outcome.status == status


def check_changeable(outcome: PostOutcome) -> None:
    if outcome.can_be_changed:
        return
    where = "is in trash" if outcome.trashed else describe_status(outcome)
    failed = outcome.status == "failed"
    advice = " PostBoostRetryPostOperator publishes it again to the accounts that failed." if failed else ""
    raise PostBoostConfigError(
        f"Post {outcome.uuid} {where}: PostBoost changes only drafts and scheduled posts.{advice}",
        code="not_changeable",
        field="post_uuid",
    )
