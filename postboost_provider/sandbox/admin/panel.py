"""The panel of platform admins: what its parts have in common, and users."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.models import User, Workspace
from postboost_provider.sandbox.core.replies import SUCCESS, Refusal, Reply, not_found, page_of
from postboost_provider.sandbox.core.validation import Fields, is_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from typing import TypeVar

    T = TypeVar("T")

_PER_PAGE = 15
_SHORTEST_PASSWORD = 8
_NOT_YOURSELF = "You cannot delete your own account."


def panel_page(call: Call, items: Sequence[T], render: Callable[[Call, T], dict[str, Any]]) -> Reply:
    """Return one page of the panel, which has 15 items (SDK 1.66.3)."""
    url = call.origin + call.url
    return page_of(
        items, url=url, query=call.query, per_page=_PER_PAGE, render=lambda item: render(call, item)
    )


def workspace_of(call: Call) -> Workspace:
    """Return the workspace of the path: an admin of the platform need not be its member."""
    workspace = call.store.workspaces.get(call.path["workspace_uuid"])
    if workspace is None:
        raise not_found()
    return workspace


def displayed(call: Call, moment: datetime | None) -> str | None:
    """Return the panel's text of a moment, in its own zone: this year's lack the year (SDK 1.66.3)."""
    if moment is None:
        return None
    settings = call.store.settings
    zone = ZoneInfo(settings.panel_timezone)
    there = moment.astimezone(zone)
    clock = f"{there:%H:%M}" if settings.panel_clock == 24 else f"{there:%I:%M%p}".lower()
    year = "" if there.year == call.now.astimezone(zone).year else f"{there:%Y}, "
    return f"{there:%b} {there.day}, {year}{clock}"


def displayed_day(call: Call, day: date | None) -> str | None:
    """Return the panel's text of a day, or of the day of a moment in its own zone (SDK 1.66.3)."""
    if isinstance(day, datetime):
        day = day.astimezone(ZoneInfo(call.store.settings.panel_timezone))
    return f"{day:%b} {day.day}, {day:%Y}" if day else None


def read_list(call: Call, name: str, fits: Callable[[Any], bool]) -> list[Any]:
    """Return what a bulk deletion names."""
    fields = Fields(call.fields)
    items = fields.items(name, required=True)
    for index, item in enumerate(items):
        if not fits(item):
            fields.refuse(f"{name}.{index}", f"The {name}.{index} field is invalid.")
    fields.finish()
    return items


def render_user(call: Call, user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "avatar": None,
        "is_admin": user.is_admin,
        "email_verified_at": displayed(call, user.email_verified_at),
        "created_at": displayed(call, user.created_at),
    }


def _user_of(call: Call) -> User:
    number = call.path["user_id"]
    user = call.store.users.get(int(number)) if number.isdecimal() else None
    if user is None:
        raise not_found()
    return user


def _read_user(call: Call, user: User | None) -> tuple[str, str, bool]:
    """Return name, address and whether it is an admin. A password is looked at, and not kept."""
    fields = Fields(call.fields)
    name = fields.text("name", required=True, longest=255) or ""
    email = fields.text("email", required=True, longest=255) or ""
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        fields.refuse("email", "The email field must be a valid email address.")
    if any(each.email.lower() == email.lower() for each in call.store.users.values() if each is not user):
        fields.refuse("email", "The email has already been taken.")
    password = fields.text("password", required=user is None)
    if password is not None and len(password) < _SHORTEST_PASSWORD:
        fields.refuse("password", f"The password field must be at least {_SHORTEST_PASSWORD} characters.")
    if password is not None and password != fields.values.get("password_confirmation"):
        fields.refuse("password", "The password field confirmation does not match.")
    is_admin = fields.boolean("is_admin", required=True)
    fields.finish()
    return name, email, bool(is_admin)


@answers("list_users")
def list_users(call: Call) -> Reply:
    keyword = (call.parameter("keyword") or "").lower()
    users = [user for user in call.store.users.values() if keyword in f"{user.name} {user.email}".lower()]
    return panel_page(call, users, render_user)


@answers("create_user")
def create_user(call: Call) -> Reply:
    name, email, is_admin = _read_user(call, None)
    user = User(call.store.next_id("user"), name, email, is_admin, call.now)
    call.store.users[user.id] = user
    return Reply.of(render_user(call, user), 201)


@answers("get_user")
def get_user(call: Call) -> Reply:
    return Reply.of(render_user(call, _user_of(call)))


@answers("update_user")
def update_user(call: Call) -> Reply:
    user = _user_of(call)
    user.name, user.email, user.is_admin = _read_user(call, user)
    return SUCCESS


@answers("delete_user")
def delete_user(call: Call) -> Reply:
    if call.path["user_id"] == str(call.caller.user.id):
        raise Refusal(400, _NOT_YOURSELF, success=False)
    _remove_user(call, _user_of(call))
    return SUCCESS


@answers("delete_users_bulk")
def delete_users_bulk(call: Call) -> Reply:
    """Delete those that there are, but the caller; what PostBoost does about a list with the caller is not said."""
    for number in read_list(call, "users", is_integer):
        user = call.store.users.get(number)
        if user is not None and user is not call.caller.user:
            _remove_user(call, user)
    return SUCCESS


def _remove_user(call: Call, user: User) -> None:
    """Remove a user with the memberships, tokens and keys. A workspace of theirs is left without an owner."""
    store = call.store
    del store.users[user.id]
    for credentials in (store.access_tokens, store.api_keys):
        for token in [token for token, credential in credentials.items() if credential.user is user]:
            del credentials[token]
    for workspace in store.workspaces.values():
        workspace.members.pop(user.id, None)
        workspace.owner = None if workspace.owner is user else workspace.owner
        workspace.keys = {number: key for number, key in workspace.keys.items() if key.user is not user}
