"""Upload a large file in chunks: initiate, send the chunks in order, complete; abort if the upload fails.

PostBoost takes no idempotency key for a chunk and for the completion, and does not document what happens to one that is
sent twice (SDK 1.66.3). So a chunk is sent again only after its response was lost, and a refusal then means that it had
arrived. A completion whose response was lost is looked up in the library before anything else.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
)

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.client import DEFAULT_DEADLINE_SECONDS, PostBoostClient
from postboost_provider.api.errors import (
    LOST_RESPONSE,
    ConflictError,
    NotFinishedError,
    NotFoundError,
    PostBoostError,
    PostBoostRequestError,
    UnconfirmedError,
    UnexpectedResponseError,
    UnreachableError,
    ValidationError,
)
from postboost_provider.api.requests import FilePart
from postboost_provider.api.retry import error_of, pause
from postboost_provider.idempotency.key import NextRevision
from postboost_provider.services.media.file_content import Chunk, FileContent, Source
from postboost_provider.services.media.key_in_use import send_upload
from postboost_provider.services.media.library import Library, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from postboost_provider.api.responses import Response

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 6
PROGRESS_SECONDS = 10.0
PROGRESS_BYTES = 64 * 1024 * 1024
# PostBoost may forget an upload in progress. After this many, another one would not end better.
MAX_SESSIONS = 3


class _SessionLostError(Exception):
    """PostBoost does not know the session, or the upload can't continue in it."""


def upload_in_chunks(
    api: PostBoostClient,
    source: Source,
    *,
    key: str,
    attributes: Mapping[str, str],
    clock: Callable[[], datetime],
    later_alt_text: str | None = None,
    upload_again: bool = False,
) -> dict[str, Any]:
    """Upload a file in chunks and return its item of the library.

    An upload that an earlier attempt began under the same idempotency key continues if PostBoost allows it.

    :param attributes: ``alt_text`` and ``folder`` of the item, if it has them.
    :param clock: returns the current time.
    :param later_alt_text: the alt text that an earlier attempt may have given the item afterwards.
    :param upload_again: upload it again where an earlier attempt may have, and nothing tells.
    :raises PostBoostConfigError: the file changed since its size was read.
    :raises UnconfirmedError: all chunks were sent, but it is not known whether PostBoost created the item.
    :raises PostBoostRequestError: PostBoost refused it.
    """
    upload = Upload(key)
    library = Library(api, source.filename, attributes, source.size, later_alt_text, upload)
    library.remember()
    forgotten = 0
    with FileContent(source) as content:

        def run(response: Response) -> dict[str, Any]:
            nonlocal forgotten
            try:
                return _Session(api, source, content, library, upload, attributes, response).run()
            except _SessionLostError:
                if found := library.find_recent(clock()) if response.replayed else library.find_new():
                    log.info("%s is in PostBoost already: media item %s", source.filename, found["uuid"])
                    return found
            # Another attempt, which got the stored response, may have completed it.
            library.check_repeat(clock(), is_allowed=upload_again)
            forgotten += not response.replayed
            if forgotten == MAX_SESSIONS:
                raise NotFinishedError(
                    f"PostBoost discarded the upload of {source.filename} {forgotten} times before it was complete. Retry the "
                    "task. If it happens again, the upload may take longer than PostBoost keeps an unfinished one.",
                    code="upload_forgotten",
                )
            raise NextRevision

        body = {"filename": source.filename, "mime_type": source.mime_type, "total_size": source.size}
        return send_upload(api, "initiate_chunked_upload", key, read=run, body=body)


@dataclass
class _Session:
    """One upload in chunks, from its first chunk to its item in the library.

    :param initiated: the response to ``initiate_chunked_upload``. If it is a stored one, the session may have chunks, be
        complete or be lost.
    """

    api: PostBoostClient
    source: Source
    content: FileContent
    library: Library
    upload: Upload
    attributes: Mapping[str, str]
    initiated: Response
    # The first refusal of a chunk that may have arrived.
    _refusal: PostBoostRequestError | None = None

    def __post_init__(self) -> None:
        payload = self.initiated.payload
        try:
            self.path = {"upload_uuid": str(payload["upload_uuid"])}
            self.chunk_size = int(payload["chunk_size"])
            if self.chunk_size < 1:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            message = "initiate_chunked_upload: the response has no upload_uuid and chunk_size."
            raise UnexpectedResponseError(message, code="no_id") from None

    def run(self) -> dict[str, Any]:
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
        name, size = self.source.filename, self.source.size
        count = math.ceil(size / self.chunk_size)
        logged_at, logged, index = time.monotonic(), 0, 0
        log.info("%s: sending %d bytes in %d chunks of %d", name, size, count, self.chunk_size)
        while index < count:
            index = max(index + 1, min(self._send(index), count))
            sent, now = min(index * self.chunk_size, size), time.monotonic()
            if sent - logged >= PROGRESS_BYTES or now - logged_at >= PROGRESS_SECONDS or index == count:
                log.info("%s: %d of %d bytes sent", name, sent, size)
                logged_at, logged = now, sent

    def _send(self, index: int) -> int:
        """Send a chunk, again if its response is lost, and return how many chunks PostBoost has."""
        length = min(self.chunk_size, self.source.size - index * self.chunk_size)
        lost = False

        def open_chunk() -> IO[bytes]:
            return Chunk(self.content, index * self.chunk_size, length)  # type: ignore[return-value]

        part = FilePart(self.source.filename, "application/octet-stream", open_chunk)

        def send() -> int:
            nonlocal lost
            try:
                response = self.api.call(
                    "upload_chunk", parameters=self.path, body={"chunk_index": index}, files={"chunk": part}
                )
            except NotFoundError:
                raise _SessionLostError from None
            except LOST_RESPONSE:
                lost = True
                raise
            except (ValidationError, ConflictError) as error:
                # A chunk that had arrived is not refused for its content. Another attempt may have sent it, or this one in
                # a request whose response was lost. The completion tells whether it is so.
                if isinstance(error, ValidationError) and set(error.errors) == {"chunk"}:
                    if self.initiated.replayed and not lost:
                        raise _SessionLostError from None
                    raise
                log.info(
                    "Chunk %d of %s may have arrived: %s", index, clean_text(self.source.filename), error
                )
                self._refusal = self._refusal or error
                return index + 1
            received = response.get("received") if isinstance(response, dict) else None
            return received if isinstance(received, int) and not isinstance(received, bool) else 0

        return _retrying(f"chunk {index} of {self.source.filename}", _is_temporary)(send)

    def _complete(self) -> Any:
        lost: PostBoostError | None = None
        is_done = False

        def complete() -> Any:
            nonlocal lost, is_done
            try:
                return self.api.send(
                    "complete_chunked_upload",
                    parameters=self.path,
                    body=dict(self.attributes),
                    client_label=str(self.upload.label),
                ).payload
            except NotFoundError:
                if lost is None:
                    raise _SessionLostError from None
                # The request whose response was lost succeeded.
                is_done = True
            except LOST_RESPONSE as error:
                if not _is_temporary(error):
                    raise
                lost = error
            except ValidationError as error:
                if set(error.errors) & {"alt_text", "folder", "file"}:
                    raise
                if lost is None:
                    # Chunks are missing: the refusal of one meant something else, or the session is another attempt's.
                    if self.initiated.replayed:
                        raise _SessionLostError from None
                    raise self._refusal or error from None
            except (ConflictError, UnreachableError):
                if lost is None:
                    raise
                # This request did nothing. What the lost one did is still unknown.
            if found := self.library.find_new():
                return found
            raise lost

        try:
            what = f"the completion of {self.source.filename}"
            # A conflict: another attempt completes the same session.
            is_open = lambda error: isinstance(error, ConflictError) or (error is lost and not is_done)
            return _retrying(what, is_open)(complete)
        except PostBoostError as error:
            if error is not lost:
                raise
        # Without the client's advice: what to do depends on whether the library can be read.
        cause = getattr(lost, "cause", "") or str(lost)
        advice = "Check PostBoost, or retry the task: it checks first."
        if not self.library.is_readable:
            advice = "Give the API key that ability, or check PostBoost before you retry: it may create a second item."
        raise UnconfirmedError(
            f"{self.source.filename}: all chunks were sent, but the last response was lost ({cause}), and "
            f"{self.library.description}. {advice}",
            code="upload_unknown",
        )

    def _checked(self, media: Any) -> dict[str, Any]:
        if not isinstance(media, dict) or not str(media.get("id") or "").isdecimal():
            raise UnexpectedResponseError("complete_chunked_upload: the response has no id.", code="no_id")
        # PostBoost may store an image with other bytes.
        is_image = self.source.mime_type.startswith("image/")
        if not is_image and media.get("size") not in (None, self.source.size):
            raise UnexpectedResponseError(
                f"PostBoost has {media['size']} bytes of {self.source.filename} instead of {self.source.size} as media "
                f"item {media.get('uuid')}. Delete that item and retry the task.",
                code="wrong_size",
            )
        return media

    def _abort(self) -> None:
        """Delete what was sent. If that fails, the error that led here is still the one to raise."""
        name = self.source.filename
        try:
            with PostBoostClient(self.api.settings, deadline_seconds=10.0, attempts=2) as api:
                api.call("abort_chunked_upload", parameters=self.path)
            log.info("The upload of %s was aborted", name)
        except NotFoundError:
            pass
        except Exception as error:  # noqa: BLE001  # whatever it is, the first error is raised
            log.warning("The upload of %s could not be aborted; PostBoost deletes it later: %s", name, error)


def _is_temporary(error: BaseException) -> bool:
    """Return whether the response was lost, and sending again can help."""
    return isinstance(error, LOST_RESPONSE) and getattr(error, "status", 0) != 501


def _retrying(what: str, is_lost: Callable[[BaseException], bool]) -> Retrying:
    def log_retry(state: RetryCallState) -> None:
        log.warning("%s Sending %s again in %.1f s.", error_of(state), what, state.upcoming_sleep)

    return Retrying(
        sleep=time.sleep,
        retry=retry_if_exception(is_lost),
        wait=pause,
        # A pause that the server asks for may be a day.
        stop=stop_any(stop_after_attempt(MAX_ATTEMPTS), stop_before_delay(DEFAULT_DEADLINE_SECONDS)),
        before_sleep=log_retry,
        reraise=True,
    )
