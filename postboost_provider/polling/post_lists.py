"""Read many posts from lists, where that takes fewer requests than one for each post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.operations import get_operation
from postboost_provider.api.pagination import first_page, items_of, next_page
from postboost_provider.api.responses import reading_response

if TYPE_CHECKING:
    from collections.abc import Iterable

# A list of fifty posts takes about as long as this many gets in flight (python -m benchmarks.waits).
GETS_PER_LIST = 8


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
        with reading_response(self._operation.operation):
            found = [post for post in items_of(self._operation, payload) if post.get("uuid") in self._left]
        self._left -= {post["uuid"] for post in found}
        self._budget += len(found) - GETS_PER_LIST
        self._next = next_page(self._operation, self._next or {}, payload)
        return found
