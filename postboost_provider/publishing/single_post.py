"""Publish one post of a task: reuse what an earlier attempt created, check the post, create it once."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from postboost_provider.api.error_mapping import with_mapped_fields
from postboost_provider.api.errors import (
    DuplicatePostError,
    PermissionDeniedError,
    PostBoostConfigError,
    ValidationError,
)
from postboost_provider.idempotency import identity as identities
from postboost_provider.idempotency.activity_log import read_ledger
from postboost_provider.publishing import create as publishing
from postboost_provider.publishing.duplicates import find_reused, reuse
from postboost_provider.publishing.post import Post, post_intent
from postboost_provider.publishing.resolve import PostResolution, Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.actor import Actor
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
) -> publishing.Published:
    """Publish a post once for its actor.

    :param find_media: returns the file that a media path means.
    :param on_duplicate: ``fail``, ``reuse`` or ``allow``.
    :param validate: have PostBoost check the post first.
    :raises PostBoostConfigError: it can't be sent as it is.
    """
    resolver = Resolver(api, find_media)
    # Each run publishes a new post: what a URL serves may be another file then. The task id, which the identity has, is
    # there twice since version 0.1.0.
    salt = "\n".join((actor.scope, *actor.identity, actor.identity[3]))
    resolution = PostResolution(resolver, post, salt)
    try:
        media = resolution.media()
        contents = {target: [content for content, _ in found] for target, found in media.items()}
        intent = identities.intent_hash(post_intent(post, contents))
        allow = on_duplicate == "allow"
        intention = publishing.Intention(actor.scope, actor.identity, intent, post.mode, allow)
        ledger = read_ledger(api, actor.scope, intention.ledger_identity)
        entry = (ledger or {}).get(intention.ledger_identity)
        if entry is not None:
            # PostBoost keeps the times of accounts that an update does not name (SDK 1.66.3).
            return publishing.adopt(
                api, intention, entry, lambda: resolution.body(post.mode, media, all_times=True)
            )
        if post.mode == "schedule" and post.publish_at is not None and post.publish_at <= now:
            # Without the ledger it may be there already: sent again, it could be a second post.
            blind = (
                ""
                if ledger is not None
                else " If an earlier try of this task made the post, nothing is amiss: the key lacks the ability 'read', "
                "without which that can't be seen."
            )
            raise PostBoostConfigError(
                f"publish_at {post.publish_at:%Y-%m-%d %H:%M} UTC has passed: PostBoost plans to the minute. Give a later "
                f"time, or publish='now'.{blind}"
            )
        body = resolution.body(post.mode, media)
        take = partial(
            reuse,
            api,
            resolver,
            body=body,
            is_draft=post.mode == "draft",
            at={"now": now, "schedule": post.publish_at}.get(post.mode),
        )
        if on_duplicate == "reuse" and ledger is not None and (uuid := find_reused(api, intention, body)):
            return take(uuid)
        if validate:
            _check(api, resolution, resolver, {**body, "allow_duplicate": allow})
        try:
            return publishing.create_once(api, intention, lambda: body, ledger=ledger is not None)
        except DuplicatePostError as error:
            if on_duplicate != "reuse" or not error.existing_post_uuid:
                raise
            return take(error.existing_post_uuid)
    except ValidationError as error:
        if error.is_mapped or not error.errors:
            raise
        problems = resolution.problems(error.errors)
        raise with_mapped_fields(error, "; ".join(map(str, problems)), problems[0].field) from error


def _check(
    api: PostBoostClient, resolution: PostResolution, resolver: Resolver, body: Mapping[str, Any]
) -> None:
    """Have PostBoost check the post. What a guardrail finds is only logged: ``create_post`` decides."""
    try:
        response = api.call("validate_post", body=body)
    except PermissionDeniedError as error:
        if error.code != "insufficient_scope":
            raise
        log.warning("The post is not checked before it is sent: the API key lacks the ability 'read'.")
        return
    if problems := resolution.problems(response.get("errors") or {}):
        raise PostBoostConfigError(
            f"PostBoost would refuse it: {'; '.join(map(str, problems))}",
            code="refused",
            field=problems[0].field,
        )
    for issue in response.get("issues") or ():
        log.warning("PostBoost's check reports: %s", resolver.describe_issue(issue))
