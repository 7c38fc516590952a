"""Lazy iteration over every kind of list that the API has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError, UnexpectedResponseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.operations import Operation

# The largest page that PostBoost documents: one request for a hundred items instead of two for fifty.
PAGE_SIZE = 100
SIZE_PARAMETERS = ("per_page", "limit")


def first_page(operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the first request.

    :raises PostBoostConfigError: the operation does not return a list.
    """
    if not operation.is_list:
        raise PostBoostConfigError(
            f"{operation.operation} does not return a list. Use call() instead.",
            field="operation",
            code="not_a_list",
        )
    known = {p.name for p in operation.parameters}
    size = {name: PAGE_SIZE for name in SIZE_PARAMETERS if name in known and operation.response == "page"}
    return {**size, **parameters}


def items_of(operation: Operation, payload: Any) -> list[Any]:
    """Return the items of one response."""
    key = "slots" if operation.response == "cursor" else "data"
    if not isinstance(payload, dict):
        raise UnexpectedResponseError(
            f"{operation.operation}: the response is not an object with {key}.", code="not_a_list"
        )
    items = payload.get(key)
    if not isinstance(items, list) or None in items:
        raise UnexpectedResponseError(
            f"{operation.operation}: {key} in the response is not a list of items.", code="not_a_list"
        )
    return items


def next_page(operation: Operation, parameters: Mapping[str, Any], payload: Any) -> dict[str, Any] | None:
    """Return the parameters of the next request, or None at the end.

    A short or empty page is not the end: for keys that are limited to some accounts, PostBoost counts the pages before
    it filters them (SDK 1.66.3). Only the page numbers say where the list ends.
    """
    if operation.response == "cursor":
        cursor = payload.get("next_cursor")
        if not cursor or cursor == parameters.get("after"):
            return None
        return {**parameters, "after": cursor}
    if operation.response != "page":
        return None
    page = int(parameters.get("page") or 1)
    try:
        last = (payload.get("meta") or {}).get("last_page")
        more = page < int(last) if last is not None else bool((payload.get("links") or {}).get("next"))
    except (AttributeError, TypeError, ValueError):
        raise UnexpectedResponseError(
            f"{operation.operation}: its page numbers can't be read.", code="not_a_list"
        ) from None
    return {**parameters, "page": page + 1} if more else None
