"""Update the post of an earlier attempt to match an edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from postboost_provider.api.errors import (
    DuplicatePostError,
    NotFinishedError,
    NotFoundError,
    OvertakenError,
    PostBoostConfigError,
    PostBoostError,
    PostBoostRequestError,
    PublishError,
    UnconfirmedError,
)
from postboost_provider.api.times import planned
from postboost_provider.idempotency.log_check import PROOF_SECONDS
from postboost_provider.idempotency.perform import perform_action
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.outcome import PostOutcome, read_post, require_post
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.publishing.approval import (
    check_approval,
    check_unsettled,
    note_waiting,
    refuse_waiting,
    settle,
)
from postboost_provider.publishing.differences import Difference, describe, differences, identify
from postboost_provider.publishing.post_history import (
    Intention,
    KnownPost,
    Published,
    read_history,
    read_warnings,
)

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.publishing.post_history import History

Body = Callable[[], Mapping[str, Any]]


def use_existing(api: PostBoostClient, intention: Intention, known: KnownPost, body: Body) -> Published:
    """Use the post that an earlier attempt created, and update it if its author has changed it, as :func:`compare` finds.

    :param body: returns the body for ``update_post``.
    """
    found = compare(api, intention, known, body)
    return found if isinstance(found, Published) else update(api, intention, known, found, body)


def compare(
    api: PostBoostClient,
    intention: Intention,
    known: KnownPost,
    body: Body,
    listed: Mapping[str, Any] | None = None,
) -> Published | PostOutcome:
    """Read the post that an earlier attempt created, and decide what to do about it.

    :param body: returns what was asked for.
    :param listed: the post from a list. One that is to be changed is read again: it may have been published since.
    :return: the post to update, or the result: the post is as its author wants it, or was removed.
    :raises PostBoostConfigError: the author's change comes too late (``code`` is ``too_late``), or PostBoost can't do it.
    :raises UnconfirmedError: it is not known which post it is; ``code`` is ``uuid_unknown``.
    :raises OvertakenError: another attempt may have written other words to it since this one began.
    """
    uuid = known.post_uuid or identify(api, known, body())
    unchanged = known.intent is not None and known.intent == intention.intent
    try:
        post = listed if listed is not None and unchanged else fetch(api, uuid)
    except NotFoundError:
        return Published("skipped", "created earlier, and deleted in PostBoost since", uuid, None)
    outcome = outcome_of(post)
    if outcome.trashed:
        why = "created earlier, and moved to trash in PostBoost since"
        return Published("skipped", why, outcome.uuid, outcome)
    check_unsettled(api, intention.actor, outcome, known.unsettled)
    if intention.intent is None:
        why = "an earlier attempt had created it; its files can't be read any more, so it was not checked for edits"
        return Published("adopted", why, outcome.uuid, outcome)
    if unchanged:
        return _adopt(intention, post, outcome, body)
    is_same = known.intent is None and has_words(body(), post)
    start = intention.start
    if start and not is_same and start.may_precede(api, known.created_at, outcome.uuid):
        # This attempt may have waited before its first request, and its words may be the older ones.
        check_not_overtaken(intention, known, outcome.uuid)
    if not outcome.can_be_changed:
        if is_same:
            return _adopt(intention, post, outcome, body)
        return _keep_or_refuse(intention, outcome)
    if intention.mode == "draft" and known.mode not in (None, "draft") and outcome.status != "draft":
        raise PostBoostConfigError(
            f"Its mode was changed to draft, but post {outcome.uuid} is {outcome.status} and can't be a draft again. Move it to "
            "trash in PostBoost, or change the mode back.",
            code="no_way_back",
            field="mode",
        )
    refuse_waiting(outcome, edit_waiting=intention.edit_waiting)
    return outcome


def _adopt(intention: Intention, post: Mapping[str, Any], outcome: PostOutcome, body: Body) -> Published:
    if intention.refuse_altered:
        check_texts(intention, body(), post, only_texts=True)
    return Published("adopted", "an earlier attempt had created it", outcome.uuid, outcome)


def update(
    api: PostBoostClient, intention: Intention, known: KnownPost, outcome: PostOutcome, body: Body
) -> Published:
    """Update the post that :func:`compare` returned.

    :raises OvertakenError: another attempt has changed it since ``known`` was read.
    """
    content = body()
    note_waiting(api, intention.actor, outcome, edit_waiting=intention.edit_waiting)
    before = read_history(api, intention.actor)
    if before.known is not None and before.known.intent not in (known.intent, intention.intent):
        check_not_overtaken(intention, before.known, outcome.uuid)
    if intention.mode != "queue" or known.mode in (None, "queue") or outcome.status == "draft":
        return _update(api, intention, outcome, content, before, outcome)
    # An update keeps the time of a scheduled post; a place in the queue takes another request. That one comes first: once
    # the activity log has the update, the post counts as its author wants it.
    allow = intention.allow_duplicate
    where = {"post_uuid": outcome.uuid}
    perform_action(api, intention.actor, "queue", "add_post_to_queue", where, {}, allow_duplicate=allow)
    queued = read_post(fetch(api, outcome.uuid))
    check_approval(outcome, queued)
    done = _update(api, intention, queued, content, before, outcome)
    return replace(done, why="moved to the queue")


def _update(
    api: PostBoostClient,
    intention: Intention,
    outcome: PostOutcome,
    body: Mapping[str, Any],
    before: History,
    first: PostOutcome,
) -> Published:
    """Update the post as it is now; ``first`` is how the attempt found it."""
    warnings: tuple[str, ...] = ()
    is_accepted = False
    sent = {**body, **_kept_schedule(outcome, body)}
    send = partial(
        api.send,
        "update_post",
        parameters={"post_uuid": outcome.uuid},
        body=sent,
        client_label=str(intention.act.label),
        of_draft=outcome.status == "draft",
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
        is_accepted, warnings = True, read_warnings(response.payload)
    except PostBoostRequestError as error:
        now = read_post(fetch(api, outcome.uuid))
        if error.status not in (400, 422) or now.can_be_changed:
            raise
        # It was published meanwhile. If the log has this update, only its response was lost, or another attempt made it.
        known = read_history(api, intention.actor).known
        if known is None or known.intent != intention.intent:
            return _keep_or_refuse(intention, now)
    # PostBoost's response to an update has no post (SDK 1.66.3).
    fresh = fetch(api, outcome.uuid)
    done = outcome_of(fresh)
    settle(api, intention.actor, first, done)
    # The log last: it has what another attempt wrote until now.
    others = _written_since(api, intention, before, done.uuid, is_accepted=is_accepted)
    # Where the log cuts labels, one entry without words is that of this update.
    unknown = [other for other in others if other.intent is None]
    for other in others:
        if other.intent is not None or len(unknown) > 1:
            check_not_overtaken(intention, other, done.uuid)
    warnings += check_texts(intention, sent, fresh)
    return Published("updated", "changed since it was created", done.uuid, done, warnings)


def _written_since(
    api: PostBoostClient, intention: Intention, before: History, uuid: str, *, is_accepted: bool
) -> list[KnownPost]:
    """Return what was written to the post since an earlier read of the log, once the log shows this update, too.

    A log that has not even shown the post before may be late, and another attempt may be in it: then both would have found
    the post in the task's own memory, or in the trash. Only its author may decide not to wait for it.

    :param is_accepted: whether PostBoost has accepted this update.
    :raises UnconfirmedError: it does not show it in time; ``code`` is ``blind_log``.
    """

    def ask() -> Finding:
        found = read_history(api, intention.actor, latest=True).written_since(before)
        return Finding(any(each.intent in (None, intention.intent) for each in found), found)

    seen = ask()
    is_optional = before.known is None and intention.accept_unknown
    if seen.is_settled or not is_accepted or is_optional:
        return cast("list[KnownPost]", seen.result)
    late = UnconfirmedError(
        f"Post {uuid} was updated, and PostBoost's activity log does not show it {PROOF_SECONDS:.0f} s later: another attempt may "
        "have written different content at the same time. Retry the task once the log shows it"
        + (", or accept that with on_unknown='publish'." if before.known is None else "."),
        code="blind_log",
        field="on_unknown" if before.known is None else None,
    )
    try:
        return cast(
            "list[KnownPost]", wait_briefly(ask, PROOF_SECONDS, str(late), known=seen, first=0.5, longest=3.0)
        )
    except NotFinishedError as error:
        raise late from error


def fetch(api: PostBoostClient, uuid: str) -> Mapping[str, Any]:
    """Return a post as PostBoost returns it."""
    return require_post(api.call("get_post", parameters={"post_uuid": uuid}), uuid)


def outcome_of(post: Mapping[str, Any]) -> PostOutcome:
    """Return the outcome of a post that exists.

    :raises PublishError: this version does not know its status; ``code`` is ``unknown_status``.
    """
    try:
        return read_post(post)
    except PostBoostError as error:
        if error.code != "unknown_status":
            raise
        uuid, status = str(post.get("uuid")), post.get("status")
        message = f"The post exists: do not publish it again. {error}"
        raise PublishError(message, [{"uuid": uuid, "status": status}], code=error.code) from error


def has_words(body: Mapping[str, Any], post: Mapping[str, Any]) -> bool:
    """Return whether the post is what was asked for, but for PostBoost's own processing of texts."""
    return all(each.is_altered for each in differences(body, post))


def check_texts(
    intention: Intention, body: Mapping[str, Any], post: Mapping[str, Any], *, only_texts: bool = False
) -> tuple[str, ...]:
    """Return a warning if PostBoost has other words than were sent, or raise an error where the author wants that.

    :param only_texts: people may have changed the rest in PostBoost.
    :raises PublishError: ``code`` is ``altered_text`` or ``differs``.
    """
    found, uuid = differences(body, post), str(post.get("uuid"))
    if only_texts:
        found = [each for each in found if each.is_text]
    elif post.get("status") == "draft" and any(
        body.get(plan) for plan in ("schedule", "schedule_now", "queue")
    ):
        found.append(Difference("the status", "scheduled", "draft"))
    if not found:
        return ()
    message = f"Post {uuid} in PostBoost differs from what was sent: {describe(found)}"
    texts_only = all(each.is_text for each in found)
    if intention.refuse_altered or not texts_only:
        advice = "Correct it in PostBoost, or move it to trash there."
        code = "altered_text" if texts_only else "differs"
        raise PublishError(
            f"{message}. {advice}",
            [{"uuid": uuid}],
            code=code,
            field="on_altered_text" if texts_only else None,
        )
    return (message,)


def check_not_overtaken(intention: Intention, known: KnownPost, uuid: str) -> None:
    """Fail if another attempt has written other words to the post since this one began: they may be the newer ones.

    :raises OvertakenError: a retry compares the post with what its author wants by then.
    """
    if known.intent == intention.intent:
        return
    raise OvertakenError(
        f"Another attempt has published post {uuid} with different content at the same time. Retry the task: it compares the post with "
        "the task's arguments again.",
    )


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


def _keep_or_refuse(intention: Intention, outcome: PostOutcome) -> Published:
    """Return a post that was edited after it went live, as it is, where its author wants that."""
    seen = f"It was changed too late: post {outcome.uuid} is {outcome.status}."
    if intention.keep_live:
        warning = f"{seen} It stays as it was, because on_edit_after_live is 'keep'."
        why = "created earlier, and live as it was before the change"
        return Published("adopted", why, outcome.uuid, outcome, (warning,))
    raise PostBoostConfigError(
        f"{seen} Undo the change, give it a new key to publish it as another post, or accept what is live with "
        "on_edit_after_live='keep'.",
        code="too_late",
    )
