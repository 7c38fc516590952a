"""The media library: accepted files, adding and removing items, and how the API shows an item."""

from __future__ import annotations

import mimetypes
import struct
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.core.file_content import reencoded
from postboost_provider.sandbox.core.media_models import Folder, Media
from postboost_provider.sandbox.core.store import Store, new_uuid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.file_content import Content
    from postboost_provider.sandbox.core.models import Workspace
    from postboost_provider.sandbox.core.settings import Settings

PDF = "application/pdf"
ALT_TEXT = 255  # maximum characters at upload; an update allows 500 (SDK 1.66.3)
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"%PDF", PDF),
    (8, b"WEBP", "image/webp"),
)


def type_of(start: bytes, *declared: str | None) -> str:
    """Return the MIME type by the file's first bytes, else the first declared type."""
    for offset, signature, mime_type in _SIGNATURES:
        if start.startswith(signature, offset):
            return mime_type
    return next((each for each in declared if each), "application/octet-stream")


def type_by_name(filename: str) -> str | None:
    return mimetypes.guess_type(filename)[0]


def kind_of(mime_type: str) -> str:
    """Return image, video or gif. A PDF is an image: the enum has only these three (SDK 1.66.3)."""
    if mime_type == "image/gif":
        return "gif"
    return "video" if mime_type.startswith("video/") else "image"


def max_bytes(settings: Settings, mime_type: str) -> int:
    """Return the maximum size of a file of that type."""
    if mime_type == PDF:
        return settings.pdf_bytes
    sizes = {"gif": settings.gif_bytes, "video": settings.video_bytes, "image": settings.image_bytes}
    return sizes[kind_of(mime_type)]


def media_error(settings: Settings, mime_type: str, size: int, field: str) -> str | None:
    """Return why such a file is rejected, in Laravel's wording; None if it is accepted."""
    if mime_type != PDF and not mime_type.startswith(("image/", "video/")):
        return f"The {field} field must be an image, a video or a PDF."
    limit = max_bytes(settings, mime_type)
    return f"The {field} field must not be greater than {limit} bytes." if size > limit else None


def add_media(
    store: Store,
    workspace: Workspace,
    content: Content,
    *,
    name: str,
    mime_type: str,
    alt_text: str | None,
    folder: Folder | None,
) -> Media:
    if store.settings.image_processing == "reencode" and mime_type.startswith("image/"):
        content = reencoded(content)
    width, height = _dimensions(mime_type, content.start)
    media = Media(
        id=store.next_id("media"),
        uuid=new_uuid(),
        name=name,
        mime_type=mime_type,
        content=content,
        width=width,
        height=height,
        alt_text=alt_text,
        folder=folder,
        created_at=store.clock.now(),
    )
    workspace.media[media.uuid] = media
    return media


def remove_media(workspace: Workspace, items: Iterable[Media]) -> None:
    """Delete the items, and remove them from every post, even scheduled ones (SDK 1.66.3)."""
    ids = set()
    for media in items:
        del workspace.media[media.uuid]
        ids.add(media.id)
    for post in workspace.posts.values():
        parts = [part for version in post.versions for part in version["content"]]
        for part in parts:
            part["media"] = [each for each in part["media"] if each not in ids]
        post.index_content()


def find_media(store: Store, uuid: str) -> Media | None:
    """Return a file of any workspace: files are public to anyone with the URL."""
    return next((space.media[uuid] for space in store.workspaces.values() if uuid in space.media), None)


def render_media(call: Call, media: Media) -> dict[str, Any]:
    url = f"{call.origin}/storage/{media.uuid}/{quote(media.name)}"
    return {
        "id": str(media.id),  # digits in a string, while posts take the integer (SDK 1.66.3)
        "uuid": media.uuid,
        "name": media.name,
        "mime_type": media.mime_type,
        "type": kind_of(media.mime_type),
        "url": url,
        "thumb_url": None if media.is_video else url,
        "is_video": media.is_video,
        "is_processing": _is_processing(call.store.settings, media, call.now),
        "width": media.width,
        "height": media.height,
        "duration_ms": None,
        "size": media.content.size,
        "alt_text": media.alt_text,
        "folder": {"uuid": media.folder.uuid, "name": media.folder.name} if media.folder else None,
        "created_at": stamp(media.created_at),
    }


def summarize_media(workspace: Workspace, media: Media) -> dict[str, Any]:
    """Return an item's part of the sandbox's state, for tests to compare with what they sent."""
    return {
        "uuid": media.uuid,
        "workspace_uuid": workspace.uuid,
        "name": media.name,
        "mime_type": media.mime_type,
        "type": kind_of(media.mime_type),
        "size": media.content.size,
        "sha256": media.content.sha256,
        "folder_uuid": media.folder.uuid if media.folder else None,
    }


def unschedulable_media(call: Call) -> set[int]:
    """Return the media that cannot be scheduled yet: videos in processing, if the setting refuses them."""
    settings = call.store.settings
    if settings.processing_media == "accept":
        return set()
    return {media.id for media in call.workspace.media.values() if _is_processing(settings, media, call.now)}


def _is_processing(settings: Settings, media: Media, now: datetime) -> bool:
    processed_at = media.created_at + timedelta(seconds=settings.video_processing_seconds)
    return media.is_video and now < processed_at


def _dimensions(mime_type: str, start: bytes) -> tuple[int | None, int | None]:
    """Return width and height, from the header of a PNG or GIF."""
    if mime_type == "image/png" and len(start) >= 24:
        width, height = struct.unpack(">II", start[16:24])
        return width, height
    if mime_type == "image/gif" and len(start) >= 10:
        width, height = struct.unpack("<HH", start[6:10])
        return width, height
    return None, None
