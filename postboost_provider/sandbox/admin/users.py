"""Users in the panel."""

from __future__ import annotations

import re

from postboost_provider.sandbox.admin.panel import panel_page, read_list, render_user
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.models import User
from postboost_provider.sandbox.core.responses import SUCCESS, ErrorResponse, Response
from postboost_provider.sandbox.core.validation import Fields, as_integer, is_integer

_MIN_PASSWORD = 8


def _user_of(call: Call) -> User:
    return call.find_by_id(call.store.users, "user_id")


def _read_user(call: Call, user: User | None) -> tuple[str, str, bool]:
    """Return name, email and whether the user is an admin. The password is checked but not stored."""
    fields = Fields(call.fields)
    name = fields.text("name", required=True, max_length=255) or ""
    email = fields.text("email", required=True, max_length=255) or ""
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        fields.add_error("email", "The email field must be a valid email address.")
    if any(each.email.lower() == email.lower() for each in call.store.users.values() if each is not user):
        fields.add_error("email", "The email has already been taken.")
    password = fields.text("password", required=user is None)
    if password is not None and len(password) < _MIN_PASSWORD:
        fields.add_error("password", f"The password field must be at least {_MIN_PASSWORD} characters.")
    if password is not None and password != fields.values.get("password_confirmation"):
        fields.add_error("password", "The password field confirmation does not match.")
    is_admin = fields.boolean("is_admin", required=True)
    fields.raise_errors()
    return name, email, bool(is_admin)


@handles("list_users")
def list_users(call: Call) -> Response:
    keyword = (call.parameter("keyword") or "").lower()
    users = [user for user in call.store.users.values() if keyword in f"{user.name} {user.email}".lower()]
    return panel_page(call, users, render_user)


@handles("create_user")
def create_user(call: Call) -> Response:
    name, email, is_admin = _read_user(call, None)
    user = User(call.store.next_id("user"), name, email, is_admin, call.now)
    call.store.users[user.id] = user
    return Response.of(render_user(call, user), 201)


@handles("get_user")
def get_user(call: Call) -> Response:
    return Response.of(render_user(call, _user_of(call)))


@handles("update_user")
def update_user(call: Call) -> Response:
    user = _user_of(call)
    user.name, user.email, user.is_admin = _read_user(call, user)
    return SUCCESS


@handles("delete_user")
def delete_user(call: Call) -> Response:
    if call.path["user_id"] == str(call.caller.user.id):
        raise ErrorResponse(400, "You cannot delete your own account.", success=False)
    _remove_user(call, _user_of(call))
    return SUCCESS


@handles("delete_users_bulk")
def delete_users_bulk(call: Call) -> Response:
    """Delete the existing users except the caller. What PostBoost does with the caller is not documented."""
    for number in read_list(call, "users", lambda each: is_integer(as_integer(each))):
        user = call.store.users.get(as_integer(number))
        if user is not None and user is not call.caller.user:
            _remove_user(call, user)
    return SUCCESS


def _remove_user(call: Call, user: User) -> None:
    """Remove a user with all memberships, tokens and keys. Owned workspaces are left without an owner."""
    store = call.store
    del store.users[user.id]
    for credentials in (store.access_tokens, store.api_keys):
        for token in [token for token, credential in credentials.items() if credential.user is user]:
            del credentials[token]
    for workspace in store.workspaces.values():
        workspace.members.pop(user.id, None)
        workspace.owner = None if workspace.owner is user else workspace.owner
        workspace.keys = {number: key for number, key in workspace.keys.items() if key.user is not user}
