"""Create something in the panel unless it exists: found by what people know it by, and created only once.

PostBoost's panel takes no idempotency keys, and does not keep a caller from creating the same thing twice (SDK 1.66.3).
So a workspace is looked up by its name and owner first, and a user by the email address. It is created only where it
does not exist. After a lost response it is looked up again, not created again.
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
    UnexpectedResponseError,
    ValidationError,
)

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

Resource = dict[str, Any]
IfExists = Literal["skip", "update", "fail"]
Outcome = Literal["created", "updated", "found"]
IF_EXISTS = ("skip", "update", "fail")


def ensure(
    what: str,
    find: Callable[[], Resource | None],
    create: Callable[[], Any],
    change: Callable[[Resource], bool],
    if_exists: IfExists,
) -> tuple[Resource, Outcome]:
    """Return a resource that exists from now on, and what was done for it.

    :param what: what messages call it.
    :param find: looks it up by what people know it by.
    :param create: sends the request that creates it; called at most once.
    :param change: changes what differs of an existing one, and returns whether anything did.
    :param if_exists: ``skip`` uses an existing one as it is, ``update`` changes it, ``fail`` fails.
    :raises PostBoostConfigError: ``exists``: it exists, and ``if_exists`` is ``fail``.
    :raises UnconfirmedError: the response to its creation was lost, and it is not found (yet).
    """
    check_choice("if_exists", if_exists, IF_EXISTS)
    found = find()
    if found is None:
        found, is_new = _create(what, find, create)
        if is_new:
            return found, "created"
    if if_exists == "fail":
        raise exists_already(what)
    if if_exists == "update" and change(found):
        return find() or found, "updated"
    return found, "found"


def exists_already(what: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"There is {what} already, and if_exists is 'fail'. An earlier attempt of this task may have created it. Set "
        "if_exists to 'skip' to use it as it is, or to 'update' to change it.",
        code="exists",
        field="if_exists",
    )


def _create(
    what: str, find: Callable[[], Resource | None], create: Callable[[], Any]
) -> tuple[Resource, bool]:
    """Create a resource, and return it as it is found then with whether this request created it."""
    is_new = True
    cause: PostBoostError | None = None
    try:
        create()
    except (UnconfirmedError, ServerError, UnexpectedResponseError) as error:
        log.warning("It is not known whether %s was created; looking it up. %s", what, error)
        cause = error
    except ValidationError as error:
        # Somebody may have created it since it was looked up.
        is_new, cause = False, error
    found = find()
    if found is not None:
        return found, is_new
    raise cause or UnexpectedResponseError(f"PostBoost created {what}, but does not list it. Retry the task.")


def check_changes(changes: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """Check that there are changes, and only these. Values are not shown: somebody may write a password."""
    if not isinstance(changes, Mapping) or not changes:
        raise PostBoostConfigError(
            f"changes is empty or not a mapping; it can have {', '.join(allowed)}.", field="changes"
        )
    if unknown := [str(name) for name in changes if name not in allowed]:
        raise PostBoostConfigError(
            f"changes has {', '.join(unknown)}; it can have {', '.join(allowed)}.", field="changes"
        )


def is_different(resource: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether anything of a resource is not as wanted; None leaves it open."""
    return any(value is not None and resource.get(name) != value for name, value in wanted.items())


def delete(
    api: PostBoostClient, operation: str, parameters: Mapping[str, Any], *, name: str, confirm_name: str
) -> None:
    """Delete a resource whose name the author knows. Succeeds if it is gone, as after a lost response.

    :raises PostBoostConfigError: ``other_name``: it has another name.
    """
    if name != str(confirm_name).strip():
        raise PostBoostConfigError(
            f"confirm_name is {confirm_name!r}, but the name is {name!r}. Nothing was deleted. Correct confirm_name, or "
            "what is to be deleted.",
            code="other_name",
            field="confirm_name",
        )
    with suppress(NotFoundError):
        api.call(operation, parameters=parameters)
