"""Look in PostBoost's media library for what an upload has made: an answer that was lost is not a failure."""

from __future__ import annotations

import itertools
import logging
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PermissionDeniedError, PostBoostError, is_retryable
from postboost_provider.api.times import read_utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

# PostBoost answers to a key for 24 hours; the two clocks may differ by a little.
KEY_LIFETIME = timedelta(hours=25)
# A name that so many items have tells nothing.
MOST_ITEMS = 1000


class Library:
    """The items of one name, as they were before an upload began.

    :param name: the file name that PostBoost gives the item.
    :param about: the ``alt_text`` and ``folder`` of the upload, where it has them.
    :param size: the bytes of the file, where they are known.
    :param later: an alt text that the item may have got after its upload.

    ``is_closed``: the token may not look.
    """

    is_closed = False

    def __init__(
        self,
        api: PostBoostClient,
        name: str,
        about: Mapping[str, str],
        size: int | None = None,
        later: str | None = None,
    ) -> None:
        self._api = api
        self._name = name
        self._about = about
        self._size = size
        self._later = later
        self._unseen = ""
        self._before = {str(item.get("uuid")) for item in self._items()}

    @property
    def seen(self) -> str:
        """What the last look has shown, for somebody who misses the item."""
        if self.is_closed:
            return "the library can't be looked at, since the key lacks the ability 'read'"
        if self._unseen:
            return f"the library could not be looked at ({self._unseen})"
        return f"no new item of this name{'' if self._size is None else ' and size'} is in the library"

    def new(self) -> dict[str, Any] | None:
        """Return the one item that came since the upload began and is what was sent, if it can be told."""
        try:
            items, self._unseen = self._items(), ""
        except PostBoostError as error:
            if not is_retryable(error):
                raise
            # What became of the upload is to be told, and not of the look.
            log.warning("The library could not be looked at: %s", error)
            self._unseen = str(error)
            return None
        found = [item for item in items if str(item.get("uuid")) not in self._before]
        fitting = [item for item in found if self._fits(item, self._about.get("alt_text"))]
        if len(fitting) > 1:
            log.warning("%d new media items are called %s: none is taken", len(fitting), self._name)
        return fitting[0] if len(fitting) == 1 else None

    def recent(self) -> dict[str, Any] | None:
        """Return the newest item of the last day that is what was sent. For what an earlier try may have sent."""
        since = datetime.now(UTC) - KEY_LIFETIME
        fitting = []
        # One that lacks the later text may be somebody else's, and would be given it.
        alt_text = self._later or self._about.get("alt_text")
        for item in self._items():
            created = read_utc(item.get("created_at"))
            if created is not None and created >= since and self._fits(item, alt_text):
                fitting.append((created, int(item["id"]), item))
        return max(fitting, key=lambda each: each[:2])[2] if fitting else None

    def _items(self) -> list[dict[str, Any]]:
        if self.is_closed:
            return []
        try:
            pages = self._api.pages("list_media", parameters={"keyword": self._name})
            return [item for item in itertools.islice(pages, MOST_ITEMS) if self._is_named(item)]
        except PermissionDeniedError:
            self.is_closed = True
            log.info("The token may not list media: an answer that gets lost can't be looked up")
            return []

    def _is_named(self, item: Mapping[str, Any]) -> bool:
        # No document says that the extension is part of an item's name.
        return item.get("name") in (self._name, PurePosixPath(self._name).stem)

    def _fits(self, item: Mapping[str, Any], alt_text: str | None) -> bool:
        folder = item.get("folder") or {}
        return (
            (self._size is None or item.get("size") == self._size)
            and (item.get("alt_text") or None) == alt_text
            and folder.get("uuid") == self._about.get("folder")
        )
