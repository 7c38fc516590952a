"""Lazy iteration over every kind of list that the API has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError, ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.operations import Operation

# One request for a hundred instead of two for fifty: the largest page that PostBoost documents.
PAGE_SIZE = 100
SIZE_PARAMETERS = ("per_page", "limit")


def first_page(operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the first request.

    :raises PostBoostConfigError: the operation does not answer with a list.
    """
    if operation.reply not in ("page", "list", "cursor"):
        raise PostBoostConfigError(f"{operation.operation} does not answer with a list: use call() instead.")
    known = {p.name for p in operation.parameters}
    size = {name: PAGE_SIZE for name in SIZE_PARAMETERS if name in known and operation.reply == "page"}
    return {**size, **parameters}


def items_of(operation: Operation, payload: Any) -> list[Any]:
    """Return the items of one answer."""
    key = "slots" if operation.reply == "cursor" else "data"
    if not isinstance(payload, dict):
        raise ServerError(f"{operation.operation}: the answer is no object with {key}.", status=200)
    items = payload.get(key)
    if not isinstance(items, list) or None in items:
        raise ServerError(f"{operation.operation}: the answer's {key} is not a list of things.", status=200)
    return items


def next_page(operation: Operation, parameters: Mapping[str, Any], payload: Any) -> dict[str, Any] | None:
    """Return the parameters of the next request, or None at the end.

    A short or empty page ends nothing: for keys that are limited to some accounts PostBoost counts the pages
    before it filters them (SDK 1.66.3), so only the page numbers tell.
    """
    if operation.reply == "cursor":
        cursor = payload.get("next_cursor")
        if not cursor or cursor == parameters.get("after"):
            return None
        return {**parameters, "after": cursor}
    if operation.reply != "page":
        return None
    page = int(parameters.get("page") or 1)
    try:
        last = (payload.get("meta") or {}).get("last_page")
        more = page < int(last) if last is not None else bool((payload.get("links") or {}).get("next"))
    except (AttributeError, TypeError, ValueError):
        raise ServerError(
            f"{operation.operation}: the answer's page numbers can't be read.", status=200
        ) from None
    return {**parameters, "page": page + 1} if more else None
