"""Things of the panel, found by what people know them by, and each made once; and users, the first of them.

PostBoost's panel takes no idempotency keys, and nothing keeps it from making a thing twice (SDK 1.66.3). So a thing is
looked up first by what makes it itself: a workspace by its name and owner, a user by the address. It is made only
where there is none. A lost answer is no reason to send again: it is looked for, and only a later look that finds nothing
makes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.arguments import check_choice
from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostConfigError,
    PostBoostError,
    ServerError,
    UnconfirmedError,
    ValidationError,
)

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

Thing = dict[str, Any]
IfExists = Literal["skip", "update", "fail"]
Outcome = Literal["created", "updated", "found"]
IF_EXISTS = ("skip", "update", "fail")
USER_FIELDS = ("name", "email", "is_admin")


def ensure(
    what: str,
    find: Callable[[], Thing | None],
    create: Callable[[], Any],
    change: Callable[[Thing], bool],
    if_exists: IfExists,
) -> tuple[Thing, Outcome]:
    """Return a thing that is there from now on, and what became of it.

    :param what: what messages call it.
    :param find: looks it up by its natural key.
    :param create: asks for it; sent once at most.
    :param change: changes what differs of one that was there, and returns whether anything did.
    :param if_exists: ``skip`` leaves one that was there alone, ``update`` changes it, ``fail`` fails.
    :raises PostBoostConfigError: it was there, and ``if_exists`` is ``fail``.
    :raises UnconfirmedError: the answer to its creation was lost and it is not there (yet).
    """
    check_choice("if_exists", if_exists, IF_EXISTS)
    thing = find()
    if thing is None:
        thing, is_mine = _create(what, find, create)
        if is_mine:
            return thing, "created"
    if if_exists == "fail":
        raise PostBoostConfigError(
            f"There is {what} already, and if_exists is 'fail'. If an earlier try of this task made it, or it is to be "
            "used as it is, set if_exists to 'skip'; to change it, 'update'."
        )
    if if_exists == "update" and change(thing):
        return find() or thing, "updated"
    return thing, "found"


def _create(what: str, find: Callable[[], Thing | None], create: Callable[[], Any]) -> tuple[Thing, bool]:
    """Create a thing and return it as it is found then, and whether it was this that made it."""
    is_mine = True
    cause: PostBoostError | None = None
    try:
        create()
    except (UnconfirmedError, ServerError) as error:
        log.warning("It is not known whether %s was created; looking for it. %s", what, error)
        cause = error
    except ValidationError as error:
        # Somebody may have made it since it was looked for.
        is_mine, cause = False, error
    thing = find()
    if thing is not None:
        return thing, is_mine
    raise cause or ServerError(f"PostBoost created {what}, and does not find it now.", status=200)


def check_changes(changes: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """Check that there are changes, and none but these. Values are not shown: somebody may try a password."""
    if not isinstance(changes, Mapping) or not changes:
        raise PostBoostConfigError(
            f"changes is empty or not a mapping; it can have {', '.join(allowed)}.",
            code="not_a_mapping",
            field="changes",
        )
    if unknown := [str(name) for name in changes if name not in allowed]:
        raise PostBoostConfigError(
            f"changes has {', '.join(unknown)}; it can have {', '.join(allowed)}.",
            code="unknown_field",
            field="changes",
        )


def different(thing: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether anything of a thing is not as wanted; what is None is not said."""
    return any(value is not None and thing.get(name) != value for name, value in wanted.items())


def confirm(what: str, name: str, confirm_name: str) -> None:
    """Check that who deletes something knows what it is."""
    if name != str(confirm_name).strip():
        raise PostBoostConfigError(
            f"{what} is called {name!r}, and confirm_name is {confirm_name!r}: nothing was deleted. Correct the one "
            "that is wrong."
        )


def delete(api: PostBoostClient, operation: str, parameters: Mapping[str, Any]) -> None:
    """Delete something that was there: sent again after a lost answer, it is gone."""
    with suppress(NotFoundError):
        api.call(operation, parameters=parameters)


# Users


def check_user(name: str, user: str | int) -> str:
    """Return the id or the email address of a user.

    :param name: the argument that it comes from.
    :raises PostBoostConfigError: it is neither.
    """
    text = str(user).strip()
    if not text.isdecimal() and "@" not in text:
        raise PostBoostConfigError(
            f"{name} is {user!r}, which is not a user. Write an email address or an id.",
            code="not_a_user",
            field=name,
        )
    return text


def find_user(api: PostBoostClient, user: str | int) -> Thing | None:
    """Return the user of an id or an address, whatever its case.

    :raises PostBoostConfigError: it is neither.
    """
    text = check_user("user", user)
    if text.isdecimal():
        try:
            return dict(api.call("get_user", parameters={"user_id": text}))
        except NotFoundError:
            return None
    for each in api.pages("list_users", parameters={"keyword": text}):
        if str(each["email"]).casefold() == text.casefold():
            return dict(each)
    return None


def get_user(api: PostBoostClient, user: str | int) -> Thing:
    found = find_user(api, user)
    if found is None:
        raise PostBoostConfigError(
            f"PostBoost has no user {user!r}. Correct it, or make the user with a PostBoostCreateUserOperator first."
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
) -> tuple[Thing, Outcome]:
    """Return the user of an address.

    :param password: gives the first password; asked only when the user is made.
    :param is_admin: of the platform; None is False for a new user, and leaves one that was there as it is.
    """
    email, name = email.strip(), name.strip()

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
) -> tuple[Thing, bool]:
    """Change a user, and return the user with whether there was anything to change.

    :param changes: of USER_FIELDS; what is not named stays.
    :param password: the new one, or None to leave it.
    """
    if password is None or changes:
        check_changes(changes, USER_FIELDS)
    there = get_user(api, user)
    changed = _change_user(api, there, changes, password)
    return (get_user(api, there["id"]) if changed else there), changed


def _change_user(
    api: PostBoostClient, user: Thing, changes: Mapping[str, Any], password: str | None = None
) -> bool:
    """Send the user as it is with these changes: PostBoost wants all of it (SDK 1.66.3)."""
    if not different(user, changes) and password is None:
        return False
    body = {name: user[name] for name in USER_FIELDS}
    body |= {name: value for name, value in changes.items() if value is not None}
    if password is not None:
        body |= {"password": password, "password_confirmation": password}
    api.call("update_user", parameters={"user_id": user["id"]}, body=body)
    return True


def delete_user(api: PostBoostClient, user: str | int, confirm_name: str) -> bool:
    """Delete a user, and return whether there was one.

    :raises PostBoostConfigError: the user has another name.
    """
    found = find_user(api, user)
    if found is None:
        return False
    confirm(f"the user {user}", str(found["name"]), confirm_name)
    delete(api, "delete_user", {"user_id": found["id"]})
    return True
