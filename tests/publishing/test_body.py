from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.publishing.body import (
    FIRST_COMMENT_PROVIDERS,
    THREAD_PROVIDERS,
    Content,
    post_body,
)
from postboost_provider.publishing.post import Mode

AT = datetime(2026, 10, 6, 7, 5, tzinfo=UTC)
TIMING = {"schedule", "schedule_now", "queue", "date", "time", "timezone"}


def account(provider: str = "twitter", number: int | str = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "provider": provider, "username": "acme", "name": "Acme", **more}


def body(mode: Mode, **changes: Any) -> dict[str, Any]:
    given = {
        key: changes.pop(key)
        for key in ("text", "media", "thread", "first_comment", "options")
        if key in changes
    }
    contents = {0: Content(**{"text": "Hello", **given}), **changes.pop("variants", {})}
    accounts = changes.pop("accounts", [account()])
    return post_body(mode, accounts, contents, **{"publish_at": AT, **changes})


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
def test_a_mode_asks_only_for_its_own_timing(mode, timing):
    assert {key: value for key, value in body(mode).items() if key in TIMING} == timing


def test_a_scheduled_post_needs_a_time():
    with pytest.raises(PostBoostConfigError) as caught:
        body("schedule", publish_at=None)
    assert (caught.value.field, caught.value.code) == ("publish_at", "missing_time")


@pytest.mark.parametrize("provider", sorted(FIRST_COMMENT_PROVIDERS | THREAD_PROVIDERS))
def test_a_first_comment_is_the_second_part_of_the_content(provider):
    made = body("now", accounts=[account(provider)], first_comment="First!", media=[5])
    assert made["versions"][0]["content"] == [{"body": "Hello", "media": [5]}, {"body": "First!"}]


@pytest.mark.parametrize("comment", [None, ""])
def test_without_a_first_comment_every_network_is_accepted(comment):
    assert (
        len(body("now", accounts=[account("telegram")], first_comment=comment)["versions"][0]["content"]) == 1
    )


@pytest.mark.parametrize(
    "provider", ["telegram", "discord", "slack", "pinterest", "tiktok", "youtube", "gbp", "new_one"]
)
def test_a_first_comment_that_a_network_would_drop_is_refused(provider):
    with pytest.raises(PostBoostConfigError, match=f"{provider}:acme") as caught:
        body("now", accounts=[account("twitter"), account(provider)], first_comment="First!")
    assert (caught.value.field, caught.value.code) == ("first_comment", "not_published")


def test_a_first_comment_for_an_account_of_an_unknown_network_is_left_to_postboost():
    accounts = [{"id": 1, "provider": None, "username": None, "name": "1"}]
    assert len(body("now", accounts=accounts, first_comment="First!")["versions"][0]["content"]) == 2


def test_a_network_has_either_first_comments_or_threads():
    assert not FIRST_COMMENT_PROVIDERS & THREAD_PROVIDERS


TWITTER, FACEBOOK, YOUTUBE = account("twitter", 1), account("facebook_page", 2), account("youtube", 3)


def contents(made: dict[str, Any]) -> dict[int, list[str]]:
    """Return the texts of each version by its account."""
    return {v["account_id"]: [item["body"] for item in v["content"]] for v in made["versions"]}


def test_each_network_gets_the_thread_or_the_first_comment():
    made = body("now", accounts=[TWITTER, FACEBOOK], thread=["Two", "Three"], first_comment="The link")
    assert contents(made) == {0: ["Hello", "Two", "Three"], 2: ["Hello", "The link"]}


def test_content_that_is_the_same_everywhere_is_one_version():
    assert contents(body("now", accounts=[TWITTER, FACEBOOK], first_comment="The link")) == {
        0: ["Hello", "The link"]
    }


@pytest.mark.parametrize("where", [FACEBOOK, YOUTUBE])
def test_a_thread_that_a_network_would_drop_is_refused(where):
    with pytest.raises(PostBoostConfigError, match=f"{where['provider']}:acme") as caught:
        body("now", accounts=[TWITTER, where], thread=["Two"])
    assert (caught.value.field, caught.value.code) == ("thread", "not_published")


def test_a_variant_is_a_version_of_its_own():
    other = Content("Hello, company", media=[9])
    made = body("now", accounts=[TWITTER, FACEBOOK], variants={2: other}, thread=["Two"])
    assert contents(made) == {0: ["Hello", "Two"], 2: ["Hello, company"]}
    assert made["versions"][1]["content"][0]["media"] == [9]
    assert [v["is_original"] for v in made["versions"]] == [True, False]


def test_options_are_those_of_the_accounts_network():
    made = body(
        "now", accounts=[TWITTER, YOUTUBE], variants={3: Content("Hello", options={"title": "A film"})}
    )
    assert made["versions"][1]["options"] == {"youtube": {"title": "A film"}}


def test_tiktoks_options_are_maps_by_account():
    films = {4: Content("Hello", options={"privacy_level": "SELF_ONLY", "is_aigc": {"account-4": True}})}
    made = body("now", accounts=[account("tiktok", 4)], variants=films)
    assert made["versions"][1]["options"] == {
        "tiktok": {"privacy_level": {"account-4": "SELF_ONLY"}, "is_aigc": {"account-4": True}}
    }


def test_accounts_may_have_times_of_their_own():
    made = body("schedule", accounts=[TWITTER, FACEBOOK], account_times={2: AT.replace(hour=18)})
    assert made["accounts_schedule"] == [{"account_id": 2, "date": "2026-10-06", "time": "18:05"}]


@pytest.mark.parametrize("value", [True, False])
def test_the_ai_label_is_sent_only_where_it_is_set(value):
    assert body("draft", ai_generated=value)["ai_generated"] is value
    assert "ai_generated" not in body("draft")
