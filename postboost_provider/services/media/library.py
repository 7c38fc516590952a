"""Find in PostBoost's media library what an upload created: a lost response is not a failure.

An item is known by its name, its alt text, its folder and its size. PostBoost may store an image with another size: then
it is the one that was created when the activity log has the upload.
"""

from __future__ import annotations

import itertools
import logging
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    PermissionDeniedError,
    PostBoostError,
    UnconfirmedError,
    UnexpectedResponseError,
    is_retryable,
)
from postboost_provider.api.times import read_utc
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.label import Label, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

# PostBoost stores the response to an idempotency key for 24 hours; the two clocks may differ a little.
KEY_LIFETIME = timedelta(hours=25)
# A name that this many items have identifies nothing.
MAX_ITEMS = 1000
# An item is created while its request runs, and the activity log has the request when that has ended.
REQUEST_TAKES = timedelta(minutes=2)
_SCOPE = "6d656469"


class Upload:
    """The uploads of one content in the activity log.

    :param key: its idempotency key, a hash.
    """

    def __init__(self, key: str) -> None:
        self._owner = Owner(f"media~{_SCOPE}", f"x~{key[:12]}")
        self.is_seen = False

    @property
    def label(self) -> Label:
        return self._owner.label("upload")

    def made_at(self, api: PostBoostClient) -> list[datetime]:
        """Return when the log has its successes. ``is_seen`` tells whether the log has any request of it."""
        try:
            entries = read_log(api, self._owner) or []
        except PostBoostError as error:
            log.warning("The activity log could not be read: %s", error)
            entries = []
        self.is_seen = bool(entries)
        times = (read_utc(entry.created_at) for entry in entries if entry.is_success)
        return [at for at in times if at is not None]


class Library:
    """The items of one name, compared with those that existed before an upload.

    :param name: the file name that PostBoost gives the item.
    :param attributes: the ``alt_text`` and ``folder`` of the upload, if it has them.
    :param size: the bytes of the file, if they are known.
    :param later_alt_text: an alt text that the item may have been given after its upload.
    :param upload: finds the upload in the activity log.
    """

    # Whether the token may list media.
    is_readable = True
    # Whether the activity log has it that the file was uploaded.
    was_made = False

    def __init__(
        self,
        api: PostBoostClient,
        name: str,
        attributes: Mapping[str, str],
        size: int | None = None,
        later_alt_text: str | None = None,
        upload: Upload | None = None,
    ) -> None:
        self._api = api
        self._upload = upload
        self._name = name
        self._attributes = attributes
        self._size = size
        self._later_alt_text = later_alt_text
        self._error = ""
        self._before: set[str] = set()
        self._is_ambiguous = False

    def remember(self) -> None:
        """Remember the items that exist before the upload: :meth:`find_new` finds those that were created since."""
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
            items, self._error = self._new(), ""
        except PostBoostError as error:
            if not is_retryable(error):
                raise
            # The caller reports the upload, and not the search.
            log.warning("The media library could not be read: %s", error)
            self._error = str(error)
            return None
        alt_text = self._attributes.get("alt_text")
        matching = [item for item in items if self._matches(item, alt_text)]
        if len(matching) > 1:
            log.warning(
                "%d new media items are called %s: none is used.", len(matching), clean_text(self._name)
            )
            return None
        return matching[0] if matching else self._find_logged(self._new, alt_text)

    def find_recent(self, now: datetime) -> dict[str, Any] | None:
        """Return the newest matching item of the last day, which an earlier attempt may have uploaded."""
        # An item without the later text may be somebody else's, and must not be given it.
        alt_text = self._later_alt_text or self._attributes.get("alt_text")
        items = self._recent(now)
        matching = [(_created(item), media_id(item), item) for item in items if self._matches(item, alt_text)]
        if matching:
            return max(matching, key=lambda each: each[:2])[2]
        return self._find_logged(lambda: self._recent(now), alt_text)

    def check_repeat(self, now: datetime, *, is_allowed: bool, cause: Exception | None = None) -> None:
        """Refuse to upload again what an earlier attempt may have uploaded, after a search that has found no item.

        :raises UnconfirmedError: it is not allowed; ``code`` is ``upload_unknown``.
        """
        if not self.is_readable:
            reason = "and the API key lacks the ability 'read', which is needed to find it"
        elif self._is_proven_absent(now):
            return
        else:
            reason = "and PostBoost has items of this name from the last day, of which none is known to be it"
        message = f"{self._name}: an earlier attempt may have uploaded it, {reason}."
        if is_allowed:
            log.warning("%s It is uploaded again, because on_unknown allows it.", clean_text(message))
            return
        error = UnconfirmedError(
            f"{message} Check the media library. If it is there, use its uuid in place of the file. Otherwise, set on_unknown to "
            "upload it again.",
            code="upload_unknown",
            field="on_unknown",
        )
        # The library or the log may be late.
        error.retryable = self.is_readable
        raise error from cause

    def _is_proven_absent(self, now: datetime) -> bool:
        seen = self._upload is not None and self._upload.is_seen
        return not self._is_ambiguous and (seen or not self._recent(now))

    def _new(self) -> list[dict[str, Any]]:
        return [item for item in self._items() if str(item.get("uuid")) not in self._before]

    def _recent(self, now: datetime) -> list[dict[str, Any]]:
        return [item for item in self._items() if _created(item) >= now - KEY_LIFETIME]

    def _find_logged(
        self, read_items: Callable[[], list[dict[str, Any]]], alt_text: str | None
    ) -> dict[str, Any] | None:
        """Return the item that was created when the activity log has the upload, if exactly one was."""
        if self._upload is None or not self.is_readable:
            return None
        made = self._upload.made_at(self._api)
        self.was_made = bool(made)
        found = [
            item
            # Read again after the log: the item may have been created meanwhile.
            for item in (read_items() if made else ())
            if self._matches(item, alt_text, any_size=True)
            and any(timedelta(seconds=-5) <= at - _created(item) <= REQUEST_TAKES for at in made)
        ]
        self._is_ambiguous = len(found) > 1
        return found[0] if len(found) == 1 else None

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

    def _matches(self, item: Mapping[str, Any], alt_text: str | None, *, any_size: bool = False) -> bool:
        folder = item.get("folder") or {}
        return (
            (any_size or self._size is None or item.get("size") == self._size)
            and (item.get("alt_text") or None) == alt_text
            and folder.get("uuid") == self._attributes.get("folder")
        )


def media_id(media: Mapping[str, Any]) -> int:
    """Return the id to attach by. PostBoost returns it as text and takes it as a number (SDK 1.66.3)."""
    try:
        return int(media["id"])
    except (KeyError, TypeError, ValueError):
        message = "PostBoost's response is not a media item: it has no id."
        raise UnexpectedResponseError(message, code="no_id") from None


def _created(item: Mapping[str, Any]) -> datetime:
    """Return when an item was created. One without a time is older than any other."""
    return read_utc(item.get("created_at")) or datetime.min.replace(tzinfo=UTC)
