"""A file, a URL or a uuid -> an item of PostBoost's media library. PostBoost itself fetches a URL."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import NotFoundError, PostBoostConfigError
from postboost_provider.api.field_errors import map_fields
from postboost_provider.api.times import utc_now
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.services.media.chunked_upload import upload_in_chunks
from postboost_provider.services.media.file_content import Source, digest_content, sample_content
from postboost_provider.services.media.library import media_id
from postboost_provider.services.media.multipart_upload import upload_in_one_request
from postboost_provider.services.media.url_upload import upload_from_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

# The limit of one multipart request (PostBoost's media page); larger files are sent in chunks.
MULTIPART_LIMIT_BYTES = 10 * 1024 * 1024
# At an upload; an update of the item takes a longer one (SDK 1.66.3).
ALT_TEXT_AT_UPLOAD = 255
ALT_TEXT_LIMIT = 500
# The fields of an upload that are not its file.
ATTRIBUTES = ("alt_text", "folder")
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
    """Something to attach to a post: a file that was read, a URL, or an item of the library.

    :param content: identifies it: the hash of a file's content, the URL, or the item's uuid.
    :param name: its name in messages: the path, the URL without its query and credentials, or the uuid.
    :param file: the file, if it is one.
    :param size: the bytes of the file.
    :param is_sampled: the hash is of samples: it does not prove that the file is the same as another one.
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
    """Return whether this is a uuid of a media item, and not a path."""
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text.strip()) is not None


def is_url(text: str) -> bool:
    """Return whether this is a URL that PostBoost fetches, and not a path or a URI of object storage."""
    return re.match(r"https?://", text.strip(), re.IGNORECASE) is not None


def read_medium(name: str, find: Callable[[str], MediaFile], *, quick: bool = False) -> Medium:
    """Check what an author named, as far as that is possible without PostBoost. A file is read once.

    :param name: a path or URI of a file, an http(s) URL, or the uuid of an item of the library.
    :param find: returns the file that a path means.
    :param quick: read only samples of a large file: then it is the same only with the same salt.
    :raises PostBoostConfigError: it can't be read, is empty, or is of a type that PostBoost does not support.
    """
    name = name.strip()
    if is_media_uuid(name):
        return Medium(name.lower(), name.lower())
    if is_url(name):
        return Medium(name, _check_url(name))
    return read_file(find(name), quick=quick)


def read_file(file: MediaFile, *, quick: bool = False) -> Medium:
    """Read the file once for its size and a hash of its content: :func:`read_medium` of a file."""
    if media_type(file.name) is None:
        raise _wrong(
            f"{file.name} is not an image, a video or a PDF that PostBoost supports. Use {', '.join(MEDIA_TYPES)}, an http(s) "
            "URL, or the uuid of a media item.",
            "unsupported_type",
        )
    if re.search("[\ud800-\udfff]", file.name):
        raise _wrong(
            f"The name {file.name!r} contains half of a surrogate pair, which is not a character. Rename the file.",
            "bad_name",
        )
    try:
        with file.open() as stream:
            sampled = sample_content(stream, MULTIPART_LIMIT_BYTES + 1) if quick else None
            content, size = sampled or digest_content(stream)
    except FileNotFoundError:
        raise _wrong(f"The file {file.name} does not exist. Correct the path.", "no_file") from None
    except OSError as error:
        raise _wrong(f"{file.name} can't be read: {error.strerror or error}.", "unreadable_file") from error
    if size == 0:
        raise _wrong(f"{file.name} is empty.", "empty_file")
    return Medium(content, clean_text(file.name), file, size, is_sampled=sampled is not None)


def upload_media(
    api: PostBoostClient,
    medium: Medium,
    *,
    alt_text: str | None = None,
    folder: str | None = None,
    salt: str = "",
    timeout: float = READY_SECONDS,
    clock: Callable[[], datetime] = utc_now,
    upload_again: bool = False,
) -> dict[str, Any]:
    """Upload the medium unless PostBoost's library has it already, and return its item, which may still be processing.

    The same file under the same name within 24 hours is one item, whichever task uploads it: the idempotency key is made
    of its content.

    :param alt_text: at most 500 characters.
    :param folder: uuid of the folder.
    :param salt: a URL, and a file of which only samples were read, are the same item only with the same salt: another
        file may have the same name.
    :param timeout: seconds to wait while PostBoost fetches a large file from a URL.
    :param clock: returns the current time.
    :param upload_again: upload a file again where an earlier attempt may have, and nothing tells.
    :raises PostBoostConfigError: the item does not exist, or the file changed since it was read.
    :raises UnconfirmedError: responses were lost, and the item was not found; a retry searches again.
    :raises PostBoostRequestError: PostBoost refused it.
    """
    check_alt_text(alt_text)
    with map_fields(lambda field: f"{field} of {medium.name}" if field in ATTRIBUTES else medium.name):
        if medium.is_item:
            changes = {"alt_text": alt_text, "folder": folder}
            changes = {key: value for key, value in changes.items() if value is not None}
            return _update(api, find_item(api, medium.content), changes)
        # A text that is too long for the upload is set afterwards, and is part of the key all the same.
        later = alt_text if alt_text and len(alt_text) > ALT_TEXT_AT_UPLOAD else None
        attributes = {"alt_text": "" if later else alt_text, "folder": folder}
        short = {key: value for key, value in attributes.items() if value}
        media = _upload(api, medium, short, later, salt, timeout, clock, upload_again)
        log.info(
            "%s is media item %s (%s) in PostBoost",
            medium.name,
            media_id(media),
            clean_text(media.get("uuid")),
        )
        return _update(api, media, {"alt_text": later} if later else {})


def _upload(
    api: PostBoostClient,
    medium: Medium,
    attributes: dict[str, str],
    later: str | None,
    salt: str,
    timeout: float,
    clock: Callable[[], datetime],
    upload_again: bool,
) -> dict[str, Any]:
    """Upload a file or a URL.

    :param later: the alt text that the item is given afterwards.
    """
    all_attributes = {**attributes, "alt_text": later} if later else attributes
    if medium.file is None:
        key = _key("url", salt, medium.content, all_attributes)
        return upload_from_url(
            api,
            medium.content,
            shown=medium.name,
            key=key,
            attributes=attributes,
            later_alt_text=later,
            timeout=timeout,
        )
    filename = PurePosixPath(medium.file.name).name
    kind = media_type(filename) or "application/octet-stream"
    content = f"{salt}\n{medium.content}" if medium.is_sampled else medium.content
    key = _key("media", content, filename, all_attributes)
    source = Source(filename, kind, medium.size, medium.file.open)
    upload = upload_in_chunks if medium.size > MULTIPART_LIMIT_BYTES else upload_in_one_request
    return upload(
        api,
        source,
        key=key,
        attributes=attributes,
        clock=clock,
        later_alt_text=later,
        upload_again=upload_again,
    )


def wait_until_ready(
    api: PostBoostClient, media: dict[str, Any], timeout: float = READY_SECONDS
) -> dict[str, Any]:
    """Return the item once PostBoost has processed it: a video is converted before it can be posted.

    :raises NotFinishedError: PostBoost is still processing it after ``timeout`` seconds; ``code`` is ``timeout``.
    """

    def finding(item: dict[str, Any]) -> Finding:
        if item.get("is_processing"):
            log.info("PostBoost is processing %s.", clean_text(item.get("name")))
        return Finding(not item.get("is_processing"), item)

    uuid = str(media["uuid"])
    message = (
        f"PostBoost is still processing {media.get('name')} ({uuid}) after {timeout:.0f} s. Retry the task to keep waiting "
        "for it. If this is usual for such files, raise the timeout."
    )
    return dict(wait_briefly(lambda: finding(find_item(api, uuid)), timeout, message, known=finding(media)))


def find_item(api: PostBoostClient, uuid: str) -> dict[str, Any]:
    """Return an item of the media library."""
    try:
        media = api.call("get_media", parameters={"media_uuid": uuid})
    except NotFoundError:
        message = f"This workspace has no media item {uuid}. Correct the uuid, or upload the file."
        raise _wrong(message, "unknown_item") from None
    media_id(media)
    return dict(media)


def media_type(name: str) -> str | None:
    """Return the MIME type of a file of that name, or None for a type that PostBoost does not support."""
    return MEDIA_TYPES.get(PurePosixPath(name).suffix.lower())


def check_alt_text(text: str | None) -> None:
    """Check the length of an alt text, which PostBoost would refuse only after the upload."""
    if text is not None and len(text) > ALT_TEXT_LIMIT:
        raise PostBoostConfigError(
            f"An alt text has {len(text)} characters; PostBoost accepts at most {ALT_TEXT_LIMIT}. Shorten {text[:40]!r}...",
            code="too_long",
            field="alt_text",
        )


def _update(api: PostBoostClient, media: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    if not changes:
        return media
    api.call("update_media", parameters={"media_uuid": media["uuid"]}, body=changes)
    return find_item(api, str(media["uuid"]))


def _wrong(message: str, code: str) -> PostBoostConfigError:
    return PostBoostConfigError(message, code=code, field="media")


def _key(kind: str, *parts: str | dict[str, str]) -> str:
    """Return the idempotency key of a content and its attributes: PostBoost refuses a key with another body."""
    texts = [kind]
    for part in parts:
        texts += [part] if isinstance(part, str) else [f"{k}={v}" for k, v in sorted(part.items())]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _check_url(url: str) -> str:
    """Return the URL as messages may show it: without its query, which may sign it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or re.search(r"[\s\\]", url):
        shown = re.sub(r"[?#].*", "?...", url.rpartition("@")[2], flags=re.DOTALL)
        raise _wrong(f"{shown!r} is not a URL of a file. Correct it.", "not_a_url")
    return clean_text(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")
