"""What settled posts come to: which fail a task, and what is said of those that are published in part."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import PublishError, UnexpectedResponseError
from postboost_provider.polling.conditions import PostsSettled
from postboost_provider.polling.outcome import (
    PostOutcome,
    account_name,
    conclude,
    describe_status,
    read_post,
)


def account(name: str, status: str | None, *errors: str) -> dict[str, Any]:
    found = {"uuid": name, "provider": "twitter", "name": name, "publish_status": status}
    return {**found, "errors": list(errors)}


def post(status: str, *accounts: dict[str, Any], uuid: str = "p-1") -> PostOutcome:
    return read_post({"uuid": uuid, "status": status, "accounts": list(accounts)})


GOOD = post("published", account("acme", "published"), uuid="p-0")
FAILED = post("published", account("acme", "failed", "Too long."))
PARTIAL = post("published", account("acme", "published"), account("shop", "failed", "Too long."), uuid="p-2")


@pytest.mark.parametrize("on_partial", ["fail", "succeed"])
@pytest.mark.parametrize("failed", [post("failed"), post("failed", account("acme", None)), FAILED])
def test_a_post_that_failed_fails_the_task_also_without_an_account(
    failed: PostOutcome, on_partial: str
) -> None:
    with pytest.raises(PublishError) as caught:
        conclude([GOOD, failed], on_partial)
    assert caught.value.code == "publish_failed"
    assert [each["uuid"] for each in caught.value.outcomes] == ["p-0", "p-1"]


def test_a_post_that_is_published_in_part_fails_the_task_unless_the_author_allows_it() -> None:
    with pytest.raises(PublishError):
        conclude([PARTIAL], "fail")
    (line,) = conclude([GOOD, PARTIAL], "succeed")
    assert "p-2" in line
    assert "shop" in line


def test_the_error_of_a_published_account_is_told_and_only_that() -> None:
    late = post(
        "published",
        account("acme", "published", "No first comment."),
        account("shop", "published"),
        uuid="p-3",
    )
    (line,) = conclude([GOOD, late], "fail")
    assert "acme" in line
    assert "No first comment." in line
    told = conclude([PARTIAL], "succeed")
    assert len(told) == 1


@pytest.mark.parametrize(
    ("found", "everywhere"),
    [(post("published"), False), (post("published", account("a", "pending")), False), (FAILED, True)],
)
def test_a_post_without_a_failed_account_has_not_failed_everywhere(
    found: PostOutcome, everywhere: bool
) -> None:
    assert found.is_failed_everywhere is everywhere


def test_the_accounts_that_have_a_post_are_counted() -> None:
    statuses = ("published", "published", "publishing")
    found = post("publishing", *(account(str(n), status) for n, status in enumerate(statuses)))
    assert "2 of 3" in describe_status(found)
    assert "accounts" not in describe_status(post("draft"))


def test_an_account_of_which_only_the_id_is_known_is_named_by_it() -> None:
    assert account_name({"provider": "", "id": 7, "name": ""}) == "account 7"


@pytest.mark.parametrize("junk", [{"uuid": "p-1", "status": None}, {"uuid": None, "status": "draft"}])
def test_a_post_without_a_uuid_or_a_status_is_unreadable(junk: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        read_post(junk)
    assert caught.value.code == "unreadable_response"


def test_an_unreadable_post_names_the_operation_that_returned_it() -> None:
    with pytest.raises(UnexpectedResponseError, match="^get_post"):
        read_post({"uuid": "p-1", "status": "draft", "accounts": [None]})


def test_posts_that_could_not_be_read_yet_are_waited_for_and_have_no_outcome() -> None:
    posts = PostsSettled(["p-1", "p-2"], timedelta(hours=1), logging.getLogger())
    waiting = post("scheduled")
    posts.note({"p-1": waiting})
    found = posts.finding()
    assert not found.is_settled
    assert (found.result, tuple(found.waiting)) == ([waiting], (waiting,))
    assert "p-2" in found.pending


def test_an_outcome_comes_back_from_its_plain_values() -> None:
    at = datetime(2026, 10, 16, 7, 30, tzinfo=UTC)
    found = read_post(
        {
            "uuid": "p-1",
            "status": "published",
            "scheduled_at": at.isoformat(),
            "published_at": (at + timedelta(seconds=5)).isoformat(),
            "accounts": [account("acme", "published", "Late.")],
        }
    )
    assert PostOutcome.from_dict(found.as_dict()) == found


def test_what_is_waited_for_is_logged_and_what_is_settled_is_not(caplog: pytest.LogCaptureFixture) -> None:
    posts = PostsSettled(["p-0", "p-1"], timedelta(hours=1), logging.getLogger("waiting"))
    with caplog.at_level("INFO", "waiting"):
        posts.note({"p-0": GOOD, "p-1": post("scheduled")})
    (line,) = caplog.messages
    assert "p-1" in line


def test_a_settled_post_is_not_waited_for_any_more() -> None:
    posts = PostsSettled(["p-0", "p-1"], timedelta(hours=1), logging.getLogger())
    posts.note({"p-0": GOOD, "p-1": post("scheduled")})
    assert list(posts.unsettled) == ["p-1"]
    posts.note({"p-1": FAILED})
    found = posts.finding()
    assert (found.is_settled, found.result, tuple(found.waiting)) == (True, [GOOD, FAILED], ())
