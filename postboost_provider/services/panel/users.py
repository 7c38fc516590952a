"""Users in the panel: a user is found by the email address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import NotFoundError, PostBoostConfigError
from postboost_provider.services.panel.ensure import (
    IfExists,
    Outcome,
    Resource,
    check_changed,
    check_gone,
    delete,
    ensure,
    is_different,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.api.client import PostBoostClient

USER_FIELDS = ("name", "email", "is_admin")


def check_user(name: str, user: str | int) -> str:
    """Return the id or the email address of a user that the argument ``name`` has."""
    text = str(user).strip()
    if not text.isdecimal() and "@" not in text:
        raise PostBoostConfigError(
            f"{name} is {user!r}, which is not a user. Write an email address or an id.",
            code="not_a_user",
            field=name,
        )
    return text


def find_user(api: PostBoostClient, user: str | int) -> Resource | None:
    """Return the user of an id or an email address, whatever its case."""
    text = check_user("user", user)
    if text.isdecimal():
        try:
            return dict(api.call("get_user", parameters={"user_id": text}))
        except NotFoundError:
            return None
    users = api.pages("list_users", parameters={"keyword": text})
    return next((dict(each) for each in users if str(each["email"]).casefold() == text.casefold()), None)


def get_user(api: PostBoostClient, user: str | int) -> Resource:
    found = find_user(api, user)
    if found is None:
        raise PostBoostConfigError(
            f"PostBoost has no user {user!r}. Correct it, or create the user with a PostBoostCreateUserOperator first.",
            code="unknown_user",
        )
    return found


def ensure_user(
    api: PostBoostClient,
    email: str,
    name: str,
    password: Callable[[], str],
    *,
    is_admin: bool | None = None,
    if_exists: IfExists = "skip",
) -> tuple[Resource, Outcome]:
    """Return the user of an email address, creating one where there is none.

    :param password: returns the first password; called only when the user is created.
    :param is_admin: of the platform; None is False for a new user, and does not change an existing one.
    """

    def create() -> None:
        secret = password()
        body = {"name": name, "email": email, "password": secret, "password_confirmation": secret}
        api.call("create_user", body={**body, "is_admin": bool(is_admin)})

    return ensure(
        f"the user {email}",
        lambda: find_user(api, email),
        create,
        lambda user: _change_user(api, user, {"name": name, "is_admin": is_admin}),
        if_exists,
    )


def update_user(
    api: PostBoostClient, user: str | int, changes: Mapping[str, Any], password: str | None = None
) -> tuple[Resource, bool]:
    """Change a user, and return the user and whether anything was changed.

    :param changes: of USER_FIELDS; what is not named stays, like a ``password`` of None.
    """
    found = get_user(api, user)
    changed = _change_user(api, found, changes, password)
    return (get_user(api, found["id"]) if changed else found), changed


def _change_user(
    api: PostBoostClient, user: Resource, changes: Mapping[str, Any], password: str | None = None
) -> bool:
    """Send the whole user with these changes: PostBoost needs every field (SDK 1.66.3)."""
    if not is_different(user, changes) and password is None:
        return False
    body = {name: user[name] for name in USER_FIELDS}
    body |= {name: value for name, value in changes.items() if value is not None}
    if password is not None:
        body |= {"password": password, "password_confirmation": password}
    api.call("update_user", parameters={"user_id": user["id"]}, body=body)
    check_changed(f"the user {user['email']}", find_user(api, user["id"]), changes)
    return True


def delete_user(api: PostBoostClient, user: str | int, confirm_name: str) -> bool:
    """Delete a user, and return whether there was one.

    :raises PostBoostConfigError: the user has another name, or another user has that name: ``user`` may be mistyped.
    """
    found = find_user(api, user)
    if found is None:
        listed = api.pages("list_users", parameters={"keyword": confirm_name})
        named = (each["email"] for each in listed if each["name"] == confirm_name)
        check_gone(f"User {user!r}", "user", confirm_name, named)
    else:
        delete(api, "delete_user", {"user_id": found["id"]}, name=found["name"], confirm_name=confirm_name)
    return found is not None
