"""Upload media in one request, as a multipart file or as base64."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import PurePosixPath

from postboost_provider.sandbox.core.calls import Call, Upload, handles
from postboost_provider.sandbox.core.file_content import content_of
from postboost_provider.sandbox.core.responses import Response, not_found
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.folders import read_folder
from postboost_provider.sandbox.media.library import (
    ALT_TEXT,
    add_media,
    media_error,
    render_media,
    type_by_name,
    type_of,
)

_BASE64_BYTES = 20 * 1024 * 1024
_DATA_PREFIX = re.compile(r"data:([\w.+/-]*)(?:;[\w.+=-]*)*;base64,")


@handles("upload_media")
def upload_media(call: Call) -> Response:
    fields = Fields(call.fields)
    upload = call.uploads.get("file")
    if upload is None:
        fields.add_error("file", "The file field is required.")
    elif len(upload.content) > call.store.settings.multipart_bytes:
        limit = call.store.settings.multipart_bytes
        fields.add_error("file", f"The file field must not be greater than {limit} bytes.")
    return _add(call, fields, upload, "file")


@handles("upload_media_base64")
def upload_media_base64(call: Call) -> Response:
    fields = Fields(call.fields)
    filename = fields.text("filename", required=True, max_length=255) or ""
    if "/" in filename or "\\" in filename:
        fields.add_error("filename", "The filename field must not contain folders.")
    elif filename and not PurePosixPath(filename).suffix:
        fields.add_error("filename", "The filename field must have an extension.")
    return _add(call, fields, _decode(fields, filename), "content")


def _decode(fields: Fields, filename: str) -> Upload | None:
    text = fields.text("content", required=True)
    if text is None:
        return None
    prefix = _DATA_PREFIX.match(text)
    try:
        content = base64.b64decode("".join(text[prefix.end() if prefix else 0 :].split()), validate=True)
    except (binascii.Error, ValueError):
        fields.add_error("content", "The content field must be valid base64.")
        return None
    if len(content) > _BASE64_BYTES:
        fields.add_error("content", f"The content field must not be greater than {_BASE64_BYTES} bytes.")
    return Upload(filename, prefix.group(1) if prefix else "", content)


def _add(call: Call, fields: Fields, upload: Upload | None, field: str) -> Response:
    """Validate the file and add it to the library."""
    settings = call.store.settings
    content = content_of(upload.content, settings.keep_media_bytes) if upload else None
    mime_type = ""
    if upload and content:
        mime_type = type_of(content.start, type_by_name(upload.filename), upload.content_type)
        if problem := media_error(settings, mime_type, content.size, field):
            fields.add_error(field, problem)
    alt_text = fields.text("alt_text", max_length=ALT_TEXT)
    folder = read_folder(call, fields)
    fields.raise_errors()
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
    return Response.of(render_media(call, media), 201)
