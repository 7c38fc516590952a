"""What a run reads of many rows at once: the posts of earlier runs, and what other runs have written meanwhile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostError
from postboost_provider.polling.post_lists import PostLists
from postboost_provider.publishing.intention import read_histories

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.calendar.naming import CalendarName
    from postboost_provider.publishing.intention import History, KnownPost

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
