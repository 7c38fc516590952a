"""Upload a file in one multipart request, once for each content.

The idempotency key is made of the content. A response that refuses the key is therefore about the same file: an earlier
request with it is still running, or PostBoost takes no repeated multipart body for the same. What became of the earlier
request is then read from the media library and the activity log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import NotFoundError, PermissionDeniedError
from postboost_provider.api.requests import FilePart
from postboost_provider.api.responses import Response
from postboost_provider.idempotency.key import NextRevision
from postboost_provider.polling.conditions import Finding
from postboost_provider.services.media.key_in_use import send_upload
from postboost_provider.services.media.library import Library, Upload, media_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.errors import PostBoostRequestError
    from postboost_provider.services.media.file_content import Source
    from postboost_provider.services.media.key_in_use import Wait

log = logging.getLogger(__name__)

# How many keys that were used before are passed in one attempt.
MAX_STEPS = 10


def upload_in_one_request(
    api: PostBoostClient,
    source: Source,
    *,
    key: str,
    attributes: Mapping[str, str],
    clock: Callable[[], datetime],
    later_alt_text: str | None = None,
    upload_again: bool = False,
) -> dict[str, Any]:
    """Upload a file and return its item of the library, which an earlier attempt may have uploaded.

    :param attributes: ``alt_text`` and ``folder`` of the item, if it has them.
    :param clock: returns the current time.
    :param later_alt_text: the alt text that an earlier attempt may have given the item afterwards.
    :param upload_again: upload it again where an earlier attempt may have, and nothing tells.
    :raises UnconfirmedError: an earlier attempt may have uploaded it, and nothing tells which item it is.
    :raises PostBoostRequestError: PostBoost refused it.
    """
    return _OneRequest(api, source, key, attributes, clock, later_alt_text, upload_again).run()


class _OneRequest:
    def __init__(
        self,
        api: PostBoostClient,
        source: Source,
        key: str,
        attributes: Mapping[str, str],
        clock: Callable[[], datetime],
        later_alt_text: str | None,
        upload_again: bool,
    ) -> None:
        self._api = api
        self._clock = clock
        self._upload_again = upload_again
        self._key = key
        self._upload = Upload(key)
        self._library = Library(api, source.filename, attributes, source.size, later_alt_text, self._upload)
        self._file = FilePart(source.filename, source.mime_type, source.open)
        self._attributes = dict(attributes)
        # The first refusal of a key: what PostBoost says about a key that was used.
        self._refusal: PostBoostRequestError | None = None
        self._steps = 0

    def run(self) -> dict[str, Any]:
        return send_upload(
            self._api,
            "upload_media",
            self._key,
            read=self._read,
            on_refused_key=self._on_refused_key,
            client_label=str(self._upload.label),
            body=self._attributes or None,
            files={"file": self._file},
        )

    def _read(self, response: Response) -> dict[str, Any]:
        media = dict(response.payload)
        media_id(media)
        if response.replayed and media.get("uuid"):
            try:
                return dict(self._api.call("get_media", parameters={"media_uuid": media["uuid"]}))
            except NotFoundError:
                raise NextRevision from None
            except PermissionDeniedError:
                log.info(
                    "The token may not read media: whether item %s was deleted is not known.", media_id(media)
                )
        return media

    def _on_refused_key(self, error: PostBoostRequestError, wait: Wait) -> dict[str, Any]:
        if self._refusal is not None and (_said(error) != _said(self._refusal) or self._steps == MAX_STEPS):
            raise error
        is_first, self._refusal = self._refusal is None, error

        def look(again: PostBoostRequestError) -> Finding:
            found = self._library.find_recent(self._clock())
            if found is None and _said(again) != _said(error):
                # The second response is about the key, and so the first one was about the file.
                raise error from None
            return Finding(found is not None or self._library.was_made, found)

        if found := self._library.find_recent(self._clock()):
            return found
        if is_first and not self._library.was_made and (found := wait(look)):
            return self._read(found) if isinstance(found, Response) else found
        self._library.check_repeat(self._clock(), is_allowed=self._upload_again, cause=error)
        self._steps += 1
        raise NextRevision


def _said(error: Exception) -> tuple[Any, ...]:
    return (type(error), getattr(error, "code", None), getattr(error, "body", None))
