"""Upload a large file in chunks: initiate, send the chunks in order, complete; abort when giving up.

PostBoost takes no idempotency key for a chunk and for the completion, and does not say what becomes of one that comes
twice (SDK 1.66.3). So a chunk is sent again only after its answer was lost, and a refusal then says that it had
arrived; a completion whose answer was lost is looked up in the library before anything else.
"""

from __future__ import annotations

import logging
import math
import random
import time
from typing import IO, TYPE_CHECKING, Any

from postboost_provider.api import retry as repeats
from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    ConflictError,
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
from postboost_provider.idempotency.key import NextRevision, numbered, send_past_stored_responses
from postboost_provider.services.media.file_content import Content, Source, Window
from postboost_provider.services.media.library import Library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.responses import Response

log = logging.getLogger(__name__)

TRIES = 6
LONGEST_PAUSE_SECONDS = 20.0
PROGRESS_SECONDS = 10.0
PROGRESS_BYTES = 64 * 1024 * 1024
# A session may be forgotten while it is in use; one that is forgotten again and again will be the next time, too.
MOST_SESSIONS = 3
MIB = 1024 * 1024


class _SessionGoneError(Exception):
    """PostBoost does not know the session, or it is not one to go on with."""


def upload(
    api: PostBoostClient, source: Source, *, key: str, about: Mapping[str, str], later: str | None = None
) -> dict[str, Any]:
    """Upload a file in chunks and return its item of the library.

    What an earlier try has uploaded under the same key is taken; one that was interrupted is gone on with where
    PostBoost allows it, and else begun anew.

    :param about: ``alt_text`` and ``folder`` of the item, where it has them.
    :param later: the alt text that an earlier try may have given the item afterwards.
    :raises PostBoostConfigError: the file changed since its size was read.
    :raises UnconfirmedError: all chunks are there, but not whether they were made an item.
    :raises PostBoostRequestError: PostBoost refused it.
    """
    library = Library(api, source.filename, about, source.size, later)
    body = {"filename": source.filename, "mime_type": source.mime_type, "total_size": source.size}
    forgotten = 0
    with Content(source) as content:

        def run(reply: Response) -> dict[str, Any]:
            nonlocal forgotten
            try:
                return _Session(
                    api, source, content, library, about, reply.payload, again=reply.replayed
                ).run()
            except _SessionGoneError:
                if found := library.recent() if reply.replayed else library.new():
                    log.info("%s is in PostBoost already: media item %s", source.filename, found["uuid"])
                    return found
            if reply.replayed and library.is_closed:
                log.warning(
                    "An earlier attempt may have uploaded %s to PostBoost already. The key lacks the ability 'read', which it "
                    "takes to look for it: the file is uploaded again.",
                    source.filename,
                )
            forgotten += not reply.replayed
            if forgotten == MOST_SESSIONS:
                raise UnexpectedResponseError(
                    f"PostBoost forgot the upload of {source.filename} {forgotten} times before it was complete. Retry the "
                    "task. If it happens again, the file may take longer to upload than PostBoost keeps an upload.",
                    code="upload_forgotten",
                )
            raise NextRevision

        return send_past_stored_responses(api, "initiate_chunked_upload", numbered(key), read=run, body=body)


class _Session:
    """One upload in chunks, from its first chunk to its item in the library.

    :param started: the answer to its start.
    :param again: that answer is a stored one: the session may hold chunks, be complete or be gone.
    """

    def __init__(
        self,
        api: PostBoostClient,
        source: Source,
        content: Content,
        library: Library,
        about: Mapping[str, str],
        started: Any,
        *,
        again: bool,
    ) -> None:
        self._api = api
        self._source = source
        self._content = content
        self._library = library
        self._about = about
        self._again = again
        try:
            self._path = {"upload_uuid": str(started["upload_uuid"])}
            self._chunk_size = int(started["chunk_size"])
            if self._chunk_size < 1:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise UnexpectedResponseError(
                "initiate_chunked_upload: the response has no upload_uuid and chunk_size.", code="no_id"
            ) from None

    def run(self) -> dict[str, Any]:
        """Send the chunks and complete.

        :raises _SessionGoneError: PostBoost does not know the session (any more).
        """
        try:
            self._send_chunks()
            return self._checked(self._complete())
        except _SessionGoneError:
            raise
        except BaseException:
            # Also when the task is ended: what was sent must not lie about at PostBoost.
            self._abort()
            raise

    def _send_chunks(self) -> None:
        size, chunk_size = self._source.size, self._chunk_size
        count = math.ceil(size / chunk_size)
        told_at, told, index = time.monotonic(), 0, 0
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
            if sent - told >= PROGRESS_BYTES or now - told_at >= PROGRESS_SECONDS or index == count:
                log.info("%s: %d of %d bytes sent", self._source.filename, sent, size)
                told_at, told = now, sent

    def _send(self, index: int) -> int:
        """Send a chunk and return how many PostBoost says it has; a chunk whose answer was lost goes again."""
        length = min(self._chunk_size, self._source.size - index * self._chunk_size)

        def window() -> IO[bytes]:
            return Window(self._content, index * self._chunk_size, length)  # type: ignore[return-value]

        part = FilePart(self._source.filename, "application/octet-stream", window)
        lost = False
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._api.call(
                    "upload_chunk",
                    parameters=self._path,
                    body={"chunk_index": index},
                    files={"chunk": part},
                )
                return _received(answer)
            except NotFoundError:
                raise _SessionGoneError from None
            except (UnconfirmedError, ServerError) as error:
                lost = True
                if attempt == TRIES or not _may_help(error):
                    raise
                _pause(f"chunk {index} of {self._source.filename}", error, attempt)
            except (ValidationError, ConflictError) as error:
                if lost and not _is_about_content(error):
                    log.info("Chunk %d of %s had arrived: %s", index, self._source.filename, error)
                    return index + 1
                if self._again:
                    raise _SessionGoneError from None
                raise
        raise AssertionError("the last try returns or raises")

    def _complete(self) -> dict[str, Any]:
        lost: PostBoostError | None = None
        for attempt in range(1, TRIES + 1):
            try:
                return self._api.call(  # type: ignore[no-any-return]
                    "complete_chunked_upload", parameters=self._path, body=dict(self._about)
                )
            except NotFoundError:
                if lost is None:
                    raise _SessionGoneError from None
                # It went well the first time.
                attempt = TRIES
            except (UnconfirmedError, ServerError) as error:
                if not _may_help(error):
                    raise
                lost = error
            except (ConflictError, RateLimitedError, UnreachableError):
                if lost is None:
                    raise
                # Nothing was done this time; what the lost request has done is still to be told.
            if found := self._library.new():
                return found
            if attempt == TRIES:
                break
            _pause(f"the completion of {self._source.filename}", lost, attempt)
        # Without the client's advice: what to do depends on the library, which the client does not know of.
        why = lost.cause if isinstance(lost, UnconfirmedError) else lost
        advice = (
            "Give the key that ability, or look in PostBoost before you run the task again, which may make a second item."
            if self._library.is_closed
            else "Look in PostBoost, or run the task again, which looks first."
        )
        raise UnconfirmedError(
            f"{self._source.filename}: all of it was sent, but the answer to the last request was lost ({why}), and "
            f"{self._library.seen}. {advice}"
        )

    def _checked(self, media: Any) -> dict[str, Any]:
        if not isinstance(media, dict) or not str(media.get("id") or "").isdecimal():
            raise UnexpectedResponseError("complete_chunked_upload: the response has no id.", code="no_id")
        if media.get("size") not in (None, self._source.size):
            raise ServerError(
                f"PostBoost has {media['size']} bytes of {self._source.filename} instead of {self._source.size} as media "
                f"item {media.get('uuid')}. Delete that item and run the task again.",
                status=201,
            )
        return media

    def _abort(self) -> None:
        """Drop what was sent. Whatever comes of it, the error that led here is the one to tell."""
        try:
            with PostBoostClient(self._api.settings, deadline_seconds=10.0, attempts=2) as brief:
                brief.call("abort_chunked_upload", parameters=self._path)
            log.info("The upload of %s was aborted", self._source.filename)
        except NotFoundError:
            pass
        except Exception as error:  # noqa: BLE001  # whatever it is, the first error is the one to tell
            log.warning(
                "The upload of %s could not be aborted; PostBoost drops it in time: %s",
                self._source.filename,
                error,
            )


def _received(answer: Any) -> int:
    received = answer.get("received") if isinstance(answer, dict) else None
    return received if isinstance(received, int) and not isinstance(received, bool) else 0


def _may_help(error: PostBoostError) -> bool:
    return getattr(error, "status", 0) != 501


def _is_about_content(error: PostBoostRequestError) -> bool:
    """Tell a chunk that is refused for what is in it from one that is refused for being there already."""
    return isinstance(error, ValidationError) and set(error.errors) == {"chunk"}


def _pause(what: str, error: PostBoostError, attempt: int) -> None:
    seconds = repeats.pause_before_retry(error, attempt, random.random(), LONGEST_PAUSE_SECONDS)
    log.warning("%s Sending %s again in %.1f s.", error, what, seconds)
    time.sleep(seconds)
