"""Lazy iteration over every kind of list that the API has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError, UnexpectedResponseError
from postboost_provider.api.operations import get_operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.api.operations import Operation

# The largest page that PostBoost documents: one request for a hundred items instead of two for fifty.
PAGE_SIZE = 100
SIZE_PARAMETERS = ("per_page", "limit")
# A list of fifty posts takes about as long as this many gets in flight (python -m benchmarks.waits).
GETS_PER_LIST = 8


def first_page(operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the first request.

    :raises PostBoostConfigError: the operation does not return a list.
    """
    if not operation.is_list:
        raise PostBoostConfigError(
            f"{operation.operation} does not return a list. Use call() instead.", field="operation"
        )
    known = {p.name for p in operation.parameters}
    size = {name: PAGE_SIZE for name in SIZE_PARAMETERS if name in known and operation.reply == "page"}
    return {**size, **parameters}


def items_of(operation: Operation, payload: Any) -> list[Any]:
    """Return the items of one response."""
    key = "slots" if operation.reply == "cursor" else "data"
    if not isinstance(payload, dict):
        raise UnexpectedResponseError(f"{operation.operation}: the response is not an object with {key}.")
    items = payload.get(key)
    if not isinstance(items, list) or None in items:
        raise UnexpectedResponseError(f"{operation.operation}: {key} in the response is not a list of items.")
    return items


def next_page(operation: Operation, parameters: Mapping[str, Any], payload: Any) -> dict[str, Any] | None:
    """Return the parameters of the next request, or None at the end.

    A short or empty page is not the end: for keys that are limited to some accounts, PostBoost counts the pages before
    it filters them (SDK 1.66.3). Only the page numbers say where the list ends.
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
        raise UnexpectedResponseError(
            f"{operation.operation}: the response's page numbers can't be read."
        ) from None
    return {**parameters, "page": page + 1} if more else None


class PostLists:
    """Read many posts through lists, as long as that costs less than one get for each post.

    PostBoost lists whole posts, fifty at a time, newest first, without a filter (SDK 1.66.3). Lists continue as long as
    each one finds enough wanted posts. Half of what the gets would cost may be spent on lists of newer posts.

    :param wanted: uuids of posts. The caller gets those that no list contains.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self._operation = get_operation("list_posts")
        self._next: dict[str, Any] | None = first_page(self._operation, {})
        self._left = set(wanted)
        # Counted in gets.
        self._budget = len(self._left) / 2

    def next(self) -> dict[str, Any] | None:
        """Return the parameters of the next list, or None if gets are cheaper from here on."""
        if len(self._left) <= GETS_PER_LIST or self._budget < 0:
            return None
        return self._next

    def find(self, payload: Any) -> list[dict[str, Any]]:
        """Return the wanted posts in the response of a list."""
        found = [post for post in items_of(self._operation, payload) if post.get("uuid") in self._left]
        self._left -= {post["uuid"] for post in found}
        self._budget += len(found) - GETS_PER_LIST
        self._next = next_page(self._operation, self._next or {}, payload)
        return found
