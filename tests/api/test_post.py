from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.post import (
    FIRST_COMMENT_PROVIDERS,
    THREAD_PROVIDERS,
    Mode,
    Post,
    check_first_comment,
    post_body,
)

AT = datetime(2026, 10, 6, 7, 5, tzinfo=UTC)
TIMING = {"schedule", "schedule_now", "queue", "date", "time", "timezone"}


def account(provider: str = "twitter", number: int | str = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "provider": provider, "username": "acme", "name": "Acme", **more}


def body(mode: Mode, **changes: Any) -> dict[str, Any]:
    return post_body(
        Post(**{"text": "Hello", "accounts": [account()], "mode": mode, "publish_at": AT, **changes})
    )


@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_post_is_one_original_version_for_its_accounts_and_tags(mode):
    made = body(mode, accounts=[account(number="3"), account(number=1)], tags=[7, 8], media=[5, 4])
    assert {key: value for key, value in made.items() if key not in TIMING} == {
        "versions": [
            {"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": [5, 4]}]},
        ],
        "accounts": [3, 1],
        "tags": [7, 8],
    }


@pytest.mark.parametrize(
    "mode, timing",
    [
        ("draft", {}),
        ("schedule", {"schedule": True, "timezone": "UTC", "date": "2026-10-06", "time": "07:05"}),
        ("queue", {"queue": True}),
        ("now", {"schedule_now": True}),
    ],
)
def test_a_mode_asks_for_its_own_timing_and_no_other(mode, timing):
    assert {key: value for key, value in body(mode).items() if key in TIMING} == timing


def test_a_post_to_be_scheduled_needs_a_time():
    with pytest.raises(PostBoostConfigError, match="give publish_at"):
        body("schedule", publish_at=None)


@pytest.mark.parametrize("provider", sorted(FIRST_COMMENT_PROVIDERS | THREAD_PROVIDERS))
def test_a_first_comment_is_the_second_part_of_the_content(provider):
    made = body("now", accounts=[account(provider)], first_comment="First!", media=[5])
    assert made["versions"][0]["content"] == [{"body": "Hello", "media": [5]}, {"body": "First!"}]


@pytest.mark.parametrize("comment", [None, ""])
def test_without_a_first_comment_any_network_will_do(comment):
    assert (
        len(body("now", accounts=[account("telegram")], first_comment=comment)["versions"][0]["content"]) == 1
    )


@pytest.mark.parametrize(
    "provider", ["telegram", "discord", "slack", "pinterest", "tiktok", "youtube", "gbp", "new_one"]
)
def test_a_first_comment_that_a_network_would_drop_is_refused(provider):
    with pytest.raises(
        PostBoostConfigError, match=rf"publishes no first comment on {provider}:acme\. Leave it out"
    ):
        body("now", accounts=[account("twitter"), account(provider)], first_comment="First!")


def test_every_account_that_would_drop_a_first_comment_is_named():
    accounts = [account("telegram"), account("twitter"), account("slack", username=None)]
    with pytest.raises(PostBoostConfigError, match=r"on telegram:acme, slack:Acme\."):
        check_first_comment(accounts)


def test_a_first_comment_for_an_account_of_an_unknown_network_is_left_to_postboost():
    accounts = [{"id": 1, "provider": None, "username": None, "name": "1"}]
    assert len(body("now", accounts=accounts, first_comment="First!")["versions"][0]["content"]) == 2


def test_a_network_has_either_first_comments_or_threads():
    assert not FIRST_COMMENT_PROVIDERS & THREAD_PROVIDERS
