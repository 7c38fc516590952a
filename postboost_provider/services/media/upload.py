"""Media: what a person names -> an item of PostBoost's library, by the flow that fits it.

A file of up to 10 MB goes in one request, a larger one in chunks (:mod:`uploads`), and a URL is fetched by PostBoost
itself (:mod:`remote`).
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from postboost_provider.api.error_mapping import map_fields
from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostConfigError,
    UnexpectedResponseError,
)
from postboost_provider.api.requests import FilePart
from postboost_provider.idempotency.key import create_thing
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.services.media import chunked_upload as uploads, url_upload as remote
from postboost_provider.services.media.file_content import Source, digest_content, sample_content

if TYPE_CHECKING:
    from collections.abc import Callable

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

# What one multipart request is meant for (PostBoost's media page); larger files go in chunks.
MULTIPART_LIMIT_BYTES = 10 * 1024 * 1024
# At an upload; an update of the item takes the longer one (SDK 1.66.3).
ALT_TEXT_AT_UPLOAD = 255
ALT_TEXT_LIMIT = 500
# What is said about an item; every other field of its upload is its file.
ABOUT = ("alt_text", "folder")
READY_SECONDS = 1800.0
# Python's own table lacks .webp below 3.13 where the machine has no mime.types; the type is part of what is sent.
MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".mkv": "video/x-matroska",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".pdf": "application/pdf",
}


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file to upload: its name, and how to read it from its start."""

    name: str
    open: Callable[[], IO[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Medium:
    """What was named, checked: a file that was read, a URL, or an item that is in the library already.

    :param content: what makes it this one: a hash of a file's, the URL, or the item's uuid.
    :param name: how messages call it: the path, the URL without what may be secret in it, or the uuid.
    :param file: the file, for a file.
    :param size: its bytes, for a file.
    :param is_sampled: the hash is of samples, and no proof that it is the same as a file of another time.
    """

    content: str
    name: str
    file: MediaFile | None = None
    size: int = 0
    is_sampled: bool = False

    @property
    def is_item(self) -> bool:
        return self.file is None and not is_url(self.content)


def is_media_uuid(text: str) -> bool:
    """Tell a media uuid of PostBoost's from a path."""
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text.strip()) is not None


def is_url(text: str) -> bool:
    """Tell a URL that PostBoost fetches itself from a path and from what is on object storage."""
    return re.match(r"https?://", text.strip(), re.IGNORECASE) is not None


def read_medium(name: str, find: Callable[[str], MediaFile], *, quick: bool = False) -> Medium:
    """Check what a person named as far as it can be without PostBoost. A file is read once, from start to end.

    :param name: a path or URI of a file, an http(s) URL, or the uuid of an item of the library.
    :param find: gives the file that a path means.
    :param quick: read a large file in samples alone: then it is the same only under the same salt.
    :raises PostBoostConfigError: it cannot be read, is empty, or is none that PostBoost takes.
    """
    name = name.strip()
    if is_media_uuid(name):
        return Medium(name.lower(), name.lower())
    if is_url(name):
        return Medium(name, _check_url(name))
    return read_file(find(name), quick=quick)


def read_file(file: MediaFile, *, quick: bool = False) -> Medium:
    """Read the file once for its size and a hash of its content.

    :param quick: read a large one in samples alone.

    :raises PostBoostConfigError: it cannot be read, is empty, or is none that PostBoost takes.
    """
    if media_type(file.name) is None:
        raise PostBoostConfigError(
            f"{file.name} is not an image, a video or a PDF that can be uploaded. Use {', '.join(MEDIA_TYPES)}, an "
            "http(s) URL, or the uuid of a media item that is in PostBoost already."
        )
    try:
        with file.open() as stream:
            sampled = sample_content(stream, MULTIPART_LIMIT_BYTES + 1) if quick else None
            content, size = sampled or digest_content(stream)
    except FileNotFoundError:
        raise PostBoostConfigError(f"There is no file {file.name}. Correct the path.") from None
    except OSError as error:
        raise PostBoostConfigError(f"{file.name} cannot be read: {error.strerror or error}.") from error
    if size == 0:
        raise PostBoostConfigError(f"{file.name} is empty.")
    return Medium(content, file.name, file, size, is_sampled=sampled is not None)


def bring(
    api: PostBoostClient,
    medium: Medium,
    *,
    alt_text: str | None = None,
    folder: str | None = None,
    salt: str = "",
    timeout: float = READY_SECONDS,
) -> dict[str, Any]:
    """Have the medium in PostBoost's library, and return its item. It may still be processed there.

    The same file under the same name within 24 hours is one item, whoever asks: the idempotency key says so.

    :param alt_text: at most 500 characters.
    :param folder: uuid of the folder.
    :param salt: who asks, for what may be another file under the same name: a URL, and a file that was read in samples,
        are one item only under the same salt.
    :param timeout: seconds to wait while PostBoost fetches a large file from a URL.
    :raises PostBoostConfigError: there is no such item, or the file changed since it was read.
    :raises UnconfirmedError: answers were lost, and the item is not to be found; a retry looks again.
    :raises PostBoostRequestError: PostBoost refused it.
    """
    check_alt_text(alt_text)
    with map_fields(lambda field: f"{field} of {medium.name}" if field in ABOUT else medium.name):
        return _bring(api, medium, alt_text, folder, salt, timeout)


def _bring(
    api: PostBoostClient, medium: Medium, alt_text: str | None, folder: str | None, salt: str, timeout: float
) -> dict[str, Any]:
    if medium.is_item:
        media = find_item(api, medium.content)
        changes = {"alt_text": alt_text, "folder": folder}
        return _update(api, media, {key: value for key, value in changes.items() if value is not None})
    short = alt_text if alt_text is None or len(alt_text) <= ALT_TEXT_AT_UPLOAD else None
    about = {key: value for key, value in (("alt_text", short), ("folder", folder)) if value}
    # A text that is too long for the upload is given afterwards, and makes another item all the same.
    later = alt_text if alt_text != short else None
    whole = {**about, "alt_text": later} if later else about
    if medium.file is None:
        media = remote.upload(
            api, medium.content, shown=medium.name, key=_key("url", salt, medium.content, whole), about=about,
            later=later, timeout=timeout,
        )  # fmt: skip
    else:
        filename = PurePosixPath(medium.file.name).name
        content = f"{salt}\n{medium.content}" if medium.is_sampled else medium.content
        key = _key("media", content, filename, whole)
        media = _upload_file(api, medium, medium.file, key, about, later)
    log.info("%s is media item %s (%s) in PostBoost", medium.name, media.get("id"), media.get("uuid"))
    return _update(api, media, {"alt_text": later} if later else {})


def wait_until_ready(
    api: PostBoostClient, media: dict[str, Any], timeout: float = READY_SECONDS
) -> dict[str, Any]:
    """Return the item once PostBoost has processed it: a video is converted before it can be posted.

    :raises NotFinishedError: PostBoost is still processing it after ``timeout`` seconds.
    """

    def finding(item: dict[str, Any]) -> Finding:
        if item.get("is_processing"):
            log.info("PostBoost is processing %s.", item.get("name"))
        return Finding(not item.get("is_processing"), item)

    uuid = str(media["uuid"])
    message = (
        f"PostBoost is still processing {media.get('name')} ({uuid}) after {timeout:.0f} s. Retry the task to keep waiting "
        "for it. If this is usual for such files, raise the timeout."
    )
    return dict(wait_briefly(lambda: finding(find_item(api, uuid)), timeout, message, known=finding(media)))


def find_item(api: PostBoostClient, uuid: str) -> dict[str, Any]:
    """Return a media item that is in PostBoost already.

    :raises PostBoostConfigError: there is no such item in this workspace.
    """
    try:
        media = api.call("get_media", parameters={"media_uuid": uuid})
    except NotFoundError:
        raise PostBoostConfigError(
            f"There is no media item {uuid} in this workspace. Correct the uuid, or upload the file."
        ) from None
    media_id(media)
    return dict(media)


def media_id(media: dict[str, Any]) -> int:
    """Return the id to attach by. PostBoost answers it as text and takes it as a number (SDK 1.66.3)."""
    try:
        return int(media["id"])
    except (KeyError, TypeError, ValueError):
        raise UnexpectedResponseError(
            "PostBoost's response is not a media item: it has no id.", code="no_id"
        ) from None


def media_type(name: str) -> str | None:
    """Return the MIME type of a file of that name, or None for one that PostBoost does not take."""
    return MEDIA_TYPES.get(PurePosixPath(name).suffix.lower())


def check_alt_text(text: str | None) -> None:
    """Refuse a text that PostBoost would refuse after the upload.

    :raises PostBoostConfigError: it has more than 500 characters.
    """
    if text is not None and len(text) > ALT_TEXT_LIMIT:
        raise PostBoostConfigError(
            f"An alt text has {len(text)} characters; PostBoost takes {ALT_TEXT_LIMIT}: shorten {text[:40]!r}..."
        )


def _upload_file(
    api: PostBoostClient, medium: Medium, file: MediaFile, key: str, about: dict[str, str], later: str | None
) -> dict[str, Any]:
    filename = PurePosixPath(file.name).name
    kind = media_type(file.name) or "application/octet-stream"
    if medium.size > MULTIPART_LIMIT_BYTES:
        source = Source(filename, kind, medium.size, file.open)
        return uploads.upload(api, source, key=key, about=about, later=later)

    def read_back(media: dict[str, Any]) -> None:
        api.call("get_media", parameters={"media_uuid": media["uuid"]})

    files = {"file": FilePart(filename, kind, file.open)}
    return create_thing(api, "upload_media", key, read_back, body=about or None, files=files)


def _update(api: PostBoostClient, media: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    if not changes:
        return media
    api.call("update_media", parameters={"media_uuid": media["uuid"]}, body=changes)
    return find_item(api, str(media["uuid"]))


def _key(kind: str, *parts: str | dict[str, str]) -> str:
    """Return the key of a content with all that goes with it: PostBoost refuses a key with another body."""
    texts = [kind]
    for part in parts:
        texts += [part] if isinstance(part, str) else [f"{k}={v}" for k, v in sorted(part.items())]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _check_url(url: str) -> str:
    """Return the URL as messages may show it: what a signed one is signed with stays out of logs.

    :raises PostBoostConfigError: it is no URL.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or re.search(r"[\s\\]", url):
        shown = re.sub(r"[?#].*", "?...", url.rpartition("@")[2], flags=re.DOTALL)
        raise PostBoostConfigError(f"{shown!r} is no URL that a file can be fetched from. Correct it.")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
