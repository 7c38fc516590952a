"""Find in PostBoost's media library what an upload created: a lost response is not a failure."""

from __future__ import annotations

import itertools
import logging
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PermissionDeniedError, PostBoostError, is_retryable
from postboost_provider.api.times import read_utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

# PostBoost stores the response to an idempotency key for 24 hours; the two clocks may differ a little.
KEY_LIFETIME = timedelta(hours=25)
# A name that this many items have identifies nothing.
MAX_ITEMS = 1000


class Library:
    """The items of one name, compared with those that existed before an upload.

    :param name: the file name that PostBoost gives the item.
    :param attributes: the ``alt_text`` and ``folder`` of the upload, if it has them.
    :param size: the bytes of the file, if they are known.
    :param later_alt_text: an alt text that the item may have been given after its upload.
    """

    # Whether the token may list media.
    is_readable = True

    def __init__(
        self,
        api: PostBoostClient,
        name: str,
        attributes: Mapping[str, str],
        size: int | None = None,
        later_alt_text: str | None = None,
    ) -> None:
        self._api = api
        self._name = name
        self._attributes = attributes
        self._size = size
        self._later_alt_text = later_alt_text
        self._error = ""
        self._before = {str(item.get("uuid")) for item in self._items()}

    @property
    def description(self) -> str:
        """Why the item was not found, for a message."""
        if not self.is_readable:
            return "the media library can't be read, because the API key lacks the ability 'read'"
        if self._error:
            return f"the media library could not be read ({self._error})"
        return f"no new item of this name{'' if self._size is None else ' and size'} is in the media library"

    def find_new(self) -> dict[str, Any] | None:
        """Return the item that was created since the upload began and matches it, if exactly one does."""
        try:
            items, self._error = self._items(), ""
        except PostBoostError as error:
            if not is_retryable(error):
                raise
            # The caller reports the upload, and not the search.
            log.warning("The media library could not be read: %s", error)
            self._error = str(error)
            return None
        found = [item for item in items if str(item.get("uuid")) not in self._before]
        matching = [item for item in found if self._matches(item, self._attributes.get("alt_text"))]
        if len(matching) > 1:
            log.warning("%d new media items are called %s: none is used.", len(matching), self._name)
        return matching[0] if len(matching) == 1 else None

    def find_recent(self, now: datetime) -> dict[str, Any] | None:
        """Return the newest matching item of the last day, which an earlier attempt may have uploaded."""
        since = now - KEY_LIFETIME
        matching = []
        # An item without the later text may be somebody else's, and must not be given it.
        alt_text = self._later_alt_text or self._attributes.get("alt_text")
        for item in self._items():
            created = read_utc(item.get("created_at"))
            if created is not None and created >= since and self._matches(item, alt_text):
                matching.append((created, int(item["id"]), item))
        return max(matching, key=lambda each: each[:2])[2] if matching else None

    def _items(self) -> list[dict[str, Any]]:
        if not self.is_readable:
            return []
        try:
            pages = self._api.pages("list_media", parameters={"keyword": self._name})
            return [item for item in itertools.islice(pages, MAX_ITEMS) if self._is_named(item)]
        except PermissionDeniedError:
            self.is_readable = False
            log.info("The token may not list media, so a lost response can't be looked up.")
            return []

    def _is_named(self, item: Mapping[str, Any]) -> bool:
        # It is not documented whether the extension is part of an item's name.
        return item.get("name") in (self._name, PurePosixPath(self._name).stem)

    def _matches(self, item: Mapping[str, Any], alt_text: str | None) -> bool:
        folder = item.get("folder") or {}
        return (
            (self._size is None or item.get("size") == self._size)
            and (item.get("alt_text") or None) == alt_text
            and folder.get("uuid") == self._attributes.get("folder")
        )
