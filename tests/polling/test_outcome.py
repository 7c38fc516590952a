from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostError, UnexpectedResponseError, is_retryable
from postboost_provider.polling.outcome import (
    PostOutcome,
    describe_failures,
    describe_status,
    read_post,
    require_post,
)

STATUSES = ("draft", "scheduled", "needs_approval", "publishing", "published", "failed")


def account(status: str | None = None, **more: Any) -> dict[str, Any]:
    return {"uuid": "a1", "provider": "twitter", "name": "Acme", "publish_status": status, **more}


def post(status: str, *accounts: str | None, **more: Any) -> PostOutcome:
    return read_post({"uuid": "p1", "status": status, "accounts": [account(a) for a in accounts], **more})


@pytest.mark.parametrize(
    "status, accounts, settled",
    [
        ("draft", [None], False),
        ("scheduled", [None, "pending"], False),
        ("needs_approval", [None], False),
        ("publishing", ["published", "publishing"], False),
        ("publishing", ["published", "published"], False),
        ("published", ["published"], True),
        ("published", [], True),
        ("published", ["published", "publishing"], False),
        ("published", ["published", "failed"], True),
        ("failed", ["failed"], True),
        ("failed", [], True),
        ("failed", ["failed", "publishing"], False),
        ("failed", ["failed", "pending"], True),
    ],
)
def test_a_post_is_settled_once_nothing_more_happens_by_itself(status, accounts, settled):
    assert post(status, *accounts).is_settled is settled


@pytest.mark.parametrize(
    "status, accounts, failed",
    [
        ("published", ["published", "published"], []),
        ("published", ["published", "failed"], ["failed"]),
        ("published", ["published", "pending"], []),
        ("failed", ["published", "failed"], ["failed"]),
        ("failed", ["failed", "pending", None], ["failed", "pending", None]),
        ("failed", ["published"], []),
        ("publishing", ["failed", "publishing"], ["failed"]),
        ("scheduled", [None], []),
    ],
)
def test_the_failed_accounts_of_a_post_include_those_that_were_never_attempted_if_the_post_failed(
    status, accounts, failed
):
    assert [a.status for a in post(status, *accounts).failed_accounts] == failed


@pytest.mark.parametrize(
    "accounts, published",
    [([], False), ([None], False), (["failed", "publishing"], False), (["failed", "published"], True)],
)
def test_a_post_is_published_somewhere_once_one_account_has_it(accounts, published):
    assert post("failed", *accounts).is_published_somewhere is published


@pytest.mark.parametrize("trashed", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_a_post_can_be_changed_until_it_is_published_and_not_in_the_trash(status, trashed):
    before = status in ("draft", "scheduled", "needs_approval")
    assert post(status, trashed=trashed).can_be_changed is (before and not trashed)


@pytest.mark.parametrize("status", ["archived", "Published"])
def test_an_unknown_status_of_a_post_is_an_error_that_names_it(status):
    with pytest.raises(PostBoostError, match=repr(str(status))) as caught:
        read_post({"uuid": "p1", "status": status})
    assert caught.value.code == "unknown_status"


@pytest.mark.parametrize(
    "junk", [{}, {"uuid": "p1"}, {"status": "draft"}, {"uuid": "", "status": None}, [], None]
)
def test_what_has_no_uuid_or_no_status_is_no_post(junk):
    for read in (read_post, lambda payload: require_post(payload, "p1")):
        with pytest.raises(UnexpectedResponseError) as caught:
            read(junk)
        assert caught.value.code == "unreadable_response"
        assert is_retryable(caught.value)


def test_another_post_than_the_one_that_was_asked_for_is_refused():
    found = {"uuid": "P1", "status": "draft"}
    assert require_post(found, "p1") == found
    with pytest.raises(UnexpectedResponseError) as caught:
        require_post(found, "p2")
    assert caught.value.code == "other_post"
    assert is_retryable(caught.value)


@pytest.mark.parametrize("status", ["queued", "", "Failed"])
def test_an_unknown_status_of_an_account_is_an_error_that_names_both(status):
    with pytest.raises(PostBoostError, match="Acme"):
        post("published", status)


def test_a_post_may_lack_all_that_is_not_known_yet():
    read = read_post({"uuid": "p1", "status": "draft"})
    assert read == PostOutcome("p1", "draft", None, None, False, ())
    assert read_post({"uuid": "p1", "status": "draft", "accounts": None, "scheduled_at": None}) == read


def test_the_times_of_a_post_are_read_as_utc():
    read = post("published", scheduled_at="2026-10-16 07:30:00", published_at="2026-10-16T09:30:05+02:00")
    assert read.scheduled_at == datetime(2026, 10, 16, 7, 30, tzinfo=UTC)
    assert read.published_at == datetime(2026, 10, 16, 7, 30, 5, tzinfo=UTC)


RAW = "(#10) Permission denied"


@pytest.mark.parametrize(
    "errors, texts",
    [
        (None, ()),
        ([], ()),
        ("Boom", ("Boom",)),
        (["Boom", "Boom"], ("Boom",)),
        (["", None, {}, {"message": None}], ()),
        (
            [{"message": "No permission", "code": "denied", "platform": "x", "raw": RAW}],
            ("No permission (denied)",),
        ),
        ([{"message": "No permission"}], ("No permission",)),
        ([{"code": "denied"}], ("denied",)),
        ([{"code": 190, "message": "Expired"}], ("Expired (190)",)),
        ([{"raw": RAW}], (RAW,)),
        ({"message": "One", "code": None}, ("One",)),
        ([RAW, {"message": RAW, "code": "denied"}], (f"{RAW} (denied)",)),
        ([{"message": RAW, "code": "denied"}, RAW], (f"{RAW} (denied)",)),
        (["One", {"message": "Two"}, "Three"], ("One", "Two", "Three")),
    ],
)
def test_errors_are_texts_each_once_however_postboost_mixes_them(errors, texts):
    read = read_post({"uuid": "p1", "status": "failed", "accounts": [account("failed", errors=errors)]})
    assert read.accounts[0].errors == texts


def test_an_outcome_is_plain_values_that_survive_json():
    read = read_post(
        {
            "uuid": "p1",
            "status": "published",
            "scheduled_at": "2026-10-16 07:30:00",
            "accounts": [account("published", external_url="https://x.test/1", errors=["late"])],
        }
    )
    assert json.loads(json.dumps(read.as_dict())) == {
        "uuid": "p1",
        "status": "published",
        "scheduled_at": "2026-10-16T07:30:00+00:00",
        "published_at": None,
        "accounts": [
            {
                "uuid": "a1",
                "provider": "twitter",
                "name": "Acme",
                "status": "published",
                "external_url": "https://x.test/1",
                "errors": ["late"],
            }
        ],
    }


def test_failures_are_told_post_by_post_and_account_by_account():
    read = read_post(
        {
            "uuid": "p1",
            "status": "failed",
            "accounts": [
                account("published"),
                account("failed", errors=["Too long", {"message": "Again"}]),
                account("pending", provider="gbp", name="Shop"),
                account(None, provider="slack", name="News"),
            ],
        }
    )
    told = describe_failures(
        [post("published", "published"), read, read_post({"uuid": "p2", "status": "failed"})]
    )
    assert told.splitlines() == [
        "  post p1, twitter:Acme: Too long; Again",
        "  post p1, gbp:Shop: status pending",
        "  post p1, slack:News: status never sent",
        "  post p2: failed, and PostBoost names no account",
    ]


@pytest.mark.parametrize(
    ("status", "accounts", "everywhere"),
    [
        ("failed", ["failed", None], True),
        ("failed", [], True),
        ("failed", ["failed", "published"], False),
        ("published", ["failed"], True),
        ("published", ["failed", "published"], False),
        ("publishing", ["failed"], False),
    ],
)
def test_a_post_failed_everywhere_if_no_account_got_it_and_none_will(status, accounts, everywhere):
    assert post(status, *accounts).is_failed_everywhere is everywhere


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("draft", "draft"),
        ("scheduled", "scheduled for 2026-10-16 09:30 UTC"),
        ("needs_approval", "approval in PostBoost (2026-10-16 09:30 UTC)"),
        ("publishing", "is publishing, with 1 of 2"),
    ],
)
def test_the_state_of_a_post_is_described_for_each_status(status, words):
    found = post(status, "published", "publishing", scheduled_at="2026-10-16T09:30:00Z")
    assert words in describe_status(found)
