"""Publish one post of a task: use what an earlier attempt created, check the post, create it once."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from postboost_provider.api.errors import (
    DuplicatePostError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    UnconfirmedError,
)
from postboost_provider.api.field_errors import map_fields
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.idempotency.label import Owner
from postboost_provider.idempotency.memory import check_memory, key_memory
from postboost_provider.publishing.create import create_post
from postboost_provider.publishing.duplicates import find_refused_duplicate, use_duplicate
from postboost_provider.publishing.mapped_list import undecided
from postboost_provider.publishing.post import Post, as_draft, post_intent
from postboost_provider.publishing.post_history import (
    History,
    Intention,
    KnownPost,
    Published,
    history_of,
    read_histories,
    read_history,
    require_sight,
)
from postboost_provider.publishing.resolve import PostResolution, Resolver, media_contents
from postboost_provider.publishing.update import compare, fetch, update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.publishing.attempt_start import AttemptStart
    from postboost_provider.publishing.mapped_list import Places
    from postboost_provider.services.media.upload import MediaFile

log = logging.getLogger(__name__)

# PostBoost's clock may be this far ahead of Airflow's, or behind it.
CLOCK_DIFFERENCE = timedelta(hours=1)


class Memory(Protocol):
    """What a task remembers of its earlier attempts, whatever PostBoost has forgotten."""

    def begin(self) -> datetime | None:
        """Remember that an attempt sends, and return since when there may have been earlier ones; None if there was none."""

    def done(self) -> Mapping[str, Any]:
        """Return ``uuid``, ``intent`` and ``mode`` of the post, if it is remembered."""

    def remember(self, done: Mapping[str, Any]) -> None:
        """Remember the post."""


def publish_post(
    api: PostBoostClient,
    actor: Actor,
    post: Post,
    *,
    find_media: Callable[[str], MediaFile],
    on_duplicate: str,
    validate: bool,
    now: datetime,
    since: datetime | None = None,
    on_unknown: str = "fail",
    on_altered_text: str = "warn",
    on_edit_after_live: str = "fail",
    on_edit_while_waiting: str = "fail",
    start: AttemptStart | None = None,
    memory: Memory | None = None,
    places: Callable[[Callable[[Post], str | None]], Places] | None = None,
    expanded_since: datetime | None = None,
    check_new: Callable[[], None] = lambda: None,
) -> Published:
    """Publish a post once for its actor. The safety mode ``draft`` makes it a draft, unless it is published already.

    :param find_media: returns the file of a media path.
    :param on_duplicate: ``fail``, ``reuse`` or ``allow``.
    :param validate: have PostBoost check the post first.
    :param since: earlier attempts may have begun since then; None if there was none.
    :param on_unknown: ``fail`` or ``publish`` where one may have published the post, and nothing can tell.
    :param on_altered_text: ``warn`` or ``fail`` where PostBoost changes a text.
    :param on_edit_after_live: ``fail`` or ``keep`` where the post was changed after it went live.
    :param on_edit_while_waiting: ``fail`` or ``edit`` where the post was changed while it waits for approval.
    :param start: when this attempt began.
    :param memory: what the task itself remembers.
    :param places: of a mapped post whose list may have changed: a function of another that returns the hash of what a post
        is, or None where it is not valid.
    :param expanded_since: its run began then, and has had no other attempt of this post: then the list has changed only if
        another place has published it.
    :param check_new: called before a post is created, or a draft published; it may raise an error.
    :raises PostBoostConfigError: the post is not valid.
    """
    wanted, post = post, _in_mode(api, post)
    resolver = Resolver(api, find_media, upload_again=on_unknown == "publish")
    # A URL may serve another file in another run. The task id is here twice since version 0.1.0.
    salt = "\n".join((actor.scope, *actor.identity, actor.identity[3]))
    resolution = PostResolution(resolver, post, salt)
    with map_fields(resolution.field):
        media = resolution.media()
        allow = on_duplicate == "allow"
        intent = intent_hash(post_intent(post, media_contents(media)))
        own = actor
        if expanded_since is not None and not _is_elsewhere(api, own, intent, expanded_since, on_unknown):
            places = None
        if places is not None:
            actor = _place(api, own, intent, places(partial(_intent, api, resolver, salt)), on_unknown)
        intention = Intention(
            actor,
            intent,
            post.mode,
            allow,
            refuse_altered=on_altered_text == "fail",
            keep_live=on_edit_after_live == "keep",
            edit_waiting=on_edit_while_waiting == "edit",
            accept_unknown=on_unknown == "publish",
            start=start,
        )
        histories = read_histories(api, *actor.owners, on_unknown=on_unknown)
        can_read_log = histories is not None
        history = None if histories is None else history_of(histories, actor)
        known = history.known or _restored(api, history) if history is not None else None
        if known is None and memory is not None and not (history and history.entries):
            # A place whose post has moved away remembers that one: the log has it, and not this one.
            known = _remembered(
                memory, intention, is_mapped=places is not None, is_moved=actor.identity != own.identity
            )
        if known is not None and known.mode not in (None, "draft") and post is not wanted:
            # It was published in another safety mode. If it is not as its author wants it now, nothing is written.
            post, intent = wanted, intent_hash(post_intent(wanted, media_contents(media)))
            intention = replace(intention, intent=intent, mode=wanted.mode)
            resolution = PostResolution(resolver, wanted, salt)
        if known is not None and not can_read_log and known.intent == intent:
            why = "this task remembers that an earlier attempt had created it; the token may not read it"
            return Published("adopted", why, str(known.post_uuid), None)
        if known is not None:
            # PostBoost keeps the times of accounts that an update does not name (SDK 1.66.3).
            updated = partial(resolution.body, post.mode, media, all_times=True)
            found = compare(api, intention, known, updated)
            if isinstance(found, Published):
                return _note(memory, intention, found)
            if found.status == "draft" and post.mode != "draft":
                check_new()
            return _note(memory, intention, update(api, intention, known, found, updated))
        since = memory.begin() if memory is not None else since
        if on_unknown != "publish":
            # Each place of a mapped list has its own key: only the guard against duplicates stops what another one sent.
            is_sure = places is None or not allow
            if not is_sure and not can_read_log:
                raise undecided("the token may not read PostBoost's activity log (ability 'read')")
            check_memory(since, now, can_read_log=can_read_log, keys=key_memory(api))
            is_seen = places is None and history is not None and bool(history.entries)
            sure_for = key_memory(api) if is_sure else timedelta(0)
            if since is not None and now - since >= sure_for and not is_seen:
                require_sight(api, actor)
                if places is not None:
                    # The log shows all by now. It may have been late when the places were read.
                    again = _place(
                        api, own, intent, places(partial(_intent, api, resolver, salt)), on_unknown
                    )
                    if again.identity != actor.identity or read_history(api, again).known is not None:
                        raise _late()
        check_new()
        refuse_past(post, now, can_read_log=can_read_log)
        body = resolution.body(post.mode, media)
        at = {"now": now, "schedule": post.publish_at}.get(post.mode)
        use = partial(use_duplicate, api, resolver, body=body, is_draft=post.mode == "draft", at=at)
        reuse = on_duplicate == "reuse"
        if reuse and can_read_log and (uuid := find_refused_duplicate(api, intention, body)):
            return use(uuid)
        if validate:
            _check(api, resolution, resolver, {**body, "allow_duplicate": allow})
        try:
            return _note(memory, intention, create_post(api, intention, body, history))
        except DuplicatePostError as error:
            if not reuse or not error.existing_post_uuid:
                raise
            return use(error.existing_post_uuid)


def _place(api: PostBoostClient, own: Actor, intent: str, places: Places, on_unknown: str) -> Actor:
    """Return the actor of a mapped post, wherever it was in the list before. Without the log, that is its own place."""
    histories = read_histories(api, *own.owners, on_unknown=on_unknown)
    history = history_of(histories, own)
    if histories is None or ((known := history.known) is not None and known.intent == intent):
        return own
    histories = read_histories(api, Owner(own.scope), on_unknown=on_unknown) or {}
    posts = {identity: known.intent for identity, each in histories.items() if (known := each.known)}
    if own.former is not None and (known := history.known) is not None:
        posts[own.log_identity] = known.intent
    return places.place(intent, posts)


def _is_elsewhere(api: PostBoostClient, own: Actor, intent: str, since: datetime, on_unknown: str) -> bool:
    """Return whether another place of the task has published the same since its run began, as far as the log tells."""
    began = f"{since - CLOCK_DIFFERENCE:%Y-%m-%dT%H:%M:%SZ}"
    histories = read_histories(api, Owner(own.scope), on_unknown=on_unknown, since=began) or {}
    return any(
        known.intent == intent
        for identity, each in histories.items()
        if identity != own.log_identity and (known := each.known)
    )


def _in_mode(api: PostBoostClient, post: Post) -> Post:
    return as_draft(post) if api.settings.mode == "draft" else post


def _late() -> UnconfirmedError:
    return UnconfirmedError(
        "PostBoost's activity log was late: it has just shown what an earlier attempt of the mapped task published. Nothing was "
        "sent. Retry the task.",
        code="blind_log",
    )


def _intent(api: PostBoostClient, resolver: Resolver, salt: str, post: Post) -> str | None:
    try:
        media = PostResolution(resolver, post, salt).media()
    except PostBoostError:
        return None
    return intent_hash(post_intent(_in_mode(api, post), media_contents(media)))


def _restored(api: PostBoostClient, history: History) -> KnownPost | None:
    """Return the post that the task has moved to the trash, if somebody has restored it since."""
    if (post := history.own_trash) is None or post.post_uuid is None:
        return None
    try:
        return None if fetch(api, post.post_uuid).get("trashed") else post
    except NotFoundError:
        return None


def _remembered(memory: Memory, intention: Intention, *, is_mapped: bool, is_moved: bool) -> KnownPost | None:
    """Return the post that the task remembers and PostBoost's activity log has forgotten."""
    done = memory.done()
    if not done.get("uuid"):
        return None
    if is_mapped and done.get("intent") != intention.intent:
        if is_moved:
            return None
        raise undecided("PostBoost's activity log has forgotten what was published")
    return KnownPost(str(done["uuid"]), done.get("intent"), done.get("mode"))


def _note(memory: Memory | None, intention: Intention, done: Published) -> Published:
    if memory is not None and done.result != "skipped":
        memory.remember({"uuid": done.post_uuid, "intent": intention.intent, "mode": intention.mode})
    return done


def refuse_past(post: Post, now: datetime, *, can_read_log: bool) -> None:
    """Refuse to schedule a post for a time that has passed.

    :raises PostBoostConfigError: ``code`` is ``past``.
    """
    if post.mode != "schedule" or (publish_at := post.publish_at) is None or publish_at > now:
        return
    # Without the activity log the post may exist already: sent again, it could be a second one.
    unseen = (
        ""
        if can_read_log
        else " An earlier attempt may have published it; the API key lacks the ability 'read', which is needed to find out."
    )
    raise PostBoostConfigError(
        f"publish_at {publish_at:%Y-%m-%d %H:%M} UTC has passed. Set a later time, or publish='now'.{unseen}",
        code="past",
        field="publish_at",
    )


def _check(
    api: PostBoostClient, resolution: PostResolution, resolver: Resolver, body: Mapping[str, Any]
) -> None:
    """Have PostBoost check the post. Guardrails are only logged: ``create_post`` decides."""
    try:
        response = api.call("validate_post", body=body)
    except PermissionDeniedError as error:
        if error.code != "insufficient_scope":
            raise
        log.warning("The post is not checked before it is sent: the API key lacks the ability 'read'.")
        return
    if problems := resolution.problems(response.get("errors") or {}):
        message = f"PostBoost would refuse it: {'; '.join(map(str, problems))}"
        raise PostBoostConfigError(message, code="refused", field=problems[0].field)
    for issue in response.get("issues") or ():
        log.warning("PostBoost's check reports: %s", resolver.describe_issue(issue))
