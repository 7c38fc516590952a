"""Media: upload in one request, as a file or as base64; list, read, update and delete."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, Upload, answers
from postboost_provider.sandbox.core.content import content_of
from postboost_provider.sandbox.core.replies import SUCCESS, Reply, not_found, page_of, page_size
from postboost_provider.sandbox.core.validation import Fields, is_integer
from postboost_provider.sandbox.media.folders import read_folder
from postboost_provider.sandbox.media.library import (
    ALT_TEXT,
    add_media,
    kind_of,
    problem_with,
    remove_media,
    render_media,
    type_by_name,
    type_of,
)

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Media

_BASE64_BYTES = 20 * 1024 * 1024
_DATA_PREFIX = re.compile(r"data:([\w.+/-]*)(?:;[\w.+=-]*)*;base64,")


def _media_of(call: Call) -> Media:
    media = call.workspace.media.get(call.path["media_uuid"])
    if media is None:
        raise not_found()
    return media


@answers("upload_media")
def upload_media(call: Call) -> Reply:
    fields = Fields(call.fields)
    upload = call.uploads.get("file")
    if upload is None:
        fields.refuse("file", "The file field is required.")
    elif len(upload.content) > call.store.settings.multipart_bytes:
        limit = call.store.settings.multipart_bytes
        fields.refuse("file", f"The file field must not be greater than {limit} bytes.")
    return _take(call, fields, upload, "file")


@answers("upload_media_base64")
def upload_media_base64(call: Call) -> Reply:
    fields = Fields(call.fields)
    filename = fields.text("filename", required=True, longest=255) or ""
    if "/" in filename or "\\" in filename:
        fields.refuse("filename", "The filename field must not contain folders.")
    elif filename and not PurePosixPath(filename).suffix:
        fields.refuse("filename", "The filename field must have an extension.")
    return _take(call, fields, _decode(fields, filename), "content")


def _decode(fields: Fields, filename: str) -> Upload | None:
    text = fields.text("content", required=True)
    if text is None:
        return None
    prefix = _DATA_PREFIX.match(text)
    try:
        whole = base64.b64decode("".join(text[prefix.end() if prefix else 0 :].split()), validate=True)
    except (binascii.Error, ValueError):
        fields.refuse("content", "The content field must be valid base64.")
        return None
    if len(whole) > _BASE64_BYTES:
        fields.refuse("content", f"The content field must not be greater than {_BASE64_BYTES} bytes.")
    return Upload(filename, prefix.group(1) if prefix else "", whole)


def _take(call: Call, fields: Fields, upload: Upload | None, field: str) -> Reply:
    """Check the file and put it in the library."""
    settings = call.store.settings
    content = content_of(upload.content, settings.keep_media_bytes) if upload else None
    mime_type = ""
    if upload and content:
        mime_type = type_of(content.start, type_by_name(upload.filename), upload.content_type)
        if problem := problem_with(settings, mime_type, content.size, field):
            fields.refuse(field, problem)
    alt_text = fields.text("alt_text", longest=ALT_TEXT)
    folder = read_folder(call, fields)
    fields.finish()
    if upload is None or content is None:
        raise not_found()
    media = add_media(
        call.store,
        call.workspace,
        content,
        name=upload.filename,
        mime_type=mime_type,
        alt_text=alt_text,
        folder=folder,
    )
    return Reply.of(render_media(call, media), 201)


@answers("list_media")
def list_media(call: Call) -> Reply:
    """List newest first. A keyword looks at the whole library, whatever the folder or favorite (SDK 1.66.3)."""
    found = list(call.workspace.media.values())
    if mime_types := call.parameters("mime_types[]"):
        found = [media for media in found if media.mime_type in mime_types]
    if kind := call.parameter("type"):
        found = [media for media in found if kind_of(media.mime_type) == kind]
    if keyword := call.parameter("keyword"):
        found = [media for media in found if keyword.lower() in media.name.lower()]
    else:
        if place := call.parameter("folder"):
            found = [media for media in found if (media.folder.uuid if media.folder else "root") == place]
        if call.parameter("favorite") in ("true", "1"):
            found = []  # the API has no way to make a favorite
    return page_of(
        sorted(found, key=lambda media: (media.created_at, media.id), reverse=True),
        url=call.origin + call.url,
        query=call.query,
        per_page=page_size(call.parameter("limit"), default=50),
        render=lambda media: render_media(call, media),
    )


@answers("get_media")
def get_media(call: Call) -> Reply:
    return Reply.of(render_media(call, _media_of(call)))


@answers("update_media")
def update_media(call: Call) -> Reply:
    """Write only the keys that are in the body; a folder of null is the root (SDK 1.66.3)."""
    media = _media_of(call)
    fields = Fields(call.fields)
    name = fields.text("name", longest=255)
    alt_text = fields.text("alt_text", longest=500)
    folder = read_folder(call, fields)
    fields.finish()
    if name is not None:
        media.name = name
    if "alt_text" in call.fields:
        media.alt_text = alt_text
    if "folder" in call.fields:
        media.folder = folder
    return SUCCESS


@answers("delete_media_bulk")
def delete_media_bulk(call: Call) -> Reply:
    """Delete by ids and UUIDs, mixed."""
    fields = Fields(call.fields)
    items = fields.items("items", required=True, most=500)
    for index, item in enumerate(items):
        if not is_integer(item) and not isinstance(item, str):
            fields.refuse(f"items.{index}", f"The items.{index} field must be an id or a UUID.")
    fields.finish()
    wanted = {str(item) for item in items}
    gone = [media for media in call.workspace.media.values() if wanted & {str(media.id), media.uuid}]
    remove_media(call.workspace, gone)
    return SUCCESS
