"""Workspaces and their members in the panel: a workspace by its name and owner, a member by the user."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from postboost_provider.api.arguments import check_choice
from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostConfigError,
    ServerError,
    UnconfirmedError,
    ValidationError,
)
from postboost_provider.services.panel.ensure import (
    IF_EXISTS,
    IfExists,
    Outcome,
    Thing,
    check_changes,
    confirm,
    delete,
    different,
    ensure,
    find_user,
    get_user,
)

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
) -> tuple[Thing, Outcome]:
    """Return the workspace of a name and an owner.

    :param owner: address or id; None for the one workspace of that name, whoever owns it.
    :param access_status: None is ``subscription`` for a new one, and leaves one that was there as it is.
    """
    if access_status is not None:
        check_choice("access_status", access_status, ACCESS)
    name = name.strip()
    if not name:
        raise PostBoostConfigError("The workspace's name is empty: say which workspace.")
    owner_id = get_user(api, owner)["id"] if owner is not None else None
    body = {"name": name, "access_status": access_status or "subscription"}
    return ensure(
        f"a workspace {name!r}" + (f" of {owner}" if owner is not None else ""),
        lambda: _find_workspace(api, name, owner_id),
        lambda: api.call("create_workspace", body={**body, **({"owner_id": owner_id} if owner_id else {})}),
        lambda workspace: _change_workspace(api, workspace, {"access_status": access_status}),
        if_exists,
    )


def _find_workspace(api: PostBoostClient, name: str, owner_id: int | None) -> Thing | None:
    found = [
        dict(each)
        for each in api.pages("list_workspaces", parameters={"keyword": name})
        if each["name"] == name and (owner_id is None or _owner_id(each) == owner_id)
    ]
    if len(found) > 1:
        listed = ", ".join(f"{each['uuid']} of {(each.get('owner') or {}).get('email')}" for each in found)
        raise PostBoostConfigError(
            f"There are {len(found)} workspaces {name!r}: {listed}. Name the owner, rename one, or use the uuid."
        )
    return found[0] if found else None


def _owner_id(workspace: Mapping[str, Any]) -> int | None:
    return (workspace.get("owner") or {}).get("id")


def update_workspace(
    api: PostBoostClient, workspace_uuid: str, changes: Mapping[str, Any]
) -> tuple[Thing, bool]:
    """Change a workspace, and return it with whether there was anything to change.

    :param changes: of WORKSPACE_FIELDS, the owner by address or id; what is not named stays.
    """
    check_changes(changes, WORKSPACE_FIELDS)
    if "access_status" in changes:
        check_choice("access_status", changes["access_status"], ACCESS)
    parameters = {"workspace_uuid": workspace_uuid}
    there = dict(api.call("get_workspace", parameters=parameters))
    wanted = {name: value for name, value in changes.items() if name != "owner"}
    if changes.get("owner") is not None:
        wanted["owner_id"] = get_user(api, changes["owner"])["id"]
    changed = _change_workspace(api, there, wanted)
    return (dict(api.call("get_workspace", parameters=parameters)) if changed else there), changed


def _change_workspace(api: PostBoostClient, workspace: Thing, changes: Mapping[str, Any]) -> bool:
    """Send the workspace as it is with these changes.

    The owner is always named: what becomes of one that is not, PostBoost does not say.
    """
    body = {"name": workspace["name"], "access_status": workspace["access_status"]}
    body["owner_id"] = _owner_id(workspace)
    if not different(body, changes):
        return False
    body |= {name: value for name, value in changes.items() if value is not None}
    api.call("update_workspace", parameters={"workspace_uuid": workspace["uuid"]}, body=body)
    return True


def delete_workspace(api: PostBoostClient, workspace_uuid: str, confirm_name: str) -> bool:
    """Delete a workspace with all that is in it, and return whether there was one.

    :raises PostBoostConfigError: the workspace has another name.
    """
    parameters = {"workspace_uuid": workspace_uuid}
    try:
        workspace = api.call("get_workspace", parameters=parameters)
    except NotFoundError:
        return False
    confirm(f"the workspace {workspace_uuid}", str(workspace["name"]), confirm_name)
    delete(api, "delete_workspace", parameters)
    return True


# Members


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
    """Give a user a place in a workspace, and say what became of it.

    PostBoost lists no workspace's members (SDK 1.66.3): who is one is learned by adding. That is refused with a 422 for
    one that is there, so that it can be sent again after a lost answer.

    :param is_owner: None leaves it as it is: a change that says False takes a workspace from its owner.
    """
    check_choice("if_exists", if_exists, IF_EXISTS)
    check_choice("role", role, ROLES)
    person = get_user(api, user)
    parameters = {"workspace_uuid": workspace_uuid}
    owns = _owner_id(api.call("get_workspace", parameters=parameters)) == person["id"]
    place = {"user_id": person["id"], "role": role, "can_approve": can_approve}
    place["is_owner"] = owns if is_owner is None else is_owner
    try:
        return _add_member(api, parameters, place)
    except ValidationError as error:
        if "user_id" not in error.errors:
            raise
    if if_exists == "fail":
        raise PostBoostConfigError(
            f"{user} is a member of workspace {workspace_uuid} already, and if_exists is 'fail'. Set it to 'skip' or "
            "'update'."
        )
    if if_exists == "skip":
        return "found"
    api.call("update_workspace_user", parameters=parameters, body=place)
    return "updated"


def _add_member(api: PostBoostClient, parameters: Mapping[str, Any], place: Mapping[str, Any]) -> Outcome:
    try:
        api.call("add_user_to_workspace", parameters=parameters, body=place)
    except (UnconfirmedError, ServerError) as error:
        log.warning("It is not known whether the member was added; adding again. %s", error)
        try:
            api.call("add_user_to_workspace", parameters=parameters, body=place)
        except ValidationError as refused:
            if "user_id" not in refused.errors:
                raise
    return "created"


def remove_member(api: PostBoostClient, workspace_uuid: str, user: str | int) -> bool:
    """Take a user's place in a workspace away, and return whether there was one. The user's account stays."""
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
