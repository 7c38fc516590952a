"""Have PostBoost fetch a file from a URL.

A small file is there when the answer comes; a larger one is fetched in the background. A failure at the start is HTTP
200 like a success, and is what the idempotency key is answered with from then on. The final answer to a poll is given
once (SDK 1.66.3): one that gets lost is looked up in the library.
"""

from __future__ import annotations

import logging
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostRequestError,
    ServerError,
    UnconfirmedError,
)
from postboost_provider.idempotency.key import MAX_GENERATIONS
from postboost_provider.services.media.library import Library, growing_pauses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.requests import Reply

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 6
ON_THE_WAY = ("pending", "downloading", "processing")


def upload(
    api: PostBoostClient,
    url: str,
    *,
    shown: str,
    key: str,
    about: Mapping[str, str],
    later: str | None = None,
    timeout: float,
) -> dict[str, Any]:
    """Have PostBoost fetch the URL, wait for it, and return its item of the library.

    :param shown: how messages call the URL.
    :param about: ``alt_text`` and ``folder`` of the item, where it has them.
    :param later: the alt text that an earlier try may have given the item afterwards.
    :param timeout: seconds to wait for a file that is fetched in the background.
    :raises PostBoostConfigError: code ``url_not_fetched``: PostBoost can't fetch it.
    :raises ServerError: PostBoost did not fetch it within that time.
    :raises UnconfirmedError: the final answer was lost, and the item is not to be found.
    """
    library = Library(api, unquote(PurePosixPath(urlsplit(url).path).name), about, later=later)
    failed: PostBoostRequestError | None = None
    for generation in range(MAX_GENERATIONS):
        try:
            reply = api.send(
                "initiate_remote_upload",
                body={"url": url, **about},
                idempotency_key=f"{key}-{generation}" if generation else key,
            )
            media = _settle(api, reply, library, shown, timeout)
        except _StaleError:
            continue
        except PostBoostRequestError as error:
            if not error.is_stored_refusal:
                raise
            failed = error
            continue
        return media
    raise failed or ServerError(f"PostBoost could not fetch {shown} in {MAX_GENERATIONS} tries.", status=200)


class _StaleError(Exception):
    """A stored answer leads nowhere: its download failed, or its item is gone."""


def _settle(
    api: PostBoostClient, reply: Reply, library: Library, shown: str, timeout: float
) -> dict[str, Any]:
    answer = reply.payload if isinstance(reply.payload, dict) else {}
    status = answer.get("status")
    if status == "failed" and reply.replayed:
        raise _StaleError
    if status == "pending" and answer.get("download_id"):
        log.info("PostBoost fetches %s", shown)
        answer = _poll(api, str(answer["download_id"]), library, shown, timeout, again=reply.replayed)
        status = answer.get("status")
    if status == "failed":
        raise _failure(shown, answer)
    if status != "completed":
        raise ServerError(f"initiate_remote_upload: the status {status!r} is not known.", status=200)
    media = answer.get("media")
    if not isinstance(media, dict) or not media.get("uuid"):
        raise ServerError(
            f"PostBoost fetched {shown}, but somebody deleted the media item at once. Run the task again.",
            status=200,
        )
    log.info("PostBoost fetched %s: media item %s", shown, media["uuid"])
    try:
        # An item that is there at once is answered without its size.
        return dict(api.call("get_media", parameters={"media_uuid": media["uuid"]}))
    except PermissionDeniedError:
        return dict(media)
    except NotFoundError:
        if reply.replayed:
            raise _StaleError from None
        raise


def _poll(
    api: PostBoostClient, download_id: str, library: Library, shown: str, timeout: float, *, again: bool
) -> dict[str, Any]:
    """Ask until the final answer and return it, or what stands for it in the library where it was lost."""
    ends, failures, lost = time.monotonic() + timeout, 0, False
    for pause in growing_pauses():
        try:
            answer = api.call("get_remote_upload_status", parameters={"download_id": download_id})
            failures = 0
        except NotFoundError:
            return _look_up(library, shown, lost=lost, again=again)
        except (UnconfirmedError, ServerError) as error:
            # The answer that was lost may have been the final one: then the next poll is a 404.
            lost, failures = True, failures + 1
            if failures == FAILURES_IN_A_ROW or getattr(error, "status", 0) == 501:
                raise
            log.warning("%s Asking again.", error)
            answer = {"status": "pending"}
        status = answer.get("status") if isinstance(answer, dict) else None
        if status not in ON_THE_WAY:
            return answer if isinstance(answer, dict) else {}
        left = ends - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(pause, left))
    raise ServerError(
        f"PostBoost has not fetched {shown} within {timeout:.0f} s. Run the task again: it goes on waiting for the same "
        "download. If the file is that large, raise the timeout.",
        status=200,
    )


def _look_up(library: Library, shown: str, *, lost: bool, again: bool) -> dict[str, Any]:
    """Return what the final answer would have been, now that PostBoost has forgotten the download."""
    if found := library.new():
        log.info("The answer about %s was lost; the library has it: %s", shown, found["uuid"])
        return {"status": "completed", "media": found}
    if again and not lost:
        # An earlier try had the final answer: a failure, or an item whose name alone would not prove what it is.
        # Another copy of the file does less harm than the wrong file in a post.
        log.info("An earlier download of %s is forgotten by PostBoost: fetching it anew", shown)
        raise _StaleError
    raise UnconfirmedError(
        f"PostBoost has forgotten the download of {shown}, and {library.seen}. It may be there all the same, or under "
        "another name: look in PostBoost, or run the task again, which fetches it anew."
    )


def _failure(shown: str, response: Mapping[str, Any]) -> PostBoostConfigError:
    """Return the error for a URL that PostBoost can't fetch.

    PostBoost gives the reason as text only, with nothing to tell a missing file from a host that is briefly down. The
    URL's author has to look either way, so no retry is spent on it.
    """
    reason = str(response.get("error") or "no reason given").rstrip(".")[:500]
    return PostBoostConfigError(
        f"PostBoost could not fetch {shown}: {reason}. Check that anyone can open the URL without a login, and that it is "
        "an image, a video or a PDF that PostBoost supports. Then run the task again: PostBoost fetches it again.",
        code="url_not_fetched",
    )
