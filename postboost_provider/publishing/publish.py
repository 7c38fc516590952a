"""Publish one post of a task: use what an earlier attempt created, check the post, create it once."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import DuplicatePostError, PermissionDeniedError, PostBoostConfigError
from postboost_provider.api.field_errors import map_fields
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.idempotency.memory import check_memory
from postboost_provider.publishing.create import create_post
from postboost_provider.publishing.duplicates import find_refused_duplicate, use_duplicate
from postboost_provider.publishing.intention import Intention, Published, find_posts
from postboost_provider.publishing.post import Post, post_intent
from postboost_provider.publishing.resolve import PostResolution, Resolver, media_contents
from postboost_provider.publishing.update import use_existing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.services.media.upload import MediaFile

log = logging.getLogger(__name__)


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
) -> Published:
    """Publish a post once for its actor.

    :param find_media: returns the file of a media path.
    :param on_duplicate: ``fail``, ``reuse`` or ``allow``.
    :param validate: have PostBoost check the post first.
    :param since: earlier attempts may have begun since then; None if there was none.
    :param on_unknown: ``fail`` or ``publish`` where one may have published the post, and nothing can tell.
    :raises PostBoostConfigError: the post is not valid.
    """
    resolver = Resolver(api, find_media)
    # A URL may serve another file in another run. The task id is here twice since version 0.1.0.
    salt = "\n".join((actor.scope, *actor.identity, actor.identity[3]))
    resolution = PostResolution(resolver, post, salt)
    with map_fields(resolution.field):
        media = resolution.media()
        allow = on_duplicate == "allow"
        intention = Intention(actor, intent_hash(post_intent(post, media_contents(media))), post.mode, allow)
        posts = find_posts(api, actor.owner)
        can_read_log = posts is not None
        if (known := (posts or {}).get(actor.log_identity)) is not None:
            # PostBoost keeps the times of accounts that an update does not name (SDK 1.66.3).
            updated = partial(resolution.body, post.mode, media, all_times=True)
            return use_existing(api, intention, known, updated)
        if on_unknown != "publish":
            check_memory(since, now, can_read_log=can_read_log)
        if post.mode == "schedule" and post.publish_at is not None and post.publish_at <= now:
            raise _past(post.publish_at, can_read_log=can_read_log)
        body = resolution.body(post.mode, media)
        at = {"now": now, "schedule": post.publish_at}.get(post.mode)
        use = partial(use_duplicate, api, resolver, body=body, is_draft=post.mode == "draft", at=at)
        reuse = on_duplicate == "reuse"
        if reuse and can_read_log and (uuid := find_refused_duplicate(api, intention, body)):
            return use(uuid)
        if validate:
            _check(api, resolution, resolver, {**body, "allow_duplicate": allow})
        try:
            return create_post(api, intention, lambda: body, can_read_log=can_read_log)
        except DuplicatePostError as error:
            if not reuse or not error.existing_post_uuid:
                raise
            return use(error.existing_post_uuid)


def _past(publish_at: datetime, *, can_read_log: bool) -> PostBoostConfigError:
    # Without the activity log the post may exist already: sent again, it could be a second one.
    unseen = (
        ""
        if can_read_log
        else " An earlier attempt may have published it; the API key lacks the ability 'read' that tells."
    )
    return PostBoostConfigError(
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
