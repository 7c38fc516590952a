"""What can be done to a post that exists, each safe to repeat. No Airflow in here.

Each looks first, and does nothing that is done already. Its key carries an ordinal, how often this was done before, so
that a second genuine one is not answered with the first one's stored reply.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from postboost_provider.api.arguments import NOTHING
from postboost_provider.api.error_mapping import map_fields
from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostConfigError,
)
from postboost_provider.idempotency import identity as identities
from postboost_provider.idempotency.actor import activity
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.outcome import PostOutcome, describe_status, missing, read_post
from postboost_provider.polling.poller import wait_briefly

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.actor import Actor
    from postboost_provider.polling.outcome import AccountOutcome

log = logging.getLogger(__name__)


def look(api: PostBoostClient, post_uuid: str) -> PostOutcome:
    """Read a post that is to be acted on.

    :raises PublishError: there is no such post.
    """
    try:
        return read_post(api.call("get_post", parameters={"post_uuid": post_uuid}))
    except NotFoundError as error:
        raise missing(post_uuid, error) from error


def to_retry(outcome: PostOutcome, but: Collection[str] = ()) -> list[AccountOutcome]:
    """Return the accounts that PostBoost would send a post to again."""
    return [a for a in outcome.accounts if a.status == "failed" and a.uuid not in but]


def retry_failed(
    api: PostBoostClient, actor: Actor, outcome: PostOutcome, *, but: Collection[str] = ()
) -> AccountOutcome | None:
    """Send a failed post again to the first account that did not get it, and return the account, if there is one.

    PostBoost retries an account at a time, and refuses while the post is publishing (SDK 1.66.3): the next account has
    to wait until this one is through. An account that is under way, or live, is left alone.

    :param but: uuids of accounts that are not sent to.
    """
    for account in to_retry(outcome, but):
        fresh = look(api, outcome.uuid)
        if fresh.trashed:
            _check_changeable(fresh)
        if fresh.status == "publishing":
            return None
        if account.uuid not in [a.uuid for a in to_retry(fresh)]:
            continue
        parameters = {"post_uuid": outcome.uuid, "account_uuid": account.uuid}
        actor.send(api, f"retry {account.uuid}", "retry_post_account", parameters, None)
        return account
    return None


def wait_while_publishing(api: PostBoostClient, post_uuid: str, timeout: float) -> PostOutcome:
    """Return the post once PostBoost is not publishing it.

    :param timeout: seconds to wait.
    :raises UnexpectedResponseError: PostBoost is still publishing it.
    """

    def ask() -> Finding:
        outcome = look(api, post_uuid)
        if outcome.status == "publishing":
            log.info("Post %s %s.", post_uuid, describe_status(outcome))
        return Finding(outcome.status != "publishing", outcome)

    message = (
        f"Post {post_uuid} is still publishing after {timeout:.0f} s. PostBoost retries no account until it has finished. "
        "Retry the task later."
    )
    return cast("PostOutcome", wait_briefly(ask, timeout, message, longest=10.0))


def schedule(
    api: PostBoostClient,
    actor: Actor,
    post_uuid: str,
    at: datetime | None,
    *,
    allow_duplicate: bool = False,
    for_all: Sequence[int] = (),
) -> PostOutcome:
    """Schedule a draft, move a planned post, or with ``at=None`` send it now.

    :param for_all: ids of accounts that are to go out at this time even if they have times of their own. Without, those
        keep their distance (SDK 1.66.3).
    :raises PostBoostConfigError: it is out already, at another time.
    """
    outcome = look(api, post_uuid)
    if outcome.status in ("publishing", "published") and at in (None, outcome.scheduled_at):
        return outcome
    if outcome.status in ("scheduled", "needs_approval") and at is not None and outcome.scheduled_at == at:
        return outcome
    _check_changeable(outcome)
    body: dict[str, Any] = {"postNow": at is None}
    if at is not None:
        when = {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}
        body |= {**when, "timezone": "UTC"}
        if for_all:
            body["accounts_schedule"] = [{"account_id": account_id, **when} for account_id in for_all]
    action = f"schedule {at:%Y-%m-%dT%H:%M}" if at is not None else "schedule now"
    with map_fields(lambda field: "how" if field == "postNow" else "publish_at"):
        actor.send(
            api, action, "schedule_post", {"post_uuid": post_uuid}, body, allow_duplicate=allow_duplicate
        )
    return look(api, post_uuid)


def queue(
    api: PostBoostClient, actor: Actor, post_uuid: str, *, allow_duplicate: bool = False
) -> PostOutcome:
    """Give a draft each account's next free slot. A post that has a time already, or is out, is left alone."""
    outcome = look(api, post_uuid)
    if outcome.trashed or outcome.status == "failed":
        _check_changeable(outcome)
    if outcome.status != "draft":
        return outcome
    actor.send(
        api, "queue", "add_post_to_queue", {"post_uuid": post_uuid}, {}, allow_duplicate=allow_duplicate
    )
    return look(api, post_uuid)


def approve(api: PostBoostClient, actor: Actor, post_uuid: str) -> PostOutcome:
    """Approve a post that waits for it. One that does not, or is out, is left alone."""
    outcome = look(api, post_uuid)
    if outcome.trashed or outcome.status == "failed":
        _check_changeable(outcome)
    if outcome.status != "needs_approval":
        return outcome
    actor.send(api, "approve", "approve_post", {"post_uuid": post_uuid}, {})
    return look(api, post_uuid)


def update(api: PostBoostClient, actor: Actor, post_uuid: str, changes: Mapping[str, Any]) -> PostOutcome:
    """Change fields of a post that is not out yet, and leave the rest of it as it is.

    PostBoost replaces a post as a whole and answers without it (SDK 1.66.3): it is read, changed, sent and read again.

    :param changes: fields of ``create_post``'s body, or ``text`` for the words of the original version.
    :raises PostBoostConfigError: it is out already, and not because this task has changed it before that.
    """
    outcome = look(api, post_uuid)
    label = actor.label(f"update {identities.intent_hash({name: str(changes[name]) for name in changes})}")
    if not outcome.can_be_changed and any(
        entry.get("outcome") == "updated" and entry.get("post_uuid") == outcome.uuid
        for entry in activity(api, label)
    ):
        return outcome
    _check_changeable(outcome)
    post = api.call("get_post", parameters={"post_uuid": post_uuid})
    body: dict[str, Any] = {
        "versions": post["versions"],
        "accounts": [int(account["id"]) for account in post["accounts"]],
        "tags": [int(tag["id"]) for tag in post["tags"]],
    }
    if outcome.status != "draft" and outcome.scheduled_at is not None:
        at = outcome.scheduled_at
        body |= {"schedule": True, "date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "timezone": "UTC"}
    changed = {name: value for name, value in changes.items() if name != "text"}
    if "text" in changes:
        if not isinstance(changes["text"], str) or changes["text"].strip() in ("", *NOTHING):
            raise PostBoostConfigError(
                f"changes says that text is {changes['text']!r}, which is nothing to publish. Give the words themselves."
            )
        original = next(v for v in body["versions"] if v["is_original"])
        original["content"][0]["body"] = str(changes["text"])
    with map_fields(lambda field: _word_of_change(field, changes)):
        api.send(
            "update_post", parameters={"post_uuid": post_uuid}, body={**body, **changed}, client_label=label
        )
    return look(api, post_uuid)


def _word_of_change(field: str, changes: Mapping[str, Any]) -> str:
    """Return what the author of changes calls a field: what they wrote in the API's own words keeps those."""
    head = field.partition(".")[0]
    if head in changes:
        return field
    if head == "versions":
        is_text = field.startswith("versions.0.content.0.body")
        return "text" if "text" in changes and is_text else f"the post's words as they are ({field})"
    return f"the post's {'time' if head in ('date', 'time', 'timezone', 'schedule') else head} as it is"


def delete(api: PostBoostClient, post_uuid: str, *, trash: bool, delete_mode: str) -> bool:
    """Delete a post and return whether it was there. A repeat finds it gone, which is what was wanted."""
    try:
        api.call(
            "delete_post",
            parameters={"post_uuid": post_uuid},
            body={"trash": trash, "delete_mode": delete_mode},
        )
    except NotFoundError:
        return False
    return True


def _check_changeable(outcome: PostOutcome) -> None:
    if not outcome.can_be_changed:
        where = "is in trash" if outcome.trashed else describe_status(outcome)
        advice = (
            " PostBoostRetryPostOperator sends it again to the accounts that failed."
            if outcome.status == "failed"
            else ""
        )
        raise PostBoostConfigError(
            f"Post {outcome.uuid} {where}: PostBoost changes drafts and planned posts alone.{advice}"
        )
