from __future__ import annotations

import pytest

from postboost_provider.polling.post_lists import PostLists


def lists_read(wanted: list[int], count: int) -> int:
    """Return how many lists are read for those of so many posts, the newest of which is number 0."""
    lists, read = PostLists([str(number) for number in wanted]), 0
    found: list[str] = []
    while lists.next() is not None:
        page = [{"uuid": str(number)} for number in range(read * 50, min(count, read * 50 + 50))]
        read += 1
        meta = {"current_page": read, "last_page": -(-count // 50)}
        found += [post["uuid"] for post in lists.find({"data": page, "meta": meta})]
    assert set(found) <= {str(number) for number in wanted}
    return read


@pytest.mark.parametrize(
    ("wanted", "count", "lists"),
    [
        # A few are read one by one.
        (range(8), 1000, 0),
        (range(9), 1000, 1),
        # All of them, a list for fifty.
        (range(1000), 1000, 20),
        # The last few of them, which are not worth another list.
        (range(108), 1000, 2),
        # Newer posts lie before them.
        (range(200, 300), 1000, 6),
        # Too many newer posts: half of what the gets would cost is spent on getting past them.
        (range(900, 1000), 1000, 7),
        # Few among many: a list finds too few of them.
        (range(0, 1000, 25), 1000, 4),
        # The first list finds none, and what may be spent is just spent: one more.
        (range(200, 216), 1000, 2),
        # Some that no list has.
        (range(990, 1010), 1000, 2),
    ],
    ids=str,
)
def test_lists_are_read_as_long_as_they_cost_less_than_gets(wanted: range, count: int, lists: int) -> None:
    assert lists_read(list(wanted), count) == lists


def test_lists_are_asked_for_one_after_the_other() -> None:
    lists, pages = PostLists([str(number) for number in range(200)]), []
    for read in range(4):
        asked = lists.next()
        assert asked is not None
        pages.append(int(asked.get("page") or 1))
        page = [{"uuid": str(number)} for number in range(read * 50, read * 50 + 50)]
        lists.find({"data": page, "meta": {"current_page": read + 1, "last_page": 20}})
    assert pages == [1, 2, 3, 4]
