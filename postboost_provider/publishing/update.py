"""Update the post of an earlier attempt to match an edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import (
    DuplicatePostError,
    NotFoundError,
    PostBoostConfigError,
    PostBoostRequestError,
)
from postboost_provider.api.times import planned
from postboost_provider.idempotency.perform import perform_action
from postboost_provider.polling.outcome import PostOutcome, read_post
from postboost_provider.publishing.intention import Intention, KnownPost, Published, find_post, read_warnings

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

Body = Callable[[], Mapping[str, Any]]


def use_existing(api: PostBoostClient, intention: Intention, known: KnownPost, body: Body) -> Published:
    """Use the post that an earlier attempt created, and update it if its author has changed it, as :func:`compare` finds.

    :param body: returns the body for ``update_post``.
    """
    found = compare(api, intention, known)
    return found if isinstance(found, Published) else update(api, intention, known, found, body)


def compare(
    api: PostBoostClient, intention: Intention, known: KnownPost, listed: PostOutcome | None = None
) -> Published | PostOutcome:
    """Read the post that an earlier attempt created, and decide what to do about it.

    :param listed: the post from a list. One that is to be changed is read again: it may have been published since.
    :return: the post to update, or the result: the post is as its author wants it, or was removed.
    :raises PostBoostConfigError: the author's change comes too late (``code`` is ``too_late``), or PostBoost can't do it.
    """
    unchanged = known.intent in (None, intention.intent)
    try:
        outcome = listed if listed is not None and unchanged else _read(api, known.post_uuid)
    except NotFoundError:
        return Published("skipped", "created earlier, and deleted in PostBoost since", known.post_uuid, None)
    if outcome.trashed:
        why = "created earlier, and moved to trash in PostBoost since"
        return Published("skipped", why, outcome.uuid, outcome)
    if intention.intent is None:
        why = "an earlier attempt had created it; its files can't be read any more, so it was not checked for edits"
        return Published("adopted", why, outcome.uuid, outcome)
    if unchanged:
        return Published("adopted", "an earlier attempt had created it", outcome.uuid, outcome)
    if not outcome.can_be_changed:
        raise _too_late(outcome)
    if intention.mode == "draft" and known.mode not in (None, "draft") and outcome.status != "draft":
        raise PostBoostConfigError(
            f"Its mode was changed to draft, but post {outcome.uuid} is {outcome.status} and can't be a draft again. Move it to "
            "trash in PostBoost, or change the mode back.",
            code="no_way_back",
            field="mode",
        )
    return outcome


def update(
    api: PostBoostClient, intention: Intention, known: KnownPost, outcome: PostOutcome, body: Body
) -> Published:
    """Update the post that :func:`compare` returned."""
    if intention.mode != "queue" or known.mode in (None, "queue") or outcome.status == "draft":
        return _update(api, intention, outcome, body())
    # An update keeps the time of a scheduled post; a place in the queue takes another request. That one comes first: once
    # the activity log has the update, the post counts as its author wants it.
    allow = intention.allow_duplicate
    where = {"post_uuid": outcome.uuid}
    perform_action(api, intention.actor, "queue", "add_post_to_queue", where, {}, allow_duplicate=allow)
    done = _update(api, intention, _read(api, outcome.uuid), body())
    return replace(done, why="moved to the queue")


def _update(
    api: PostBoostClient, intention: Intention, outcome: PostOutcome, body: Mapping[str, Any]
) -> Published:
    warnings: tuple[str, ...] = ()
    send = partial(
        api.send,
        "update_post",
        parameters={"post_uuid": outcome.uuid},
        body={**body, **_kept_schedule(outcome, body)},
        client_label=str(intention.act.label),
    )
    try:
        try:
            response = send(allow_duplicate=intention.allow_duplicate)
        except DuplicatePostError as error:
            # Whether the guard leaves the post itself out of the comparison is not documented.
            if error.existing_post_uuid != outcome.uuid:
                # Another type of error: the other post must not be taken for this one.
                message = f"Post {outcome.uuid} was not updated and stays as it was: {error}"
                raise PostBoostConfigError(message, code="duplicate_post") from error
            response = send(allow_duplicate=True)
        warnings = read_warnings(response.payload)
    except PostBoostRequestError as error:
        now = _read(api, outcome.uuid)
        if error.status not in (400, 422) or now.can_be_changed:
            raise
        # It was published meanwhile. If the log has this update, it was ours, and only its response was lost.
        known = find_post(api, intention.actor)
        if known is None or known.intent != intention.intent:
            raise _too_late(now) from error
    # PostBoost's response to an update has no post (SDK 1.66.3).
    fresh = _read(api, outcome.uuid)
    return Published("updated", "changed since it was created", fresh.uuid, fresh, warnings)


def _read(api: PostBoostClient, uuid: str) -> PostOutcome:
    return read_post(api.call("get_post", parameters={"post_uuid": uuid}))


def _kept_schedule(outcome: PostOutcome, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that keep a scheduled post scheduled.

    Whether an update without a time does is not documented, and a changed text must not get a new place in the queue.
    """
    if outcome.status == "draft" or outcome.scheduled_at is None:
        return {}
    if body.get("schedule") or body.get("schedule_now"):
        return {}
    kept = planned(outcome.scheduled_at)
    return {**kept, "queue": False} if "queue" in body else kept


def _too_late(outcome: PostOutcome) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"It was changed too late: post {outcome.uuid} is {outcome.status}. Undo the change, or give it a new key to "
        "publish it as another post.",
        code="too_late",
    )
