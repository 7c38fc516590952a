"""Media items: list, read, update and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.responses import SUCCESS, Response
from postboost_provider.sandbox.core.validation import Fields, is_integer
from postboost_provider.sandbox.media.folders import read_folder
from postboost_provider.sandbox.media.library import kind_of, remove_media, render_media

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.media_models import Media


def _media_of(call: Call) -> Media:
    return call.find(call.workspace.media, "media_uuid")


@handles("list_media")
def list_media(call: Call) -> Response:
    """List newest first. A keyword searches the whole library; folder and favorite are ignored (SDK 1.66.3)."""
    found = list(call.workspace.media.values())
    if mime_types := call.parameters("mime_types"):
        found = [media for media in found if media.mime_type in mime_types]
    if kind := call.parameter("type"):
        found = [media for media in found if kind_of(media.mime_type) == kind]
    if keyword := call.parameter("keyword"):
        found = [media for media in found if keyword.lower() in media.name.lower()]
    else:
        if folder := call.parameter("folder"):
            found = [media for media in found if (media.folder.uuid if media.folder else "root") == folder]
        if call.parameter("favorite") in ("true", "1"):
            found = []  # nothing in the API marks a favorite
    newest_first = sorted(found, key=lambda media: (media.created_at, media.id), reverse=True)
    return call.page(
        newest_first, lambda media: render_media(call, media), per_page=50, size_parameter="limit"
    )


@handles("get_media")
def get_media(call: Call) -> Response:
    return Response.of(render_media(call, _media_of(call)))


@handles("update_media")
def update_media(call: Call) -> Response:
    """Change only the fields in the body; a null folder is the root (SDK 1.66.3)."""
    media = _media_of(call)
    fields = Fields(call.fields)
    name = fields.text("name", max_length=255)
    alt_text = fields.text("alt_text", max_length=500)
    folder = read_folder(call, fields)
    fields.raise_errors()
    if name is not None:
        media.name = name
    if "alt_text" in call.fields:
        media.alt_text = alt_text
    if "folder" in call.fields:
        media.folder = folder
    return SUCCESS


@handles("delete_media_bulk")
def delete_media_bulk(call: Call) -> Response:
    """Delete by ids and UUIDs, mixed."""
    fields = Fields(call.fields)
    items = fields.items("items", required=True, maximum=500)
    for index, item in enumerate(items):
        if not is_integer(item) and not isinstance(item, str):
            fields.add_error(f"items.{index}", f"The items.{index} field must be an id or a UUID.")
    fields.raise_errors()
    wanted = {str(item) for item in items}
    deleted = [media for media in call.workspace.media.values() if wanted & {str(media.id), media.uuid}]
    remove_media(call.workspace, deleted)
    return SUCCESS
