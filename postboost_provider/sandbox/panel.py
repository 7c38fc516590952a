"""The caller's own workspaces, and the panel of platform admins (read only)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.calls import Call, answers
from postboost_provider.sandbox.clock import stamp
from postboost_provider.sandbox.replies import Reply, not_found, page_of

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.sandbox.models import Membership, User, Workspace

_PER_PAGE = 15
_ACCESS_STATUS = "subscription"


@answers("list_my_workspaces")
def list_my_workspaces(call: Call) -> Reply:
    """List the caller's memberships; whether a scoped key sees more than its own workspace is not documented."""
    key = call.caller.key
    mine = [
        (workspace, workspace.members[call.caller.user.id])
        for workspace in call.store.workspaces.values()
        if call.caller.user.id in workspace.members and (key is None or key.workspace_uuid == workspace.uuid)
    ]
    return Reply.of({"data": [_render_mine(workspace, membership) for workspace, membership in mine]})


def _render_mine(workspace: Workspace, membership: Membership) -> dict[str, Any]:
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


def _displayed(call: Call, moment: datetime) -> str:
    """Return the panel's display text: this year's dates lack the year (SDK 1.66.3)."""
    this_year = moment.year == call.now.year
    return f"{moment:%b} {moment.day}, " + (f"{moment:%H:%M}" if this_year else f"{moment:%Y, %H:%M}")


def _render_user(call: Call, user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "avatar": None,
        "is_admin": user.is_admin,
        "email_verified_at": _displayed(call, user.created_at),
        "created_at": _displayed(call, user.created_at),
    }


def _render_workspace(call: Call, workspace: Workspace) -> dict[str, Any]:
    return {
        "uuid": workspace.uuid,
        "name": workspace.name,
        "hex_color": "4f46e5",
        "avatar": None,
        "owner": _render_user(call, workspace.owner),
        "access_status": _ACCESS_STATUS,
        "created_at": _displayed(call, workspace.created_at),
    }


@answers("list_users")
def list_users(call: Call) -> Reply:
    keyword = (call.parameter("keyword") or "").lower()
    users = [user for user in call.store.users.values() if keyword in f"{user.name} {user.email}".lower()]
    return page_of(
        users,
        url=call.origin + call.url,
        query=call.query,
        per_page=_PER_PAGE,
        render=lambda user: _render_user(call, user),
    )


@answers("get_user")
def get_user(call: Call) -> Reply:
    number = call.path["user_id"]
    user = call.store.users.get(int(number)) if number.isdecimal() else None
    if user is None:
        raise not_found()
    return Reply.of(_render_user(call, user))


@answers("list_workspaces")
def list_workspaces(call: Call) -> Reply:
    keyword = (call.parameter("keyword") or "").lower()
    access = call.parameter("access_status") or _ACCESS_STATUS
    subscription = call.parameter("subscription_status") or "active"
    found = [
        workspace
        for workspace in call.store.workspaces.values()
        if keyword in workspace.name.lower() and (access, subscription) == (_ACCESS_STATUS, "active")
    ]
    return page_of(
        found,
        url=call.origin + call.url,
        query=call.query,
        per_page=_PER_PAGE,
        render=lambda workspace: _render_workspace(call, workspace),
    )


@answers("get_workspace")
def get_workspace(call: Call) -> Reply:
    workspace = call.store.workspaces.get(call.path["workspace_uuid"])
    if workspace is None:
        raise not_found()
    return Reply.of(_render_workspace(call, workspace))
