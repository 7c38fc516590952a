"""What is read back of an operation: whether what was deleted is gone, and what was changed is as it was sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostRequestError,
    UnexpectedResponseError,
)
from postboost_provider.api.operations import get_operation
from postboost_provider.idempotency.effect import check_effect, find_read

GONE = NotFoundError("No such thing.", status=404)
MAY_NOT_READ = PermissionDeniedError("No.", status=403, code="insufficient_scope")
FORBIDDEN = PermissionDeniedError("No.", status=403)
REFUSAL = PostBoostRequestError("Nothing was deleted.", status=200, code="not_successful")


class Reading:
    """A client whose reads return or raise what is given, by operation."""

    settings = SimpleNamespace(workspace_uuid="w-1")

    def __init__(self, **found: Any) -> None:
        self.found = found
        self.asked: list[tuple[str, Any]] = []

    def call(self, operation: str, *, parameters: Any = None) -> Any:
        self.asked.append((operation, parameters))
        found = self.found[operation]
        if isinstance(found, Exception):
            raise found
        return found

    def pages(self, operation: str, *, parameters: Any = None) -> Any:
        return iter(self.call(operation, parameters=parameters))


def check(
    operation: str, api: Reading, body: Any = None, refusal: PostBoostRequestError | None = None, **given: Any
) -> list[tuple[str, Any]]:
    """Check an effect, and return what was asked for."""
    client: Any = api
    check_effect(client, get_operation(operation), {"parameters": given, "body": body}, refusal)
    return api.asked


@pytest.mark.parametrize(
    ("operation", "read"),
    [
        ("delete_tag", "get_tag"),
        ("update_tag", "get_tag"),
        ("delete_agent", "list_agents"),
        ("delete_api_key", "list_api_keys"),
        ("delete_brand_voice", "get_brand_voice"),
        ("update_user", "get_user"),
        # A list would show other things than the one that was changed, or more than those that were deleted.
        ("update_agent", None),
        ("delete_users_bulk", None),
        ("delete_media_bulk", None),
        ("remove_user_from_workspace", None),
        ("create_tag", None),
    ],
)
def test_what_reads_an_effect_back(operation: str, read: str | None) -> None:
    found = find_read(get_operation(operation))
    assert (found and found.operation) == read


@pytest.mark.parametrize("found", [GONE, None, [], {"trashed": True}, {"data": {"trashed": True}}])
def test_what_is_gone_or_in_the_trash_was_deleted(found: Any) -> None:
    assert check("delete_tag", Reading(get_tag=found), tag_uuid="t") == [("get_tag", {"tag_uuid": "t"})]


@pytest.mark.parametrize("found", [{"uuid": "t"}, {"data": {"uuid": "t"}}, {"uuid": "t", "trashed": False}])
def test_what_is_still_there_was_not_deleted(found: Any) -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        check("delete_tag", Reading(get_tag=found), tag_uuid="t")
    assert caught.value.code == "not_deleted"


def test_a_post_that_was_to_be_deleted_on_networks_only_is_not_looked_up() -> None:
    assert check("delete_post", Reading(), {"delete_mode": "social_only"}, post_uuid="p") == []
    assert check("delete_post", Reading(get_post=GONE), {"delete_mode": "app_only"}, post_uuid="p")
    with pytest.raises(PostBoostRequestError):
        check("delete_post", Reading(), {"delete_mode": "social_only"}, REFUSAL, post_uuid="p")


@pytest.mark.parametrize("item", [{"id": 7}, {"uuid": "7"}])
def test_what_is_read_from_a_list_is_the_one_with_the_id(item: dict[str, Any]) -> None:
    other = {"id": 8, "uuid": "8"}
    key = {"api_key_id": 7, "workspace_uuid": "w-2"}
    asked = check("delete_api_key", Reading(list_api_keys=[other]), **key)
    assert asked == [("list_api_keys", {"workspace_uuid": "w-2"})]
    with pytest.raises(UnexpectedResponseError):
        check("delete_api_key", Reading(list_api_keys=[other, item]), **key)


@pytest.mark.parametrize("operation", ["create_tag", "list_tags", "update_agent", "add_generic_subscription"])
def test_what_can_not_be_read_back_is_not_checked(operation: str) -> None:
    assert check(operation, Reading(), {"name": "a"}) == []


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"name": "Autumn"}, {"name": "Autumn", "other": 1}),
        ({"name": "Autumn  leaves"}, {"data": {"name": " autumn leaves\n"}}),
        ({"name": "a"}, {}),
        ({"name": "a"}, []),
        # Forms that PostBoost may change: colors, times, numbers as texts, lists.
        ({"hex_color": "#F59E0B"}, {"hex_color": "#f59e0c"}),
        ({"at": "2026-10-16 09:30"}, {"at": "2026-10-16T07:30:00Z"}),
        ({"limit": 7}, {"limit": "8"}),
        ({"accounts": [1, 2]}, {"accounts": [2, 1]}),
        ({"rate": 1.5}, {"rate": 1.0}),
        ({"is_on": True, "limit": 7}, {"is_on": True, "limit": 7}),
    ],
)
def test_what_was_changed_is_as_it_was_sent(sent: dict[str, Any], found: Any) -> None:
    assert check("update_tag", Reading(get_tag=found), sent, tag_uuid="t")


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"name": "Autumn"}, {"name": "Winter"}),
        ({"a": "same", "name": "Autumn"}, {"data": {"a": "same", "name": "Winter"}}),
        ({"name": True}, {"name": False}),
        ({"name": 7}, {"name": 8}),
    ],
)
def test_a_change_that_did_not_happen_is_an_error_that_names_it(sent: dict[str, Any], found: Any) -> None:
    with pytest.raises(UnexpectedResponseError, match="name") as caught:
        check("update_tag", Reading(get_tag=found), sent, tag_uuid="t")
    assert caught.value.code == "not_changed"


def test_what_was_changed_and_is_not_found_is_an_error() -> None:
    with pytest.raises(NotFoundError):
        check("update_tag", Reading(get_tag=GONE), {"name": "a"}, tag_uuid="t")
    assert check("update_tag", Reading(get_tag={"name": "a"}), None, tag_uuid="t")


def test_a_token_that_may_not_read_can_write(caplog: pytest.LogCaptureFixture) -> None:
    assert check("delete_tag", Reading(get_tag=MAY_NOT_READ), tag_uuid="t")
    assert "read" in caplog.text
    for error, refusal in ((FORBIDDEN, None), (MAY_NOT_READ, REFUSAL), (FORBIDDEN, REFUSAL)):
        with pytest.raises(PermissionDeniedError):
            check("delete_tag", Reading(get_tag=error), None, refusal, tag_uuid="t")


def test_a_refused_deletion_is_one_only_if_the_thing_is_gone_from_a_workspace_that_exists() -> None:
    asked = check("delete_mention", Reading(get_mention=GONE, list_accounts=[]), None, REFUSAL, mention_id=7)
    assert asked == [("get_mention", {"mention_id": 7}), ("list_accounts", None)]
    with pytest.raises(PostBoostRequestError) as caught:
        check("delete_mention", Reading(get_mention={"id": 7}), None, REFUSAL, mention_id=7)
    assert caught.value is REFUSAL
    with pytest.raises(PostBoostRequestError) as caught:
        check("delete_users_bulk", Reading(), None, REFUSAL)
    assert caught.value is REFUSAL
    # The panel's things are in no workspace.
    assert check("delete_user", Reading(get_user=GONE), None, REFUSAL, user_id=7) == [
        ("get_user", {"user_id": 7})
    ]


@pytest.mark.parametrize("given", [{}, {"workspace_uuid": "w-2"}])
def test_a_workspace_that_does_not_exist_is_named(given: dict[str, str]) -> None:
    api = Reading(get_mention=GONE, list_accounts=GONE)
    with pytest.raises(PostBoostConfigError, match=given.get("workspace_uuid", "w-1")) as caught:
        check("delete_mention", api, None, REFUSAL, mention_id=7, **given)
    assert (caught.value.code, caught.value.field) == ("unknown_workspace", "workspace_uuid")
    assert api.asked[-1] == ("list_accounts", given or None)
