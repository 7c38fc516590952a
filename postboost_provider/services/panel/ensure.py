"""Create something in the panel unless it exists.

PostBoost's panel takes no idempotency keys, and creates the same thing twice if asked twice (SDK 1.66.3). So a workspace
is looked up by its name and owner first, and a user by the email address. After a lost response it is looked up again,
not created again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    LOST_RESPONSE,
    NotFoundError,
    PostBoostConfigError,
    PostBoostError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.api.operations import get_operation
from postboost_provider.idempotency.effect import check_effect

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

Resource = dict[str, Any]
IfExists = Literal["skip", "update", "fail"]
Outcome = Literal["created", "updated", "found"]
IF_EXISTS = ("skip", "update", "fail")


def ensure(
    name: str,
    find: Callable[[], Resource | None],
    create: Callable[[], Any],
    change: Callable[[Resource], bool],
    if_exists: IfExists,
) -> tuple[Resource, Outcome]:
    """Return a resource, created if it did not exist, and its outcome.

    :param name: its name in messages.
    :param create: sends the request that creates it; called at most once.
    :param change: changes what differs of an existing one, and returns whether anything did.
    :param if_exists: ``skip`` uses an existing one as it is, ``update`` changes it, ``fail`` fails.
    :raises PostBoostConfigError: ``exists``: it exists, and ``if_exists`` is ``fail``.
    :raises UnconfirmedError: the response to its creation was lost, and it is not found (yet).
    """
    found = find()
    if found is None:
        is_new = True
        cause: PostBoostError | None = None
        try:
            create()
        except LOST_RESPONSE as error:
            log.warning("It is not known whether %s was created; looking it up. %s", clean_text(name), error)
            cause = error
        except ValidationError as error:
            # Somebody may have created it since it was looked up.
            is_new, cause = False, error
        found = find()
        if found is None:
            raise cause or UnexpectedResponseError(
                f"PostBoost created {name}, but does not list it. Retry the task.", code="not_listed"
            )
        if is_new:
            return found, "created"
    if if_exists == "fail":
        raise exists_already(name)
    if if_exists == "update" and change(found):
        return find() or found, "updated"
    return found, "found"


def exists_already(name: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"{name[0].upper()}{name[1:]} already exists, and if_exists is 'fail'. An earlier attempt of this task may have "
        "created it. Set if_exists to 'skip' to use it as it is, or to 'update' to change it.",
        code="exists",
        field="if_exists",
    )


def check_changes(changes: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    """Check that there are changes, and only these. Values are not shown: somebody may write a password."""
    seen = ", ".join(map(str, changes)) if isinstance(changes, Mapping) else type(changes).__name__
    if not isinstance(changes, Mapping) or not changes or not set(changes) <= set(allowed):
        raise PostBoostConfigError(
            f"changes contains {seen or 'nothing'}; it can contain {', '.join(allowed)}.", field="changes"
        )


def check_changed(name: str, resource: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    """Check what was read back after a change.

    :raises UnexpectedResponseError: PostBoost reported success, but it is not as wanted; ``code`` is ``not_changed``.
    """
    found = resource or {}
    # It may trim a text, or write an address in lower case.
    differing = [
        key
        for key, value in wanted.items()
        if value is not None and str(found.get(key)).strip().casefold() != str(value).strip().casefold()
    ]
    if differing:
        raise UnexpectedResponseError(
            f"PostBoost reported that {name} was changed, but it has {differing[0]} {found.get(differing[0])!r}, not "
            f"{wanted[differing[0]]!r}. Check it in the panel.",
            code="not_changed",
            field=differing[0],
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
    if name != confirm_name:
        raise PostBoostConfigError(
            f"confirm_name is {confirm_name!r}, but the name is {name!r}. Nothing was deleted. Correct confirm_name or "
            "the id.",
            code="other_name",
            field="confirm_name",
        )
    with suppress(NotFoundError):
        api.call(operation, parameters=parameters)
    check_effect(api, get_operation(operation), {"parameters": parameters, "body": None})


def check_gone(what: str, argument: str, confirm_name: str, others: Iterable[object]) -> None:
    """Check that what was not found is gone, and not mistyped: nothing else has the name that the author confirmed.

    :param what: what was not found, for the message.
    :param others: how to write those that have the name.
    :raises PostBoostConfigError: ``mistyped``: something has.
    """
    if listed := ", ".join(map(str, others)):
        raise PostBoostConfigError(
            f"{what} does not exist, and {confirm_name!r} is the name of {listed}. Nothing was deleted. Correct {argument}. If "
            "the task has deleted it before, there is nothing left to do.",
            code="mistyped",
            field=argument,
        )
