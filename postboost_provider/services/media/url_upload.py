"""Have PostBoost fetch a file from a URL.

A small file is there when the answer comes; a larger one is fetched in the background. A failure at the start is HTTP
200 like a success, and is what the idempotency key is answered with from then on. The final answer to a poll is given
once (SDK 1.66.3): one that gets lost is looked up in the library.
"""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    UnconfirmedError,
    UnexpectedResponseError,
)
from postboost_provider.idempotency.key import NextRevision, numbered, send_past_stored_responses
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.services.media.library import Library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.responses import Response

log = logging.getLogger(__name__)

# How many polls may fail in a row.
MOST_FAILURES = 6
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
    :raises PostBoostConfigError: PostBoost can't fetch it; ``code`` is ``url_not_fetched``.
    :raises NotFinishedError: PostBoost did not fetch it within that time; ``code`` is ``still_fetching``.
    :raises UnconfirmedError: the final answer was lost, and the item is not to be found.
    """
    library = Library(api, unquote(PurePosixPath(urlsplit(url).path).name), about, later=later)
    return send_past_stored_responses(
        api,
        "initiate_remote_upload",
        numbered(key),
        read=lambda reply: _settle(api, reply, library, shown, timeout),
        body={"url": url, **about},
    )


def _settle(
    api: PostBoostClient, reply: Response, library: Library, shown: str, timeout: float
) -> dict[str, Any]:
    answer = reply.payload if isinstance(reply.payload, dict) else {}
    status = answer.get("status")
    if status == "failed" and reply.replayed:
        raise NextRevision
    if status == "pending" and answer.get("download_id"):
        log.info("PostBoost fetches %s", shown)
        answer = _poll(api, str(answer["download_id"]), library, shown, timeout, again=reply.replayed)
        status = answer.get("status")
    if status == "failed":
        raise _failure(shown, answer)
    if status != "completed":
        raise UnexpectedResponseError(
            f"initiate_remote_upload: the status {status!r} is not known.", code="unknown_status"
        )
    media = answer.get("media")
    if not isinstance(media, dict) or not media.get("uuid"):
        raise UnexpectedResponseError(
            f"PostBoost fetched {shown}, but its response names no media item: it was deleted at once. Retry the task.",
            code="no_id",
        )
    log.info("PostBoost fetched %s: media item %s", shown, media["uuid"])
    try:
        # An item that is there at once is answered without its size.
        return dict(api.call("get_media", parameters={"media_uuid": media["uuid"]}))
    except PermissionDeniedError:
        return dict(media)
    except NotFoundError:
        if reply.replayed:
            raise NextRevision from None
        raise


def _poll(
    api: PostBoostClient, download_id: str, library: Library, shown: str, timeout: float, *, again: bool
) -> dict[str, Any]:
    """Poll until the final response and return it, or what the library shows in its place if it was lost."""
    lost = False

    def ask() -> Finding:
        nonlocal lost
        try:
            response = api.call("get_remote_upload_status", parameters={"download_id": download_id})
        except NotFoundError:
            return Finding(True, _look_up(library, shown, lost=lost, again=again))
        except PostBoostError:
            # The response that was lost may have been the final one: then the next poll is a 404.
            lost = True
            raise
        response = response if isinstance(response, dict) else {}
        return Finding(response.get("status") not in ON_THE_WAY, response)

    message = (
        f"PostBoost has not fetched {shown} within {timeout:.0f} s. Retry the task to keep waiting for the same download. If "
        "the file is large, raise the timeout."
    )
    return dict(wait_briefly(ask, timeout, message, most_failures=MOST_FAILURES))


def _look_up(library: Library, shown: str, *, lost: bool, again: bool) -> dict[str, Any]:
    """Return what the final answer would have been, now that PostBoost has forgotten the download."""
    if found := library.new():
        log.info("The answer about %s was lost; the library has it: %s", shown, found["uuid"])
        return {"status": "completed", "media": found}
    if again and not lost:
        # An earlier try had the final answer: a failure, or an item whose name alone would not prove what it is.
        # Another copy of the file does less harm than the wrong file in a post.
        log.info("An earlier download of %s is forgotten by PostBoost: fetching it anew", shown)
        raise NextRevision
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
