"""Media folders: a tree of names, unique among siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.media_models import Folder
from postboost_provider.sandbox.core.responses import SUCCESS, Response, invalid
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import remove_media

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Workspace


def read_folder(call: Call, fields: Fields, name: str = "folder") -> Folder | None:
    """Return the folder that the body names; None is the root."""
    uuid = fields.text(name)
    if uuid is None:
        return None
    folder = call.workspace.folders.get(uuid)
    if folder is None:
        fields.add_error(name, f"The selected {name} is invalid.")
    return folder


def _folder_of(call: Call) -> Folder:
    return call.find(call.workspace.folders, "folder_uuid")


def _children(workspace: Workspace, parent: Folder | None) -> list[Folder]:
    return [folder for folder in workspace.folders.values() if folder.parent is parent]


def _height(workspace: Workspace, folder: Folder) -> int:
    """Return the number of levels from the folder down."""
    return 1 + max((_height(workspace, child) for child in _children(workspace, folder)), default=0)


def _render(workspace: Workspace, folder: Folder) -> dict[str, Any]:
    below = [media for media in workspace.media.values() if media.folder and folder in media.folder.path()]
    return {
        "uuid": folder.uuid,
        "name": folder.name,
        "parent": folder.parent.uuid if folder.parent else None,
        "media_count": len(below),
    }


def _check_position(
    call: Call, fields: Fields, name: str | None, parent: Folder | None, folder: Folder | None = None
) -> None:
    """Reject a sibling's name, and a parent that is too deep or inside the folder itself."""
    siblings = [each for each in _children(call.workspace, parent) if each is not folder]
    if name is not None and any(each.name.casefold() == name.casefold() for each in siblings):
        fields.add_error("name", "The name has already been taken.")
    above = parent.path() if parent else []
    limit = call.store.settings.folder_depth
    if folder in above:
        fields.add_error("parent", "A folder cannot be moved into itself or one of its descendants.")
    elif len(above) + (_height(call.workspace, folder) if folder else 1) > limit:
        fields.add_error("parent", f"Folders cannot be nested deeper than {limit} levels.")


@handles("list_media_folders")
def list_media_folders(call: Call) -> Response:
    by_name = sorted(call.workspace.folders.values(), key=lambda folder: folder.name.casefold())
    return Response.of({"data": [_render(call.workspace, folder) for folder in by_name]})


@handles("create_media_folder")
def create_media_folder(call: Call) -> Response:
    fields = Fields(call.fields)
    name = fields.text("name", required=True, max_length=255)
    parent = read_folder(call, fields, "parent")
    _check_position(call, fields, name, parent)
    fields.raise_errors()
    folder = Folder(new_uuid(), name or "", parent)
    call.workspace.folders[folder.uuid] = folder
    return Response.of(_render(call.workspace, folder), 201)


@handles("update_media_folder")
def update_media_folder(call: Call) -> Response:
    """Rename, move or both; without a ``parent`` the folder stays where it is (SDK 1.66.3)."""
    folder = _folder_of(call)
    fields = Fields(call.fields)
    name = fields.text("name", max_length=255) or folder.name
    parent = read_folder(call, fields, "parent") if "parent" in call.fields else folder.parent
    _check_position(call, fields, name, parent, folder)
    fields.raise_errors()
    folder.name, folder.parent = name, parent
    return Response.of(_render(call.workspace, folder))


@handles("delete_media_folder")
def delete_media_folder(call: Call) -> Response:
    """Delete the folder. Its content moves up one level, or is deleted with it (SDK 1.66.3)."""
    folder, workspace = _folder_of(call), call.workspace
    fields = Fields(call.fields)
    with_media = bool(fields.boolean("delete_media"))
    fields.raise_errors()
    if with_media:
        below = [each for each in workspace.folders.values() if folder in each.path()]
        remove_media(workspace, [media for media in workspace.media.values() if media.folder in below])
        for each in below:
            del workspace.folders[each.uuid]
        return SUCCESS
    children = _children(workspace, folder)
    taken = {each.name.casefold() for each in _children(workspace, folder.parent) if each is not folder}
    for child in children:
        if child.name.casefold() in taken:
            raise invalid({"name": [f"A folder named {child.name} already exists one level up."]})
    for child in children:
        child.parent = folder.parent
    for media in workspace.media.values():
        if media.folder is folder:
            media.folder = folder.parent
    del workspace.folders[folder.uuid]
    return SUCCESS
