"""Upload a large file in chunks: initiate, send the chunks in order, complete; abort if the upload fails.

PostBoost takes no idempotency key for a chunk and for the completion, and does not document what happens to one that is
sent twice (SDK 1.66.3). So a chunk is sent again only after its response was lost, and a refusal then means that it had
arrived. A completion whose response was lost is looked up in the library before anything else.
"""

from __future__ import annotations

import logging
import math
import random
import time
from typing import IO, TYPE_CHECKING, Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    ConflictError,
    NotFinishedError,
    NotFoundError,
    PostBoostError,
    PostBoostRequestError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnexpectedResponseError,
    UnreachableError,
    ValidationError,
)
from postboost_provider.api.requests import FilePart
from postboost_provider.api.retry import pause_before_retry
from postboost_provider.idempotency.key import NextRevision, numbered, send_past_stored_responses
from postboost_provider.services.media.file_content import Chunk, FileContent, Source
from postboost_provider.services.media.library import Library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.responses import Response

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 6
MAX_PAUSE_SECONDS = 20.0
PROGRESS_SECONDS = 10.0
PROGRESS_BYTES = 64 * 1024 * 1024
# PostBoost may forget an upload in progress. If it does so this often, another one would not end better.
MAX_SESSIONS = 3
MIB = 1024 * 1024


class _SessionLostError(Exception):
    """PostBoost does not know the session, or the upload can't continue in it."""


def upload_in_chunks(
    api: PostBoostClient,
    source: Source,
    *,
    key: str,
    attributes: Mapping[str, str],
    later_alt_text: str | None = None,
) -> dict[str, Any]:
    """Upload a file in chunks and return its item of the library.

    What an earlier attempt uploaded under the same idempotency key is used. An interrupted upload continues if PostBoost
    allows it, and otherwise starts again.

    :param attributes: ``alt_text`` and ``folder`` of the item, if it has them.
    :param later_alt_text: the alt text that an earlier attempt may have given the item afterwards.
    :raises PostBoostConfigError: the file changed since its size was read.
    :raises UnconfirmedError: all chunks were sent, but it is not known whether PostBoost created the item.
    :raises PostBoostRequestError: PostBoost refused it.
    """
    library = Library(api, source.filename, attributes, source.size, later_alt_text)
    body = {"filename": source.filename, "mime_type": source.mime_type, "total_size": source.size}
    forgotten = 0
    with FileContent(source) as content:

        def run(response: Response) -> dict[str, Any]:
            nonlocal forgotten
            try:
                session = _Session(
                    api, source, content, library, attributes, response.payload, is_replay=response.replayed
                )
                return session.run()
            except _SessionLostError:
                if found := library.find_recent() if response.replayed else library.find_new():
                    log.info("%s is in PostBoost already: media item %s", source.filename, found["uuid"])
                    return found
            if response.replayed and not library.is_readable:
                log.warning(
                    "An earlier attempt may have uploaded %s to PostBoost. The API key lacks the ability 'read', which it takes to "
                    "look for it, so the file is uploaded again.",
                    source.filename,
                )
            forgotten += not response.replayed
            if forgotten == MAX_SESSIONS:
                raise NotFinishedError(
                    f"PostBoost forgot the upload of {source.filename} {forgotten} times before it was complete. Retry the "
                    "task. If it happens again, the file may take longer to upload than PostBoost keeps an upload.",
                    code="upload_forgotten",
                )
            raise NextRevision

        return send_past_stored_responses(api, "initiate_chunked_upload", numbered(key), read=run, body=body)


class _Session:
    """One upload in chunks, from its first chunk to its item in the library.

    :param initiated: the response to ``initiate_chunked_upload``.
    :param is_replay: it is a stored response: the session may have chunks, be complete or be lost.
    """

    def __init__(
        self,
        api: PostBoostClient,
        source: Source,
        content: FileContent,
        library: Library,
        attributes: Mapping[str, str],
        initiated: Any,
        *,
        is_replay: bool,
    ) -> None:
        self._api = api
        self._source = source
        self._content = content
        self._library = library
        self._attributes = attributes
        self._is_replay = is_replay
        try:
            self._path = {"upload_uuid": str(initiated["upload_uuid"])}
            self._chunk_size = int(initiated["chunk_size"])
            if self._chunk_size < 1:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise UnexpectedResponseError(
                "initiate_chunked_upload: the response has no upload_uuid and chunk_size.", code="no_id"
            ) from None

    def run(self) -> dict[str, Any]:
        """Send the chunks and complete.

        :raises _SessionLostError: PostBoost does not know the session, or no longer.
        """
        try:
            self._send_chunks()
            return self._checked(self._complete())
        except _SessionLostError:
            raise
        except BaseException:
            # Also when the task is stopped: what was sent must not stay at PostBoost.
            self._abort()
            raise

    def _send_chunks(self) -> None:
        size, chunk_size = self._source.size, self._chunk_size
        count = math.ceil(size / chunk_size)
        logged_at, logged, index = time.monotonic(), 0, 0
        log.info(
            "%s: sending %.1f MiB in %d chunks of %.1f MiB",
            self._source.filename,
            size / MIB,
            count,
            chunk_size / MIB,
        )
        while index < count:
            index = max(index + 1, min(self._send(index), count))
            sent = min(index * chunk_size, size)
            now = time.monotonic()
            if sent - logged >= PROGRESS_BYTES or now - logged_at >= PROGRESS_SECONDS or index == count:
                log.info("%s: %d of %d bytes sent", self._source.filename, sent, size)
                logged_at, logged = now, sent

    def _send(self, index: int) -> int:
        """Send a chunk, again if its response is lost, and return how many chunks PostBoost says it has."""
        length = min(self._chunk_size, self._source.size - index * self._chunk_size)

        def open_chunk() -> IO[bytes]:
            return Chunk(self._content, index * self._chunk_size, length)  # type: ignore[return-value]

        part = FilePart(self._source.filename, "application/octet-stream", open_chunk)
        lost = False
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._api.call(
                    "upload_chunk",
                    parameters=self._path,
                    body={"chunk_index": index},
                    files={"chunk": part},
                )
                return _received(response)
            except NotFoundError:
                raise _SessionLostError from None
            except (UnconfirmedError, ServerError) as error:
                lost = True
                if attempt == MAX_ATTEMPTS or not _is_temporary(error):
                    raise
                _pause(f"chunk {index} of {self._source.filename}", error, attempt)
            except (ValidationError, ConflictError) as error:
                if lost and not _refuses_content(error):
                    log.info("Chunk %d of %s had arrived: %s", index, self._source.filename, error)
                    return index + 1
                if self._is_replay:
                    raise _SessionLostError from None
                raise
        raise AssertionError("the last attempt returns or raises")

    def _complete(self) -> dict[str, Any]:
        lost: PostBoostError | None = None
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return self._api.call(  # type: ignore[no-any-return]
                    "complete_chunked_upload", parameters=self._path, body=dict(self._attributes)
                )
            except NotFoundError:
                if lost is None:
                    raise _SessionLostError from None
                # The request whose response was lost succeeded.
                attempt = MAX_ATTEMPTS
            except (UnconfirmedError, ServerError) as error:
                if not _is_temporary(error):
                    raise
                lost = error
            except (ConflictError, RateLimitedError, UnreachableError):
                if lost is None:
                    raise
                # Nothing was done this time. What the lost request did is still unknown.
            if found := self._library.find_new():
                return found
            if attempt == MAX_ATTEMPTS:
                break
            _pause(f"the completion of {self._source.filename}", lost, attempt)
        # Without the client's advice: what to do depends on whether the library can be read.
        cause = getattr(lost, "cause", "") or str(lost)
        advice = (
            "Check PostBoost, or retry the task: it checks first."
            if self._library.is_readable
            else "Give the API key that ability, or check PostBoost before you retry the task, which may create a second item."
        )
        raise UnconfirmedError(
            f"{self._source.filename}: all of it was sent, but the last response was lost ({cause}), and "
            f"{self._library.description}. {advice}",
            code="upload_unknown",
        )

    def _checked(self, media: Any) -> dict[str, Any]:
        if not isinstance(media, dict) or not str(media.get("id") or "").isdecimal():
            raise UnexpectedResponseError("complete_chunked_upload: the response has no id.", code="no_id")
        if media.get("size") not in (None, self._source.size):
            raise UnexpectedResponseError(
                f"PostBoost has {media['size']} bytes of {self._source.filename} instead of {self._source.size} as media "
                f"item {media.get('uuid')}. Delete that item and retry the task.",
                code="wrong_size",
            )
        return media

    def _abort(self) -> None:
        """Delete what was sent. If that fails, the error that led here is still the one to raise."""
        try:
            with PostBoostClient(self._api.settings, deadline_seconds=10.0, attempts=2) as api:
                api.call("abort_chunked_upload", parameters=self._path)
            log.info("The upload of %s was aborted", self._source.filename)
        except NotFoundError:
            pass
        except Exception as error:  # noqa: BLE001  # whatever it is, the first error is raised
            log.warning(
                "The upload of %s could not be aborted; PostBoost deletes it later: %s",
                self._source.filename,
                error,
            )


def _received(response: Any) -> int:
    received = response.get("received") if isinstance(response, dict) else None
    return received if isinstance(received, int) and not isinstance(received, bool) else 0


def _is_temporary(error: PostBoostError) -> bool:
    return getattr(error, "status", 0) != 501


def _refuses_content(error: PostBoostRequestError) -> bool:
    """Return whether a chunk is refused for its content, and not because it had arrived before."""
    return isinstance(error, ValidationError) and set(error.errors) == {"chunk"}


def _pause(what: str, error: PostBoostError, attempt: int) -> None:
    seconds = pause_before_retry(error, attempt, random.random(), MAX_PAUSE_SECONDS)
    log.warning("%s Sending %s again in %.1f s.", error, what, seconds)
    time.sleep(seconds)
