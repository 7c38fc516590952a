"""The upload flows: a file of a person's -> a media id of PostBoost's."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from postboost_provider.api.contract import FilePart
from postboost_provider.api.errors import NotFoundError, PostBoostConfigError, ServerError
from postboost_provider.api.keyed import make_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from postboost_provider.api.client import PostBoostClient

# What one multipart request is meant for (PostBoost's media page); larger files need other flows.
MULTIPART_LIMIT_BYTES = 10 * 1024 * 1024
READ_BYTES = 1024 * 1024
# Python's own table lacks .webp below 3.13 where the machine has no mime.types; the type is part of what is sent.
IMAGE_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file to upload: its name, and how to read it from its start."""

    name: str
    open: Callable[[], IO[bytes]] = field(repr=False)


def is_media_uuid(text: str) -> bool:
    """Tell a media uuid of PostBoost's from a path."""
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text.strip()) is not None


def check_image(file: MediaFile) -> str:
    """Read the file once and return the SHA-256 of its content.

    :raises PostBoostConfigError: it cannot be read, is no image, is empty or too large for one request.
    """
    if _image_type(file.name) is None:
        raise PostBoostConfigError(
            f"{file.name} is not an image that can be uploaded here. Use .jpg, .png, .gif or .webp, or the uuid of a "
            "media item that is in PostBoost already."
        )
    digest, size = hashlib.sha256(), 0
    try:
        with file.open() as stream:
            while part := stream.read(READ_BYTES):
                digest.update(part)
                size += len(part)
    except FileNotFoundError:
        raise PostBoostConfigError(f"There is no file {file.name}. Correct the path.") from None
    except OSError as error:
        raise PostBoostConfigError(f"{file.name} cannot be read: {error.strerror or error}.") from error
    if size == 0:
        raise PostBoostConfigError(f"{file.name} is empty.")
    if size > MULTIPART_LIMIT_BYTES:
        raise PostBoostConfigError(
            f"{file.name} has {size / 1024 / 1024:.1f} MiB; images up to {MULTIPART_LIMIT_BYTES // 1024 // 1024} MiB "
            "are taken. Make it smaller, or upload it in PostBoost and write its uuid."
        )
    return digest.hexdigest()


def upload_image(api: PostBoostClient, file: MediaFile, content_hash: str) -> int:
    """Upload an image in one request and return its media id.

    The same content under the same name within 24 hours is one media item, whoever asks: the key says so.
    """
    filename = PurePosixPath(file.name).name
    key = hashlib.sha256(f"media\n{content_hash}\n{filename}".encode()).hexdigest()
    part = FilePart(filename, _image_type(file.name) or "application/octet-stream", file.open)

    def look(media: dict[str, Any]) -> None:
        api.call("get_media", parameters={"media_uuid": media["uuid"]})

    return media_id(make_once(api, "upload_media", key, look, files={"file": part}))


def find_media(api: PostBoostClient, uuid: str) -> int:
    """Return the media id of a media item that is in PostBoost already.

    :raises PostBoostConfigError: there is no such item in this workspace.
    """
    try:
        return media_id(api.call("get_media", parameters={"media_uuid": uuid}))
    except NotFoundError:
        raise PostBoostConfigError(
            f"There is no media item {uuid} in this workspace. Correct the uuid, or upload the file."
        ) from None


def media_id(media: dict[str, Any]) -> int:
    """Return the id to attach by. PostBoost answers it as text and takes it as a number (SDK 1.66.3)."""
    try:
        return int(media["id"])
    except (KeyError, TypeError, ValueError):
        raise ServerError("PostBoost's answer is no media item: it has no id.", status=200) from None


def _image_type(name: str) -> str | None:
    return IMAGE_TYPES.get(PurePosixPath(name).suffix.lower())
