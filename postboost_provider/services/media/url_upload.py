"""Have PostBoost fetch a file from a URL.

A small file is fetched before PostBoost responds, a larger one in the background. A failure has HTTP status 200 like a
success, and is stored under the idempotency key like one. The final response to a poll is sent only once (SDK 1.66.3):
if it is lost, the library is searched.
"""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    UnconfirmedError,
    UnexpectedResponseError,
)
from postboost_provider.idempotency.key import NextRevision
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.services.media.key_in_use import send_upload
from postboost_provider.services.media.library import Library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.responses import Response

log = logging.getLogger(__name__)

# How many polls may fail in a row.
MAX_FAILURES = 6
UNFINISHED = ("pending", "downloading", "processing")


def upload_from_url(
    api: PostBoostClient,
    url: str,
    *,
    shown: str,
    key: str,
    attributes: Mapping[str, str],
    later_alt_text: str | None = None,
    timeout: float,
) -> dict[str, Any]:
    """Have PostBoost fetch the URL, wait for it, and return its item of the library.

    :param shown: the URL in messages.
    :param attributes: ``alt_text`` and ``folder`` of the item, if it has them.
    :param later_alt_text: the alt text that an earlier attempt may have given the item afterwards.
    :param timeout: seconds to wait for a file that PostBoost fetches in the background.
    :raises PostBoostConfigError: PostBoost can't fetch it; ``code`` is ``url_not_fetched``.
    :raises NotFinishedError: PostBoost did not fetch it within that time; ``code`` is ``timeout``.
    :raises UnconfirmedError: the final response was lost, and the item was not found.
    """
    name = unquote(PurePosixPath(urlsplit(url).path).name)
    library = Library(api, name, attributes, later_alt_text=later_alt_text)
    library.remember()

    def read(response: Response) -> dict[str, Any]:
        return _read_item(api, response, library, shown, timeout)

    return send_upload(api, "initiate_remote_upload", key, read=read, body={"url": url, **attributes})


def _read_item(
    api: PostBoostClient, response: Response, library: Library, shown: str, timeout: float
) -> dict[str, Any]:
    """Return the item of a download, having waited for it."""
    download = response.payload if isinstance(response.payload, dict) else {}
    status = download.get("status")
    if status == "failed" and response.replayed:
        raise NextRevision
    if status == "pending" and download.get("download_id"):
        log.info("PostBoost fetches %s", shown)
        number = str(download["download_id"])
        download = _poll(api, number, library, shown, timeout, is_replay=response.replayed)
        status = download.get("status")
    if status == "failed":
        raise _failure(shown, download)
    if status != "completed":
        message = f"initiate_remote_upload: the status {status!r} is not known."
        raise UnexpectedResponseError(message, code="unknown_status")
    media = download.get("media")
    if not isinstance(media, dict) or not media.get("uuid"):
        message = f"PostBoost fetched {shown}, but its media item was deleted immediately. Retry the task."
        raise UnexpectedResponseError(message, code="no_id")
    log.info("PostBoost fetched %s: media item %s", shown, clean_text(media["uuid"]))
    try:
        # An item that was fetched at once comes without its size.
        return dict(api.call("get_media", parameters={"media_uuid": media["uuid"]}))
    except PermissionDeniedError:
        return dict(media)
    except NotFoundError:
        if response.replayed:
            raise NextRevision from None
        raise


def _poll(
    api: PostBoostClient, download_id: str, library: Library, shown: str, timeout: float, *, is_replay: bool
) -> dict[str, Any]:
    """Poll until the final response and return it, or what the library shows in its place if it was lost."""
    lost = False

    def ask() -> Finding:
        nonlocal lost
        try:
            response = api.call("get_remote_upload_status", parameters={"download_id": download_id})
        except NotFoundError:
            return Finding(True, _find_forgotten(library, shown, lost=lost, is_replay=is_replay))
        except PostBoostError:
            # The response that was lost may have been the final one: then the next poll is a 404.
            lost = True
            raise
        response = response if isinstance(response, dict) else {}
        return Finding(response.get("status") not in UNFINISHED, response)

    message = (
        f"PostBoost has not fetched {shown} within {timeout:.0f} s. Retry the task to keep waiting for the same download. If "
        "the file is large, raise the timeout."
    )
    return dict(wait_briefly(ask, timeout, message, most_failures=MAX_FAILURES))


def _find_forgotten(library: Library, shown: str, *, lost: bool, is_replay: bool) -> dict[str, Any]:
    """Return what the final response would have been, now that PostBoost has forgotten the download."""
    if found := library.find_new():
        log.info("The response about %s was lost; it is media item %s", shown, clean_text(found["uuid"]))
        return {"status": "completed", "media": found}
    if is_replay and not lost:
        # An earlier attempt got the final response: a failure, or an item that its name does not identify.
        # A second copy of the file does less harm than the wrong file in a post.
        log.info("PostBoost has forgotten an earlier download of %s and fetches it again", shown)
        raise NextRevision
    raise UnconfirmedError(
        f"PostBoost has forgotten the download of {shown}, and {library.description}. The item may exist under another "
        "name. Check PostBoost, or retry the task: it fetches the file again.",
        code="download_forgotten",
    )


def _failure(shown: str, response: Mapping[str, Any]) -> PostBoostConfigError:
    """Return the error for a URL that PostBoost can't fetch.

    PostBoost gives the reason as text only: nothing tells a missing file from a host that is briefly down. Somebody has
    to check the URL either way, so no retry is spent on it.
    """
    reason = clean_text(response.get("error") or "no reason given").rstrip(".")[:500]
    return PostBoostConfigError(
        f"PostBoost could not fetch {shown}: {reason}. Check that anyone can open the URL without a login, and that it is "
        "an image, a video or a PDF that PostBoost supports. Then run the task again.",
        code="url_not_fetched",
    )
