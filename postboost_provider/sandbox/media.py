"""The media library: upload, list, read, update and delete; the files themselves are served without a token."""

from __future__ import annotations

import mimetypes
import struct
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from postboost_provider.sandbox.calls import Call, answers
from postboost_provider.sandbox.clock import stamp
from postboost_provider.sandbox.models import Media
from postboost_provider.sandbox.replies import SUCCESS, Reply, not_found, page_of, page_size
from postboost_provider.sandbox.store import Store, new_uuid
from postboost_provider.sandbox.validation import Fields, is_integer

_LARGEST = 100 * 1024 * 1024
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF", "application/pdf"),
)


def _type_of(filename: str, declared: str, content: bytes) -> str:
    """Return the MIME type: what the file is, else what its name says, else what was declared."""
    for signature, mime_type in _SIGNATURES:
        if content.startswith(signature):
            return mime_type
    return mimetypes.guess_type(filename)[0] or declared


def _size_of(mime_type: str, content: bytes) -> tuple[int | None, int | None]:
    """Return width and height, from the header of a PNG or GIF."""
    if mime_type == "image/png" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    if mime_type == "image/gif" and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return width, height
    return None, None


def _kind(media: Media) -> str:
    """Return image, video or gif; a PDF is an image, for want of another word in the SDK's enum (1.66.3)."""
    if media.mime_type == "image/gif":
        return "gif"
    return "video" if media.is_video else "image"


def _render(call: Call, media: Media) -> dict[str, Any]:
    url = f"{call.origin}/storage/{media.uuid}/{quote(media.name)}"
    converted_at = media.created_at + timedelta(seconds=call.store.settings.video_processing_seconds)
    return {
        "id": str(media.id),  # digits in a string, while posts take the integer (SDK 1.66.3)
        "uuid": media.uuid,
        "name": media.name,
        "mime_type": media.mime_type,
        "type": _kind(media),
        "url": url,
        "thumb_url": url if _kind(media) != "video" else None,
        "is_video": media.is_video,
        "is_processing": media.is_video and call.now < converted_at,
        "width": media.width,
        "height": media.height,
        "duration_ms": None,
        "size": len(media.content),
        "alt_text": media.alt_text,
        "folder": None,
        "created_at": stamp(media.created_at),
    }


def find_media(store: Store, uuid: str) -> Media | None:
    """Return a file of any workspace, for whoever knows its address."""
    return next((space.media[uuid] for space in store.workspaces.values() if uuid in space.media), None)


def _media_of(call: Call) -> Media:
    media = call.workspace.media.get(call.path["media_uuid"])
    if media is None:
        raise not_found()
    return media


def _refuse_folder(fields: Fields) -> None:
    """Refuse any folder: the sandbox has none."""
    if fields.text("folder") is not None:
        fields.refuse("folder", "The selected folder is invalid.")


@answers("upload_media")
def upload_media(call: Call) -> Reply:
    fields = Fields(call.fields)
    upload = call.uploads.get("file")
    mime_type = ""
    if upload is None:
        fields.refuse("file", "The file field is required.")
    else:
        mime_type = _type_of(upload.filename, upload.content_type, upload.content)
        if mime_type != "application/pdf" and not mime_type.startswith(("image/", "video/")):
            fields.refuse("file", "The file field must be an image, a video or a PDF.")
        if len(upload.content) > _LARGEST:
            fields.refuse("file", "The file field must not be greater than 100 megabytes.")
    alt_text = fields.text("alt_text", longest=255)
    _refuse_folder(fields)
    fields.finish()
    if upload is None:
        raise not_found()
    width, height = _size_of(mime_type, upload.content)
    media = Media(
        id=call.store.next_id("media"),
        uuid=new_uuid(),
        name=upload.filename,
        mime_type=mime_type,
        content=upload.content,
        width=width,
        height=height,
        alt_text=alt_text,
        created_at=call.now,
    )
    call.workspace.media[media.uuid] = media
    return Reply.of(_render(call, media), 201)


@answers("list_media")
def list_media(call: Call) -> Reply:
    """List newest first. A keyword looks at the whole library, whatever the folder or favorite (SDK 1.66.3)."""
    found = list(call.workspace.media.values())
    if mime_types := call.parameters("mime_types[]"):
        found = [media for media in found if media.mime_type in mime_types]
    if kind := call.parameter("type"):
        found = [media for media in found if _kind(media) == kind]
    if keyword := call.parameter("keyword"):
        found = [media for media in found if keyword.lower() in media.name.lower()]
    elif call.parameter("folder") not in (None, "root") or call.parameter("favorite") in ("true", "1"):
        found = []
    return page_of(
        sorted(found, key=lambda media: (media.created_at, media.id), reverse=True),
        url=call.origin + call.url,
        query=call.query,
        per_page=page_size(call.parameter("limit"), default=50),
        render=lambda media: _render(call, media),
    )


@answers("get_media")
def get_media(call: Call) -> Reply:
    return Reply.of(_render(call, _media_of(call)))


@answers("update_media")
def update_media(call: Call) -> Reply:
    """Write only the keys that are in the body (SDK 1.66.3)."""
    media = _media_of(call)
    fields = Fields(call.fields)
    name = fields.text("name", longest=255)
    alt_text = fields.text("alt_text", longest=500)
    _refuse_folder(fields)
    fields.finish()
    if name is not None:
        media.name = name
    if "alt_text" in call.fields:
        media.alt_text = alt_text
    return SUCCESS


@answers("delete_media_bulk")
def delete_media_bulk(call: Call) -> Reply:
    """Delete by ids and UUIDs, mixed. The media leaves every post, scheduled ones too (SDK 1.66.3)."""
    fields = Fields(call.fields)
    items = fields.items("items", required=True, most=500)
    for index, item in enumerate(items):
        if not is_integer(item) and not isinstance(item, str):
            fields.refuse(f"items.{index}", f"The items.{index} field must be an id or a UUID.")
    fields.finish()
    wanted = {str(item) for item in items}
    gone = [media for media in call.workspace.media.values() if wanted & {str(media.id), media.uuid}]
    for media in gone:
        del call.workspace.media[media.uuid]
    ids = {media.id for media in gone}
    for post in call.workspace.posts.values():
        for version in post.versions:
            for item in version["content"]:
                item["media"] = [each for each in item["media"] if each not in ids]
    return SUCCESS
