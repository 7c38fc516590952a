"""Read back what an operation has changed, where PostBoost has a way to read it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import NotFoundError, PermissionDeniedError, UnexpectedResponseError
from postboost_provider.api.operations import load_operations
from postboost_provider.idempotency.workspace import check_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.errors import PostBoostRequestError
    from postboost_provider.api.operations import Operation

log = logging.getLogger(__name__)


def check_effect(
    api: PostBoostClient,
    op: Operation,
    call: Mapping[str, Any],
    refusal: PostBoostRequestError | None = None,
) -> None:
    """Check that what was deleted is gone, and that what was changed is as it was sent.

    :param call: its ``parameters`` and ``body``.
    :param refusal: a deletion that reported that nothing was deleted: raised if the thing exists.
    :raises UnexpectedResponseError: PostBoost reported success, and it is not so; ``code`` is ``not_deleted`` or
        ``not_changed``.
    """
    read = find_read(op)
    if read is None or op.method not in ("DELETE", "PUT", "PATCH") or _stays(call["body"]):
        if refusal is not None:
            raise refusal
        return
    known = {parameter.name for parameter in read.parameters}
    where = {name: value for name, value in call["parameters"].items() if name in known}
    try:
        found = _find(api, op, read, where, call["parameters"])
    except PermissionDeniedError as error:
        if error.code != "insufficient_scope" or refusal is not None:
            raise
        log.warning("%s: not read back, because the token lacks the ability 'read'.", op.operation)
        return
    if refusal is not None:
        if found:
            raise refusal
        if op.tier == "workspace":
            check_workspace(api, refusal, where.get("workspace_uuid"))
    elif op.method == "DELETE":
        if found and not found.get("trashed"):
            raise UnexpectedResponseError(
                f"{op.operation}: PostBoost reported success, but {read.operation} still returns it. Delete it in PostBoost.",
                code="not_deleted",
            )
    elif different := _different(call["body"] or {}, found):
        raise UnexpectedResponseError(
            f"{op.operation}: PostBoost reported success, but {read.operation} returns {different}. Check it in PostBoost.",
            code="not_changed",
        )


def find_read(op: Operation) -> Operation | None:
    """Return the operation that reads what another one writes; for a deletion also the list that it was in."""
    parent = op.path.rpartition("/")[0] if op.method == "DELETE" else op.path
    reads = [o for o in load_operations().values() if o.is_read and o.path in (op.path, parent)]
    return next((o for o in reads if o.path == op.path and not o.is_list), None) or next(
        (o for o in reads if o.path == parent and o.is_list and op.path != parent), None
    )


def _stays(body: Any) -> bool:
    """Return whether a deleted post stays in PostBoost: it was to be deleted on the networks only."""
    return isinstance(body, dict) and body.get("delete_mode") == "social_only"


def _find(
    api: PostBoostClient, op: Operation, read: Operation, where: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the thing, or an empty mapping."""
    if read.is_list:
        name = op.path.rpartition("/")[2].strip("{}")
        wanted = str(given.get(name))
        return next((dict(i) for i in api.pages(read.operation, parameters=where) if _is_it(i, wanted)), {})
    try:
        found = api.call(read.operation, parameters=where)
    except NotFoundError:
        if op.method != "DELETE":
            raise
        return {}
    found = found.get("data", found) if isinstance(found, dict) else found
    return dict(found) if isinstance(found, dict) else {}


def _is_it(item: Mapping[str, Any], wanted: str) -> bool:
    return wanted in (str(item.get("id")), str(item.get("uuid")))


def _different(sent: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the names and values that are not as they were sent: of those whose form PostBoost has no reason to change."""
    return ", ".join(
        f"{name} as {found[name]!r}, not {value!r}"
        for name, value in sent.items()
        if name in found and type(found[name]) is type(value) and not _is_same(value, found[name])
    )


def _is_same(sent: Any, found: Any) -> bool:
    if isinstance(sent, str):
        # Times, addresses and colors have several forms.
        return (
            " ".join(sent.split()).casefold() == " ".join(found.split()).casefold() or not sent[:1].isalpha()
        )
    return sent == found or not isinstance(sent, (bool, int))
