"""What a run reads of many rows at once: the posts of earlier runs, and what other runs have written meanwhile."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError
from postboost_provider.api.times import read_utc
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.polling.post_lists import PostLists
from postboost_provider.publishing.differences import find_made
from postboost_provider.publishing.post import as_draft, post_intent
from postboost_provider.publishing.post_history import read_histories
from postboost_provider.publishing.resolve import media_contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.calendar.csv import Row
    from postboost_provider.calendar.naming import CalendarName
    from postboost_provider.publishing.post import Post
    from postboost_provider.publishing.post_history import History, KnownPost
    from postboost_provider.publishing.resolve import MediaByTarget

log = logging.getLogger(__name__)


def list_known(api: PostBoostClient, posts: Iterable[KnownPost | None]) -> dict[str, Mapping[str, Any]]:
    """Read the posts of earlier runs from lists, where that takes fewer requests than one per post."""
    lists = PostLists(known.post_uuid for known in posts if known is not None and known.post_uuid)
    found: dict[str, Mapping[str, Any]] = {}
    try:
        while (parameters := lists.next()) is not None:
            for post in lists.find(api.call("list_posts", parameters=parameters)):
                found[post["uuid"]] = post
    except Exception as error:  # noqa: BLE001  # whatever it is, no row depends on it
        log.warning("Posts can't be listed (%s); the others are read one by one.", error)
    return found


def read_all(api: PostBoostClient, name: CalendarName, on_unknown: str) -> dict[str, History] | None:
    """Return what the activity log has of a calendar; None where the token may not read it, and that is accepted.

    :param on_unknown: see :class:`CalendarRun`.
    :raises PostBoostConfigError: the token may not read it; ``code`` is ``no_memory``.
    """
    if (found := read_histories(api, *name.owners, on_unknown=on_unknown)) is not None:
        return found
    if on_unknown != "publish":
        raise PostBoostConfigError(
            "The token may not read PostBoost's activity log (ability 'read'), so a run can't tell which rows an earlier one "
            "published more than 24 hours ago. Nothing was sent. Give the token the ability, or accept that rows may be "
            "published again with on_unknown='publish'.",
            code="no_memory",
            field="on_unknown",
        )
    log.warning(
        "The token may not read PostBoost's activity log (ability 'read'). Only the idempotency key prevents a row from being "
        "published twice, and only for 24 hours."
    )
    return None


def read_since(
    api: PostBoostClient, name: CalendarName, before: Mapping[str, History]
) -> Mapping[str, History]:
    """Return what the activity log has of a calendar since it was read."""
    seen = [e.created_at for history in before.values() for e in history.entries if e.created_at]
    try:
        return read_histories(api, *name.owners, since=max(seen, default=None), latest=True) or {}
    except PostBoostError as error:
        log.warning("It is not known whether another run has changed the posts meanwhile: %s", error)
        return {}


def identify_edited(api: PostBoostClient, known: KnownPost, post: Post, media: MediaByTarget) -> KnownPost:
    """Return the post of a row that was edited since, with its uuid, where the activity log has none.

    The log has a hash of what the row said. A post is the row's if its text, or its text and its time, make that hash in place
    of the row's.

    :raises UnconfirmedError: not exactly one post does; ``code`` is ``uuid_unknown``. Not retryable.
    """
    contents = media_contents(media)

    def fits(found: Mapping[str, Any]) -> bool:
        versions, at = found.get("versions") or (), read_utc(found.get("scheduled_at"))
        texts = {str(item.get("body") or "") for v in versions for item in (v.get("content") or ())[:1]}
        times = {post.publish_at, *([at] if at and post.publish_at else [])}
        return any(
            intent_hash(post_intent(replace(post, text=text, publish_at=time), contents)) == known.intent
            for text in texts
            for time in times
        )

    return replace(known, post_uuid=find_made(api, known, fits))


def in_mode(api: PostBoostClient, row: Row, known: KnownPost | None) -> Row:
    """Return the row as a draft if the safety mode wants that, unless it was published in another mode."""
    if api.settings.mode != "draft" or (known is not None and known.mode not in (None, "draft")):
        return row
    return replace(row, post=as_draft(row.post))
