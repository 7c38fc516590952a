"""Upload in chunks: initiate, send the chunks in order, complete or abort."""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.file_content import ContentBuilder
from postboost_provider.sandbox.core.media_models import UploadSession
from postboost_provider.sandbox.core.responses import NO_CONTENT, Response, not_found
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.folders import read_folder
from postboost_provider.sandbox.media.library import ALT_TEXT, add_media, media_error, render_media, type_of


@handles("initiate_chunked_upload")
def initiate_chunked_upload(call: Call) -> Response:
    settings = call.store.settings
    fields = Fields(call.fields)
    filename = fields.text("filename", required=True, max_length=255) or ""
    mime_type = fields.text("mime_type", required=True) or ""
    total_size = fields.integer("total_size", required=True, minimum=1) or 0
    if mime_type and (problem := media_error(settings, mime_type, 0, "mime_type")):
        fields.add_error("mime_type", problem)
    elif mime_type and (problem := media_error(settings, mime_type, total_size, "total_size")):
        fields.add_error("total_size", problem)
    fields.raise_errors()
    session = UploadSession(
        uuid=new_uuid(),
        filename=filename,
        mime_type=mime_type,
        total_size=total_size,
        chunk_size=max(1, settings.chunk_size),
        builder=ContentBuilder(settings.keep_media_bytes),
        started_at=call.now,
    )
    _drop_expired(call)
    call.workspace.uploads[session.uuid] = session
    return Response.of(
        {
            "upload_uuid": session.uuid,
            "chunk_size": session.chunk_size,
            "total_chunks": _chunk_count(session),
        },
        201,
    )


@handles("upload_chunk")
def upload_chunk(call: Call) -> Response:
    """Receive the next chunk; ``received`` is the number of chunks so far (SDK 1.66.3)."""
    session = _session_of(call)
    fields = Fields(call.fields)
    index = fields.integer("chunk_index", required=True)
    upload = call.uploads.get("chunk")
    if upload is None:
        fields.add_error("chunk", "The chunk field is required.")
    fields.raise_errors()
    if upload is None or index is None:
        raise not_found()
    digest = hashlib.sha256(upload.content).hexdigest()
    received = len(session.digests)
    if index >= _chunk_count(session):
        fields.add_error("chunk_index", f"The chunk index must be less than {_chunk_count(session)}.")
    elif index > received:
        fields.add_error("chunk_index", f"Chunks must be sent in order; the next is {received}.")
    elif index < received:
        if session.digests[index] != digest:
            fields.add_error("chunk", f"Chunk {index} was already received with different content.")
        elif call.store.settings.resend_chunk == "refuse":
            fields.add_error("chunk_index", f"Chunk {index} was already received.")
    else:
        expected = min(session.chunk_size, session.total_size - index * session.chunk_size)
        if len(upload.content) != expected:
            fields.add_error("chunk", f"Chunk {index} must have {expected} bytes, not {len(upload.content)}.")
    fields.raise_errors()
    if index == received:
        session.digests.append(digest)
        session.builder.add(upload.content)
    return Response.of({"received": len(session.digests)}, 201)


@handles("complete_chunked_upload")
def complete_chunked_upload(call: Call) -> Response:
    session = _session_of(call, completed=call.store.settings.complete_twice == 201)
    if session.media is not None:
        if session.media.uuid not in call.workspace.media:
            raise not_found()
        return Response.of(render_media(call, session.media), 201)
    fields = Fields(call.fields)
    alt_text = fields.text("alt_text", max_length=ALT_TEXT)
    folder = read_folder(call, fields)
    missing = _chunk_count(session) - len(session.digests)
    content = session.builder.content()
    mime_type = type_of(content.start, session.mime_type)
    if missing:
        fields.add_error("chunks", f"{missing} of {_chunk_count(session)} chunks are missing.")
    elif problem := media_error(call.store.settings, mime_type, content.size, "file"):
        fields.add_error("file", problem)
    fields.raise_errors()
    session.media = add_media(
        call.store,
        call.workspace,
        content,
        name=session.filename,
        mime_type=mime_type,
        alt_text=alt_text,
        folder=folder,
    )
    session.builder = ContentBuilder(0)
    return Response.of(render_media(call, session.media), 201)


@handles("abort_chunked_upload")
def abort_chunked_upload(call: Call) -> Response:
    del call.workspace.uploads[_session_of(call).uuid]
    return NO_CONTENT


def _session_of(call: Call, *, completed: bool = False) -> UploadSession:
    """Return the session of the path.

    :param completed: whether a completed session is found too.
    """
    _drop_expired(call)
    session = call.find(call.workspace.uploads, "upload_uuid")
    if session.media is not None and not completed:
        raise not_found()
    return session


def _drop_expired(call: Call) -> None:
    lifetime = timedelta(seconds=call.store.settings.upload_session_seconds)
    uploads = call.workspace.uploads
    for session in [each for each in uploads.values() if call.now - each.started_at >= lifetime]:
        del uploads[session.uuid]


def _chunk_count(session: UploadSession) -> int:
    return math.ceil(session.total_size / session.chunk_size)
