from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from postboost_provider.api.errors import NotFoundError, PostBoostConfigError, UnexpectedResponseError
from postboost_provider.api.operations import get_operation, load_operations
from postboost_provider.api.pagination import first_page, items_of, next_page
from tests.api.support import WORKSPACE


def numbered(items: list[Any], page: int, last: int) -> httpx.Response:
    return httpx.Response(200, json={"data": items, "meta": {"current_page": page, "last_page": last}})


def queries(route) -> list[dict[str, str]]:
    return [dict(call.request.url.params) for call in route.calls]


@pytest.mark.parametrize(
    "operation, path, size",
    [
        ("list_posts", f"/{WORKSPACE}/posts", {}),
        ("list_templates", f"/{WORKSPACE}/templates", {"per_page": "100"}),
        ("list_media", f"/{WORKSPACE}/media", {"limit": "100"}),
        ("list_workspaces", "/panel/workspaces", {}),
    ],
)
def test_a_list_is_read_to_its_last_page_with_the_largest_pages_it_has(
    connect, postboost, operation, path, size
):
    route = postboost.get(path).mock(
        side_effect=[numbered([1, 2], 1, 3), numbered([3], 2, 3), numbered([4, 5], 3, 3)]
    )
    assert list(connect().pages(operation)) == [1, 2, 3, 4, 5]
    assert queries(route) == [size, {**size, "page": "2"}, {**size, "page": "3"}]


def test_given_parameters_are_sent_with_every_page(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/media").mock(side_effect=[numbered([1], 2, 3), numbered([2], 3, 3)])
    assert list(connect().pages("list_media", parameters={"limit": 10, "page": 2, "folder": "root"})) == [
        1,
        2,
    ]
    assert queries(route) == [
        {"limit": "10", "page": "2", "folder": "root"},
        {"limit": "10", "page": "3", "folder": "root"},
    ]


def test_an_empty_page_in_the_middle_ends_nothing(connect, postboost):
    postboost.get(f"/{WORKSPACE}/posts").mock(
        side_effect=[numbered([1], 1, 4), numbered([], 2, 4), numbered([], 3, 4), numbered([2], 4, 4)]
    )
    assert list(connect().pages("list_posts")) == [1, 2]


def test_pages_are_read_only_as_far_as_they_are_wanted(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/posts").mock(
        side_effect=[numbered([1, 2], 1, 9), numbered([3, 4], 2, 9)]
    )
    assert list(itertools.islice(connect().pages("list_posts"), 3)) == [1, 2, 3]
    assert route.call_count == 2


def test_nothing_is_read_before_the_first_item_is_wanted(connect, postboost):
    connect().pages("list_posts")
    assert postboost.calls.call_count == 0


def test_without_page_numbers_the_link_to_the_next_page_decides(connect, postboost):
    responses = [
        {"data": [1], "links": {"next": "https://elsewhere.test/?page=9"}},
        {"data": [], "links": {"next": "yes"}, "meta": {}},
        {"data": [2], "links": {"next": None}, "meta": None},
    ]
    route = postboost.get(f"/{WORKSPACE}/posts").mock(
        side_effect=[httpx.Response(200, json=a) for a in responses]
    )
    assert list(connect().pages("list_posts")) == [1, 2]
    assert queries(route) == [{}, {"page": "2"}, {"page": "3"}]


@pytest.mark.parametrize("response", [{"data": [1]}, {"data": [1], "meta": {}, "links": {}}])
def test_a_response_without_a_next_page_is_the_last(connect, postboost, response):
    route = postboost.get(f"/{WORKSPACE}/posts").respond(json=response)
    assert list(connect().pages("list_posts")) == [1]
    assert route.call_count == 1


def test_a_plain_list_is_one_request_whatever_it_says_of_pages(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/tags").respond(json={"data": [1, 2], "meta": {"last_page": 5}})
    assert list(connect().pages("list_tags")) == [1, 2]
    assert queries(route) == [{}]


def test_a_list_with_a_cursor_continues_at_it(connect, postboost):
    responses = [
        {"slots": [1], "next_cursor": "2026-10-16 10:00:00"},
        {"slots": [], "next_cursor": "2026-10-17 10:00:00"},
        {"slots": [2], "next_cursor": None},
    ]
    route = postboost.get(f"/{WORKSPACE}/queue/slots").mock(
        side_effect=[httpx.Response(200, json=a) for a in responses]
    )
    assert list(connect().pages("list_queue_slots", parameters={"account_id": 3})) == [1, 2]
    assert queries(route) == [
        {"account_id": "3"},
        {"account_id": "3", "after": "2026-10-16 10:00:00"},
        {"account_id": "3", "after": "2026-10-17 10:00:00"},
    ]


def test_a_cursor_that_stands_still_ends_the_list(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/queue/slots").respond(json={"slots": [1], "next_cursor": "same"})
    assert list(connect().pages("list_queue_slots")) == [1, 1]
    assert route.call_count == 2


@pytest.mark.parametrize("operation", ["get_post", "create_post", "download_report_export"])
def test_an_operation_that_returns_no_list_has_no_pages(operation):
    with pytest.raises(PostBoostConfigError, match=operation):
        first_page(get_operation(operation), {})


def test_an_error_on_a_later_page_is_raised_after_the_items_before_it(connect, postboost):
    postboost.get(f"/{WORKSPACE}/posts").mock(
        side_effect=[numbered([1], 1, 2), httpx.Response(404, json={"message": "Not found."})]
    )
    pages = connect().pages("list_posts")
    assert next(pages) == 1
    with pytest.raises(NotFoundError):
        next(pages)


def test_a_list_may_be_empty():
    assert items_of(get_operation("list_tags"), {"data": []}) == []


@pytest.mark.parametrize("payload", [{"data": None}, {}, {"data": [None]}, {"data": {"a": 1}}])
def test_a_response_without_a_list_is_not_an_empty_list(payload):
    """An empty activity log would mean that nothing was sent."""
    with pytest.raises(UnexpectedResponseError, match="list_api_activity"):
        items_of(get_operation("list_api_activity"), payload)


@pytest.mark.parametrize("meta", [[1], {"last_page": "many"}, {"last_page": {}}])
def test_page_numbers_that_can_not_be_read_are_an_error(meta):
    with pytest.raises(UnexpectedResponseError, match="page numbers"):
        next_page(get_operation("list_posts"), {}, {"data": [], "meta": meta})


@pytest.mark.parametrize("payload", [None, [], [1], "text", 3])
@pytest.mark.parametrize("operation", ["list_tags", "list_posts", "list_queue_slots"])
def test_a_response_that_is_not_an_object_is_an_error_and_not_an_empty_list(operation, payload):
    with pytest.raises(UnexpectedResponseError, match=operation):
        items_of(get_operation(operation), payload)


@pytest.mark.parametrize("data", [{"a": 1}, "text", 3])
def test_items_that_are_not_a_list_are_an_error(data):
    with pytest.raises(UnexpectedResponseError, match="data"):
        items_of(get_operation("list_tags"), {"data": data})


@pytest.mark.parametrize(
    "page, last, more", [(None, 1, None), (None, 2, 2), ("2", "3", 3), (3, 3, None), (4, 3, None)]
)
def test_page_numbers_may_be_text_and_end_at_the_last(page, last, more):
    found = next_page(get_operation("list_posts"), {"page": page}, {"meta": {"last_page": last}})
    assert (found or {}).get("page") == more


@pytest.mark.parametrize(
    "op", [op for op in load_operations().values() if op.is_list], ids=lambda op: op.operation
)
def test_every_list_there_is_is_read_past_short_and_empty_pages(connect, postboost, op):
    """Three ways to ask for a page, a cursor, and lists that are whole: one way to read them."""
    names = {p.name for p in op.parameters}
    given = {p.name: "7" for p in op.parameters if p.required and p.name != "workspace_uuid"}
    pages: list[list[int]] = [[1, 2], [], [3]] if op.response in ("page", "cursor") else [[1, 2, 3]]
    responses = [
        {
            "slots" if op.response == "cursor" else "data": items,
            "meta": {"current_page": number, "last_page": len(pages)},
            "next_cursor": str(number) if number < len(pages) else None,
        }
        for number, items in enumerate(pages, 1)
    ]
    path = op.path.format(**{**dict.fromkeys(names, "7"), "workspace_uuid": WORKSPACE})
    route = postboost.get(path).mock(side_effect=[httpx.Response(200, json=a) for a in responses])
    assert list(connect().pages(op.operation, parameters=given)) == [1, 2, 3]
    turned = [q.get("after" if op.response == "cursor" else "page") for q in queries(route)]
    assert turned == {"page": [None, "2", "3"], "cursor": [None, "1", "2"], "list": [None]}[op.response]
    sizes = {q.get("per_page") or q.get("limit") for q in queries(route)}
    assert sizes == ({"100"} if op.response == "page" and names & {"per_page", "limit"} else {None})
