"""Workspaces and their members in the panel: a workspace is found by its name and owner, a member by the user."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import LOST_RESPONSE, NotFoundError, PostBoostConfigError, ValidationError
from postboost_provider.services.panel.ensure import (
    IfExists,
    Outcome,
    Resource,
    check_changed,
    check_gone,
    delete,
    ensure,
    exists_already,
    is_different,
)
from postboost_provider.services.panel.users import find_user, get_user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

ROLES = ("admin", "member", "viewer")
ACCESS = ("subscription", "unlimited", "locked")
WORKSPACE_FIELDS = ("name", "owner", "access_status")


def ensure_workspace(
    api: PostBoostClient,
    name: str,
    owner: str | int | None,
    *,
    access_status: str | None = None,
    if_exists: IfExists = "skip",
) -> tuple[Resource, Outcome]:
    """Return the workspace of a name and an owner, creating one where there is none.

    :param owner: email address or id; None for the only workspace of that name, whoever owns it.
    :param access_status: None is ``subscription`` for a new one, and does not change an existing one.
    """
    owner_id = get_user(api, owner)["id"] if owner is not None else None
    body = {"name": name, "access_status": access_status or "subscription"}
    return ensure(
        f"workspace {name!r}" + (f" of {owner}" if owner is not None else ""),
        lambda: _find_workspace(api, name, owner_id),
        lambda: api.call("create_workspace", body={**body, **({"owner_id": owner_id} if owner_id else {})}),
        lambda workspace: _change_workspace(api, workspace, {"access_status": access_status}),
        if_exists,
    )


def _find_workspace(api: PostBoostClient, name: str, owner_id: int | None) -> Resource | None:
    found = [dict(each) for each in _list_named(api, name) if owner_id is None or _owner_id(each) == owner_id]
    if len(found) > 1:
        listed = ", ".join(f"{each['uuid']} of {(each.get('owner') or {}).get('email')}" for each in found)
        raise PostBoostConfigError(
            f"There are {len(found)} workspaces {name!r}: {listed}. Set the owner, or rename one of them.",
            code="several",
            field="name",
        )
    return found[0] if found else None


def _list_named(api: PostBoostClient, name: str) -> list[Mapping[str, Any]]:
    return [w for w in api.pages("list_workspaces", parameters={"keyword": name}) if w["name"] == name]


def _owner_id(workspace: Mapping[str, Any]) -> int | None:
    return (workspace.get("owner") or {}).get("id")


def update_workspace(
    api: PostBoostClient, workspace_uuid: str, changes: Mapping[str, Any]
) -> tuple[Resource, bool]:
    """Change a workspace, and return it and whether anything was changed.

    :param changes: of WORKSPACE_FIELDS, the owner by email address or id; what is not named stays.
    """
    parameters = {"workspace_uuid": workspace_uuid}
    found = dict(api.call("get_workspace", parameters=parameters))
    wanted = {name: value for name, value in changes.items() if name != "owner"}
    if changes.get("owner") is not None:
        wanted["owner_id"] = get_user(api, changes["owner"])["id"]
    changed = _change_workspace(api, found, wanted)
    return (dict(api.call("get_workspace", parameters=parameters)) if changed else found), changed


def _change_workspace(api: PostBoostClient, workspace: Resource, changes: Mapping[str, Any]) -> bool:
    """Send the whole workspace with these changes: what a request without the owner does is not documented."""
    body = {name: workspace[name] for name in ("name", "access_status")} | {"owner_id": _owner_id(workspace)}
    if not is_different(body, changes):
        return False
    body |= {name: value for name, value in changes.items() if value is not None}
    where = {"workspace_uuid": workspace["uuid"]}
    api.call("update_workspace", parameters=where, body=body)
    found = dict(api.call("get_workspace", parameters=where))
    check_changed(f"workspace {workspace['uuid']}", {**found, "owner_id": _owner_id(found)}, changes)
    return True


def delete_workspace(api: PostBoostClient, workspace_uuid: str, confirm_name: str) -> bool:
    """Delete a workspace with everything in it, and return whether there was one.

    :raises PostBoostConfigError: it has another name, or another workspace has that name: the uuid may be mistyped.
    """
    parameters = {"workspace_uuid": workspace_uuid}
    try:
        workspace = api.call("get_workspace", parameters=parameters)
    except NotFoundError:
        named = (w["uuid"] for w in _list_named(api, confirm_name))
        check_gone(f"Workspace {workspace_uuid}", "workspace_uuid", confirm_name, named)
        return False
    delete(api, "delete_workspace", parameters, name=workspace["name"], confirm_name=confirm_name)
    return True


def ensure_member(
    api: PostBoostClient,
    workspace_uuid: str,
    user: str | int,
    *,
    role: str,
    can_approve: bool = False,
    is_owner: bool | None = None,
    if_exists: IfExists = "skip",
) -> Outcome:
    """Make a user a member of a workspace, and return what was done.

    PostBoost does not list the members of a workspace (SDK 1.66.3). It refuses to add an existing one (422), so adding
    again after a lost response is safe.

    :param is_owner: None does not change it; False takes the workspace from a user who owns it.
    """
    person = get_user(api, user)
    parameters = {"workspace_uuid": workspace_uuid}
    owns = _owner_id(api.call("get_workspace", parameters=parameters)) == person["id"]
    membership = {"user_id": person["id"], "role": role, "can_approve": can_approve}
    membership["is_owner"] = owns if is_owner is None else is_owner

    def add() -> bool:
        """Return False for an existing member."""
        try:
            api.call("add_user_to_workspace", parameters=parameters, body=membership)
        except ValidationError as error:
            if "user_id" not in error.errors:
                raise
            return False
        return True

    try:
        is_new = add()
    except LOST_RESPONSE as error:
        log.warning("It is not known whether the member was added; adding again. %s", error)
        add()
        is_new = True
    if is_new:
        return "created"
    if if_exists == "fail":
        raise exists_already(f"member {user} of workspace {workspace_uuid}")
    if if_exists == "skip":
        return "found"
    api.call("update_workspace_user", parameters=parameters, body=membership)
    return "updated"


def remove_member(api: PostBoostClient, workspace_uuid: str, user: str | int) -> bool:
    """Remove a user from a workspace, and return whether the user was a member. The user stays."""
    person = find_user(api, user)
    parameters = {"workspace_uuid": workspace_uuid}
    api.call("get_workspace", parameters=parameters)
    if person is None:
        return False
    try:
        api.call("remove_user_from_workspace", parameters=parameters, body={"user_id": person["id"]})
    except NotFoundError:
        return False
    return True
