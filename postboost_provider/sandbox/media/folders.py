"""Media folders: a tree of names, unique among siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.models import Folder
from postboost_provider.sandbox.core.replies import SUCCESS, Reply, invalid, not_found
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.library import remove_media

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Workspace


def read_folder(call: Call, fields: Fields, name: str = "folder") -> Folder | None:
    """Return the folder that the body names; None is the root, and the top level for a ``parent``."""
    uuid = fields.text(name)
    if uuid is None:
        return None
    folder = call.workspace.folders.get(uuid)
    if folder is None:
        fields.refuse(name, f"The selected {name} is invalid.")
    return folder


def _folder_of(call: Call) -> Folder:
    folder = call.workspace.folders.get(call.path["folder_uuid"])
    if folder is None:
        raise not_found()
    return folder


def _children(workspace: Workspace, parent: Folder | None) -> list[Folder]:
    return [folder for folder in workspace.folders.values() if folder.parent is parent]


def _height(workspace: Workspace, folder: Folder) -> int:
    """Return how many levels the folder and what is below it take."""
    return 1 + max((_height(workspace, child) for child in _children(workspace, folder)), default=0)


def _render(workspace: Workspace, folder: Folder) -> dict[str, Any]:
    below = [media for media in workspace.media.values() if media.folder and folder in media.folder.path()]
    return {
        "uuid": folder.uuid,
        "name": folder.name,
        "parent": folder.parent.uuid if folder.parent else None,
        "media_count": len(below),
    }


def _check_place(
    call: Call, fields: Fields, name: str | None, parent: Folder | None, folder: Folder | None = None
) -> None:
    """Refuse a name that a sibling has, and a place too deep or within the folder itself."""
    siblings = [each for each in _children(call.workspace, parent) if each is not folder]
    if name is not None and any(each.name.casefold() == name.casefold() for each in siblings):
        fields.refuse("name", "The name has already been taken.")
    above = parent.path() if parent else []
    limit = call.store.settings.folder_depth
    if folder in above:
        fields.refuse("parent", "A folder cannot be moved into itself or one of its descendants.")
    elif len(above) + (_height(call.workspace, folder) if folder else 1) > limit:
        fields.refuse("parent", f"Folders cannot be nested deeper than {limit} levels.")


@answers("list_media_folders")
def list_media_folders(call: Call) -> Reply:
    by_name = sorted(call.workspace.folders.values(), key=lambda folder: folder.name.casefold())
    return Reply.of({"data": [_render(call.workspace, folder) for folder in by_name]})


@answers("create_media_folder")
def create_media_folder(call: Call) -> Reply:
    fields = Fields(call.fields)
    name = fields.text("name", required=True, longest=255)
    parent = read_folder(call, fields, "parent")
    _check_place(call, fields, name, parent)
    fields.finish()
    folder = Folder(new_uuid(), name or "", parent)
    call.workspace.folders[folder.uuid] = folder
    return Reply.of(_render(call.workspace, folder), 201)


@answers("update_media_folder")
def update_media_folder(call: Call) -> Reply:
    """Rename, move or both; without a ``parent`` the folder stays where it is (SDK 1.66.3)."""
    folder = _folder_of(call)
    fields = Fields(call.fields)
    name = fields.text("name", longest=255) or folder.name
    parent = read_folder(call, fields, "parent") if "parent" in call.fields else folder.parent
    _check_place(call, fields, name, parent, folder)
    fields.finish()
    folder.name, folder.parent = name, parent
    return Reply.of(_render(call.workspace, folder))


@answers("delete_media_folder")
def delete_media_folder(call: Call) -> Reply:
    """Delete the folder. What is in it moves up, or is deleted with everything below (SDK 1.66.3)."""
    folder, workspace = _folder_of(call), call.workspace
    fields = Fields(call.fields)
    with_media = bool(fields.boolean("delete_media"))
    fields.finish()
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
            raise invalid({"name": [f"A folder named {child.name} is one level up already."]})
    for child in children:
        child.parent = folder.parent
    for media in workspace.media.values():
        if media.folder is folder:
            media.folder = folder.parent
    del workspace.folders[folder.uuid]
    return SUCCESS
