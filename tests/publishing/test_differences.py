"""How a post in PostBoost differs from what was asked for, and which post the activity log means."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import UnconfirmedError, UnexpectedResponseError
from postboost_provider.publishing.differences import (
    ENTRY_SECONDS,
    MOST_LISTS,
    Difference,
    describe,
    differences,
    find_made,
    identify,
)
from postboost_provider.publishing.post_history import KnownPost

MADE_AT = "2026-10-16T07:30:00Z"


def version(*texts: str | None, account: int = 0) -> dict[str, Any]:
    content = [{"body": text, "media": []} for text in texts]
    return {"account_id": account, "is_original": account == 0, "content": content}


def body(*versions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"accounts": [1, 2], "versions": list(versions or (version("Hello"),)), **more}


def post(*versions: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = {"uuid": "p-1", "status": "draft", "created_at": MADE_AT, "accounts": [{"id": 2}, {"id": 1}]}
    return {**found, "versions": list(versions or (version("Hello"),)), **more}


SCHEDULED = {"schedule": True, "date": "2026-10-16", "time": "07:30"}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (body(), post()),
        # What a response lacks is not compared.
        (body(), post(accounts=None)),
        (body(), {**post(), "versions": []}),
        (body(**SCHEDULED), post(scheduled_at=None)),
        (body(**SCHEDULED), post(scheduled_at="2026-10-16 07:30:00")),
        (body(), post(scheduled_at="2026-10-16 07:30:00")),
        # Times that PostBoost chooses.
        (body(**SCHEDULED, accounts_schedule={"1": "x"}), post(scheduled_at="2026-10-17 07:30:00")),
        (body(queue=True, date="2026-10-16", time="07:30"), post(scheduled_at="2026-10-17 07:30:00")),
        (body(**{**SCHEDULED, "time": "noon"}), post(scheduled_at="2026-10-17 07:30:00")),
        (body(version(None)), post(version(""))),
        (body(accounts=["1", 2]), post(accounts=[{"id": "1"}, {"id": 2}, {"id": None}])),
        (body(version("Hello"), version("Hi", account=2)), post(version("Hi", account=2), version("Hello"))),
        # An account without texts of its own gets those of the original, in whatever form it is kept.
        (body(version("Hello")), post(version("Hello"), version("Hello", account=2))),
    ],
)
def test_what_is_as_it_was_asked_for(asked: dict[str, Any], found: dict[str, Any]) -> None:
    assert differences(asked, found) == []


def test_other_accounts_differ() -> None:
    assert differences(body(), post(accounts=[{"id": 3}, {"id": 1}])) == [
        Difference("accounts", [1, 2], [1, 3])
    ]
    assert differences(body(accounts=[]), post(accounts=[])) == []
    assert differences({"versions": [version("Hello")]}, post(accounts=[{"id": 1}]))


def test_another_text_differs_once_for_all_accounts_that_get_it() -> None:
    assert differences(body(version("Hello")), post(version("Bye"))) == [
        Difference("the text", ["Hello"], ["Bye"], is_text=True)
    ]
    found = differences(
        body(version("Hello"), version("Hi", account=2)), post(version("Hello"), version("Ho", account=2))
    )
    assert found == [Difference("the text for account 2", ["Hi"], ["Ho"], is_text=True)]
    assert differences(body(version("a", "b")), post(version("a")))
    assert differences(body(version("a")), post(version("a"), version("b", account=1)))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a  b\n", "a b"),
        (" a", "a"),
        ("<b>a</b> b", "a b"),
        ("Fish &amp; chips", "Fish & chips"),
        ("Fish & chips", "Fish &amp; chips"),
        ("&lt;b&gt;a", "a"),
    ],
)
def test_a_text_that_postboost_has_processed_is_altered(sent: str, kept: str) -> None:
    (found,) = differences(body(version(sent)), post(version(kept)))
    assert (found.is_text, found.is_altered) == (True, True)
    (other,) = differences(body(version(sent, "x")), post(version(kept, "y")))
    assert not other.is_altered


def test_the_own_text_of_an_account_comes_before_an_original_that_names_it() -> None:
    original = {**version("Hello", account=1), "is_original": True}
    found = differences(body(original, version("Hi", account=1)), post(original, version("Ho", account=1)))
    assert [each.asked for each in found] == [["Hi"]]


def test_another_time_differs() -> None:
    (found,) = differences(body(**SCHEDULED), post(scheduled_at="2026-10-16 07:31:00"))
    assert (found.is_text, found.is_altered) == (False, False)
    assert "07:31" in str(found)


def test_differences_are_described_with_both_values() -> None:
    told = describe([Difference("the text", ["a"], ["b"]), Difference("accounts", [1], [2])])
    for word in ("the text", "'a'", "'b'", "accounts", "[1]", "[2]"):
        assert word in told


def test_a_post_that_can_not_be_read_is_an_unreadable_response() -> None:
    with pytest.raises(UnexpectedResponseError, match="^get_post") as caught:
        differences(body(), post(accounts=[{"id": "x"}]))
    assert caught.value.code == "unreadable_response"


class Listing:
    """A client that lists these posts, in pages of one."""

    def __init__(self, *posts: dict[str, Any]) -> None:
        self.posts, self.asked = posts, 0

    def call(self, operation: str, *, parameters: Any) -> Any:
        assert operation == "list_posts"
        self.asked += 1
        page = int((parameters or {}).get("page") or 1)
        return {"data": list(self.posts[page - 1 : page]), "meta": {"last_page": len(self.posts)}}


def known(mode: str | None = "draft", created_at: str | None = MADE_AT) -> KnownPost:
    return KnownPost(None, None, mode, created_at)


def search(*posts: dict[str, Any], asked: dict[str, Any] | None = None, by: KnownPost | None = None) -> str:
    api: Any = Listing(*posts)
    return identify(api, by or known(), asked or body())


OTHER = post(version("Bye"), uuid="p-0")


def at(second: int, **more: Any) -> dict[str, Any]:
    minute, second = divmod(second, 60)
    return post(created_at=f"2026-10-16T07:{30 + minute}:{second:02}Z", **more)


def test_the_post_with_the_words_and_accounts_is_the_one() -> None:
    assert search(OTHER, post(), OTHER) == "p-1"
    assert search(post(version("Hello "))) == "p-1"
    assert search(at(int(ENTRY_SECONDS))) == "p-1"
    assert search(post(), by=known(created_at=None)) == "p-1"
    assert search(post(created_at=None)) == "p-1"
    assert search(post(status="scheduled"), by=known("now")) == "p-1"
    assert search(post(), by=known(None)) == search(post(status="published"), by=known(None)) == "p-1"


@pytest.mark.parametrize(
    "posts",
    [
        (),
        (OTHER,),
        (post(), post(uuid="p-2")),
        (at(int(ENTRY_SECONDS) + 1),),
        (at(-int(ENTRY_SECONDS) - 1),),
        (post(status="scheduled"),),
        (post(accounts=[{"id": 1}]),),
    ],
)
def test_unless_exactly_one_post_fits_it_is_not_known(posts: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(UnconfirmedError) as caught:
        search(*posts)
    assert (caught.value.code, caught.value.retryable) == ("uuid_unknown", False)


def test_the_time_counts_until_a_post_is_published() -> None:
    asked, other = body(**SCHEDULED), {"scheduled_at": "2026-10-17 07:30:00"}
    for status in ("published", "failed", "publishing"):
        assert search(post(status=status, **other), asked=asked, by=known("schedule")) == "p-1"
    for status in ("scheduled", "needs_approval"):
        with pytest.raises(UnconfirmedError):
            search(post(status=status, **other), asked=asked, by=known("schedule"))
    with pytest.raises(UnconfirmedError):
        search(post(), by=known("schedule"))


def test_a_search_ends_after_ten_lists() -> None:
    many = [{**OTHER, "uuid": f"p-{n}"} for n in range(30)]
    api: Any = Listing(*many)
    with pytest.raises(UnconfirmedError):
        find_made(api, known(), lambda post: False)
    assert api.asked == MOST_LISTS == 10
    assert find_made(api, known(), lambda post: post["uuid"] == "p-9") == "p-9"
