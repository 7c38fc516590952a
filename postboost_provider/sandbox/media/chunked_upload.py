"""Upload in chunks: initiate, send the chunks in order, complete or abort."""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.content import Intake
from postboost_provider.sandbox.core.models import UploadSession
from postboost_provider.sandbox.core.replies import NO_CONTENT, Reply, not_found
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.folders import read_folder
from postboost_provider.sandbox.media.library import ALT_TEXT, add_media, problem_with, render_media, type_of


@answers("initiate_chunked_upload")
def initiate_chunked_upload(call: Call) -> Reply:
    settings = call.store.settings
    fields = Fields(call.fields)
    filename = fields.text("filename", required=True, longest=255) or ""
    mime_type = fields.text("mime_type", required=True) or ""
    total_size = fields.integer("total_size", required=True, least=1) or 0
    if mime_type and (problem := problem_with(settings, mime_type, 0, "mime_type")):
        fields.refuse("mime_type", problem)
    elif mime_type and (problem := problem_with(settings, mime_type, total_size, "total_size")):
        fields.refuse("total_size", problem)
    fields.finish()
    session = UploadSession(
        uuid=new_uuid(),
        filename=filename,
        mime_type=mime_type,
        total_size=total_size,
        chunk_size=max(1, settings.chunk_size),
        intake=Intake(settings.keep_media_bytes),
        started_at=call.now,
    )
    _forget_old(call)
    call.workspace.uploads[session.uuid] = session
    return Reply.of(
        {
            "upload_uuid": session.uuid,
            "chunk_size": session.chunk_size,
            "total_chunks": _chunks_of(session),
        },
        201,
    )


@answers("upload_chunk")
def upload_chunk(call: Call) -> Reply:
    """Take the next chunk; ``received`` is how many there are so far (SDK 1.66.3)."""
    session = _session_of(call)
    fields = Fields(call.fields)
    index = fields.integer("chunk_index", required=True)
    upload = call.uploads.get("chunk")
    if upload is None:
        fields.refuse("chunk", "The chunk field is required.")
    fields.finish()
    if upload is None or index is None:
        raise not_found()
    digest = hashlib.sha256(upload.content).hexdigest()
    received = len(session.digests)
    if index >= _chunks_of(session):
        fields.refuse("chunk_index", f"The upload has {_chunks_of(session)} chunks, counted from 0.")
    elif index > received:
        fields.refuse("chunk_index", f"Chunks are taken in order; the next is {received}.")
    elif index < received:
        if session.digests[index] != digest:
            fields.refuse("chunk", f"Chunk {index} was received with another content.")
        elif call.store.settings.resend_chunk == "refuse":
            fields.refuse("chunk_index", f"Chunk {index} was received already.")
    else:
        expected = min(session.chunk_size, session.total_size - index * session.chunk_size)
        if len(upload.content) != expected:
            fields.refuse("chunk", f"Chunk {index} must have {expected} bytes, not {len(upload.content)}.")
    fields.finish()
    if index == received:
        session.digests.append(digest)
        session.intake.add(upload.content)
    return Reply.of({"received": len(session.digests)}, 201)


@answers("complete_chunked_upload")
def complete_chunked_upload(call: Call) -> Reply:
    session = _session_of(call, completed=call.store.settings.complete_twice == 201)
    if session.media is not None:
        if session.media.uuid not in call.workspace.media:
            raise not_found()
        return Reply.of(render_media(call, session.media), 201)
    fields = Fields(call.fields)
    alt_text = fields.text("alt_text", longest=ALT_TEXT)
    folder = read_folder(call, fields)
    missing = _chunks_of(session) - len(session.digests)
    content = session.intake.content()
    mime_type = type_of(content.start, session.mime_type)
    if missing:
        fields.refuse("chunks", f"{missing} of {_chunks_of(session)} chunks are missing.")
    elif problem := problem_with(call.store.settings, mime_type, content.size, "file"):
        fields.refuse("file", problem)
    fields.finish()
    session.media = add_media(
        call.store,
        call.workspace,
        content,
        name=session.filename,
        mime_type=mime_type,
        alt_text=alt_text,
        folder=folder,
    )
    session.intake = Intake(0)
    return Reply.of(render_media(call, session.media), 201)


@answers("abort_chunked_upload")
def abort_chunked_upload(call: Call) -> Reply:
    del call.workspace.uploads[_session_of(call).uuid]
    return NO_CONTENT


def _session_of(call: Call, *, completed: bool = False) -> UploadSession:
    """Return the session of the path, unless it is too old, or completed where it has to be open."""
    _forget_old(call)
    session = call.workspace.uploads.get(call.path["upload_uuid"])
    if session is None or (session.media is not None and not completed):
        raise not_found()
    return session


def _forget_old(call: Call) -> None:
    lifetime = timedelta(seconds=call.store.settings.upload_session_seconds)
    uploads = call.workspace.uploads
    for session in [each for each in uploads.values() if call.now - each.started_at >= lifetime]:
        del uploads[session.uuid]


def _chunks_of(session: UploadSession) -> int:
    return math.ceil(session.total_size / session.chunk_size)
