"""Upload from a URL: small files within the request, large ones in the background."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from postboost_provider.sandbox.core import fetch
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.fetch import FetchError, Source
from postboost_provider.sandbox.core.media_models import Download, Folder, Media
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.folders import read_folder
from postboost_provider.sandbox.media.library import (
    ALT_TEXT,
    add_media,
    max_bytes,
    media_error,
    render_media,
    type_by_name,
    type_of,
)

LIFETIME = timedelta(hours=1)


@handles("initiate_remote_upload")
async def initiate_remote_upload(call: Call) -> Response:
    """Respond 200 whatever the result; a file without a known size is downloaded at once (SDK 1.66.3)."""
    settings = call.store.settings
    fields = Fields(call.fields)
    url = fields.text("url", required=True) or ""
    if url and not fetch.is_url(url):
        fields.add_error("url", "The url field must be a valid URL.")
    alt_text = fields.text("alt_text", max_length=ALT_TEXT)
    folder = read_folder(call, fields)
    fields.raise_errors()
    try:
        source = await fetch.open_source(
            url, anywhere=settings.remote_fetch_anywhere, seconds=settings.remote_timeout_seconds
        )
        if source.size is None or source.size < settings.remote_background_bytes:
            media = await _store(call, source, alt_text, folder)
            return Response.of({"status": "completed", "media": _without_size(call, media)})
    except FetchError as error:
        return Response.of({"status": "failed", "error": str(error)})
    download = Download(new_uuid(), call.now)
    call.workspace.downloads[download.id] = download
    task = asyncio.create_task(_store_later(call, download, source, alt_text, folder))
    call.store.tasks.add(task)
    task.add_done_callback(call.store.tasks.discard)
    return Response.of({"status": "pending", "download_id": download.id})


@handles("get_remote_upload_status")
def get_remote_upload_status(call: Call) -> Response:
    """Advance one step per poll. The final status is reported once, then the download is gone (SDK 1.66.3)."""
    downloads = call.workspace.downloads
    download = downloads.get(call.path["download_id"])
    if download is None or call.now - download.started_at >= LIFETIME:
        return Response.of({"status": "failed", "error": "The download was not found or has expired."}, 404)
    if download.status == "pending":
        download.status = "downloading"
    elif download.error is not None:
        del downloads[download.id]
        return Response.of({"status": "failed", "progress": 0, "error": download.error})
    elif download.status == "processing" and download.media is not None:
        del downloads[download.id]
        exists = download.media.uuid in call.workspace.media  # it may have been deleted before this poll
        media = {"media": render_media(call, download.media)} if exists else {}
        return Response.of({"status": "completed", "progress": 100, **media})
    elif download.media is not None:
        download.status = "processing"
    return Response.of({"status": download.status, "progress": 0})


async def _store(call: Call, source: Source, alt_text: str | None, folder: Folder | None) -> Media:
    """Download the file into the library.

    :raises FetchError: it cannot be downloaded, or the library does not accept it.
    """
    settings = call.store.settings
    declared = None if source.mime_type == "application/octet-stream" else source.mime_type
    by_name = type_by_name(source.name)
    maximum = max_bytes(settings, type_of(b"", declared, by_name))
    content = await fetch.read_source(source, maximum=maximum, keep=settings.keep_media_bytes)
    mime_type = type_of(content.start, declared, by_name)
    if problem := media_error(settings, mime_type, content.size, "file"):
        raise FetchError(problem)
    return add_media(
        call.store,
        call.workspace,
        content,
        name=source.name,
        mime_type=mime_type,
        alt_text=alt_text,
        folder=folder if folder and folder.uuid in call.workspace.folders else None,
    )


async def _store_later(
    call: Call, download: Download, source: Source, alt_text: str | None, folder: Folder | None
) -> None:
    try:
        download.media = await _store(call, source, alt_text, folder)
    except FetchError as error:
        download.error = str(error)


def _without_size(call: Call, media: Media) -> dict[str, Any]:
    """Return the item without its size, as this operation does (SDK 1.66.3)."""
    return {name: value for name, value in render_media(call, media).items() if name != "size"}
