"""Workspaces and their members in the panel, and the caller's own workspaces."""

from __future__ import annotations

from typing import Any

from postboost_provider.sandbox.admin.panel import displayed, panel_page, read_list, render_user, workspace_of
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.core.models import Membership, User, Workspace
from postboost_provider.sandbox.core.responses import SUCCESS, Response, invalid, not_found
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields

ROLES = ("admin", "member", "viewer")
ACCESS = ("subscription", "unlimited", "locked")


@handles("list_my_workspaces")
def list_my_workspaces(call: Call) -> Response:
    """List the caller's workspaces. Not documented: a scoped key only sees its own."""
    key = call.caller.key
    found = [
        workspace
        for workspace in call.store.workspaces.values()
        if call.caller.user.id in workspace.members and (key is None or key.workspace_uuid == workspace.uuid)
    ]
    found.sort(key=lambda each: each.updated_at or each.created_at, reverse=True)
    return Response.of(
        {"data": [_render_membership(each, each.members[call.caller.user.id]) for each in found]}
    )


def _render_membership(workspace: Workspace, membership: Membership) -> dict[str, Any]:
    return {
        "id": workspace.id,
        "uuid": workspace.uuid,
        "name": workspace.name,
        "pivot": {
            "role": membership.role,
            "can_approve": membership.can_approve,
            "joined_at": stamp(membership.joined_at),
        },
    }


def _render_workspace(call: Call, workspace: Workspace) -> dict[str, Any]:
    return {
        "uuid": workspace.uuid,
        "name": workspace.name,
        "hex_color": "4f46e5",  # a constant, deprecated (SDK 1.66.3)
        "avatar": None,
        **({"owner": render_user(call, workspace.owner)} if workspace.owner else {}),
        "access_status": workspace.access_status,
        "created_at": displayed(call, workspace.created_at),
    }


def _write_workspace(call: Call, workspace: Workspace | None) -> Workspace:
    """Create or change a workspace. A new owner becomes a member with the role admin."""
    fields = Fields(call.fields)
    name = fields.text("name", required=True, max_length=60) or ""
    access = fields.choice("access_status", ACCESS, required=True)
    owner_id = fields.integer("owner_id")
    owner = call.store.users.get(owner_id) if owner_id is not None else None
    if owner_id is not None and owner is None:
        fields.add_error("owner_id", "The selected owner id is invalid.")
    fields.raise_errors()
    if owner is None and workspace is not None and call.store.settings.put_owner == "keep":
        owner = workspace.owner
    if workspace is None:
        workspace = Workspace(call.store.next_id("workspace"), new_uuid(), name, "UTC", owner, call.now)
    workspace.name, workspace.owner, workspace.updated_at = name, owner, call.now
    workspace.access_status = access  # type: ignore[assignment]  # read from ACCESS
    if owner is not None and owner.id not in workspace.members:
        workspace.members[owner.id] = Membership(owner, "admin", True, call.now)
    return workspace


@handles("list_workspaces")
def list_workspaces(call: Call) -> Response:
    keyword = (call.parameter("keyword") or "").lower()
    access, status = call.parameter("access_status"), call.parameter("subscription_status")
    found = [
        workspace
        for workspace in call.store.workspaces.values()
        if keyword in workspace.name.lower()
        and access in (None, workspace.access_status)
        and status in (None, *(each.status for each in workspace.subscriptions[-1:]))
    ]
    return panel_page(call, found, _render_workspace)


@handles("create_workspace")
def create_workspace(call: Call) -> Response:
    """Create a workspace. Names need not be unique."""
    workspace = _write_workspace(call, None)
    call.store.workspaces[workspace.uuid] = workspace
    return Response.of(_render_workspace(call, workspace), 201)


@handles("get_workspace")
def get_workspace(call: Call) -> Response:
    return Response.of(_render_workspace(call, workspace_of(call)))


@handles("update_workspace")
def update_workspace(call: Call) -> Response:
    _write_workspace(call, workspace_of(call))
    return SUCCESS


@handles("delete_workspace")
def delete_workspace(call: Call) -> Response:
    _remove_workspace(call, workspace_of(call))
    return SUCCESS


@handles("delete_workspaces_bulk")
def delete_workspaces_bulk(call: Call) -> Response:
    for uuid in read_list(call, "workspaces", lambda each: isinstance(each, str)):
        if uuid in call.store.workspaces:
            _remove_workspace(call, call.store.workspaces[uuid])
    return SUCCESS


def _remove_workspace(call: Call, workspace: Workspace) -> None:
    """Remove a workspace with its content, keys and receipts."""
    store = call.store
    del store.workspaces[workspace.uuid]
    store.unfinished -= set(workspace.posts.values())
    for key in workspace.keys.values():
        del store.api_keys[key.token]
    for receipt in [each for each in store.receipts.values() if each.workspace_uuid == workspace.uuid]:
        del store.receipts[receipt.uuid]


def _read_member(call: Call) -> tuple[User, Membership, bool]:
    """Return the user and the membership of the body, and whether the user is the owner."""
    fields = Fields(call.fields)
    user = call.store.users.get(fields.integer("user_id", required=True) or 0)
    if user is None and "user_id" not in fields.errors:
        fields.add_error("user_id", "The selected user id is invalid.")
    role = fields.choice("role", ROLES, required=True)
    can_approve = fields.boolean("can_approve", required=True)
    is_owner = fields.boolean("is_owner", required=True)
    fields.raise_errors()
    if user is None:
        raise not_found()
    return user, Membership(user, role, bool(can_approve), call.now), bool(is_owner)  # type: ignore[arg-type]


@handles("add_user_to_workspace")
def add_user_to_workspace(call: Call) -> Response:
    workspace = workspace_of(call)
    user, membership, is_owner = _read_member(call)
    if user.id in workspace.members and call.store.settings.member_again == 422:
        raise invalid({"user_id": ["The user is already a member of the workspace."]})
    _save_member(workspace, membership, is_owner)
    return Response.of({"success": True}, 201)


@handles("update_workspace_user")
def update_workspace_user(call: Call) -> Response:
    workspace = workspace_of(call)
    user, membership, is_owner = _read_member(call)
    if user.id not in workspace.members:
        raise not_found()
    _save_member(workspace, membership, is_owner)
    return SUCCESS


def _save_member(workspace: Workspace, membership: Membership, is_owner: bool) -> None:
    """Add or change a member. The owner stops being it if the request says so."""
    user = membership.user
    before = workspace.members.get(user.id)
    membership.joined_at = before.joined_at if before else membership.joined_at
    workspace.members[user.id] = membership
    if is_owner:
        workspace.owner = user
    elif workspace.owner is user:
        workspace.owner = None


@handles("remove_user_from_workspace")
def remove_user_from_workspace(call: Call) -> Response:
    """Remove a member; the user's account stays."""
    workspace = workspace_of(call)
    fields = Fields(call.fields)
    number = fields.integer("user_id", required=True)
    fields.raise_errors()
    membership = workspace.members.pop(number or 0, None)
    if membership is None:
        raise not_found()
    workspace.owner = None if workspace.owner is membership.user else workspace.owner
    return SUCCESS
