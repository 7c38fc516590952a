"""What the arguments of an operator mean, and how they are named where they are wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.publishing.post import InvalidPostError, Post, Variant, parse_post, post_intent

AT = datetime(2026, 10, 16, 7, 30, tzinfo=UTC)


def parse(zone: str | None = "UTC", **values: Any) -> Post:
    return parse_post({"text": "Hello", "accounts": "@acme", "mode": "draft", **values}, zone)


def test_a_text_is_not_split_and_the_text_of_a_list_is_the_list() -> None:
    post = parse(thread="['Two; three', 'Four']", accounts="['@a', 12]", media="a.png;b.png")
    assert post.thread == ("Two; three", "Four")
    assert (post.accounts, post.media) == (("@a", "12"), ("a.png", "b.png"))


def test_variants_and_times_are_by_network_or_account() -> None:
    post = parse(
        mode="schedule",
        publish_at=AT,
        variants={"youtube": {"text": "A film", "thread": [], "options": {"title": "x"}, "media": None}},
        account_times={"@acme": "2026-10-17 07:30"},
    )
    assert post.variants == (Variant("youtube", text="A film", thread=(), options={"title": "x"}),)
    assert post.account_times == (("@acme", AT.replace(day=17)),)


@pytest.mark.parametrize("mode", ["draft", "queue", "now"])
def test_a_post_that_is_not_scheduled_needs_no_time_and_has_none(mode: str) -> None:
    assert parse(mode=mode, account_times={"@acme": AT}).account_times == ()


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"mode": "later"}, "publish", "unknown_mode"),
        ({"mode": "schedule"}, "publish_at", "missing_time"),
        (
            {"mode": "schedule", "publish_at": "2026-10-16 09:30", "zone": "Berlin"},
            "timezone",
            "unknown_timezone",
        ),
        ({"account_times": {"@acme": "2026-10-16 09:30"}, "zone": "Berlin"}, "timezone", "unknown_timezone"),
        ({"account_times": {"@acme": "soon"}}, "account_times (@acme)", None),
        ({"text": "None"}, "text", "rendered_none"),
        ({"text": b"Hello"}, "text", "not_text"),
        ({"tags": ["ok", "None"]}, "tags", "rendered_none"),
        ({"thread": [["Two"]]}, "thread", "not_text"),
        ({"thread": ["cut \ud83d"]}, "thread", "cut"),
        ({"variants": ["twitter"]}, "variants", "not_a_mapping"),
        ({"variants": {"twitter": "Hi"}}, "variants['twitter']", "not_a_mapping"),
        ({"variants": {"twitter": {"txt": "Hi"}}}, "variants['twitter']", "unknown_field"),
        ({"variants": {"twitter": {"text": "None"}}}, "variants['twitter']['text']", "rendered_none"),
        ({"variants": {"twitter": {"text": "cut \ud83d"}}}, "variants", "cut"),
        ({"ai_generated": "perhaps"}, "ai_generated", "not_a_bool"),
    ],
)
def test_a_bad_argument_is_named(values: dict[str, Any], field: str, code: str | None) -> None:
    with pytest.raises(InvalidPostError) as caught:
        parse(values.pop("zone", "UTC"), **values)
    (problem,) = caught.value.problems
    assert problem.field == caught.value.field == field
    if code:
        assert problem.code == caught.value.code == code


def test_an_upgrade_keeps_the_intent_of_a_post_with_variants() -> None:
    """A change of this updates, in PostBoost, every post that is not published yet."""
    post = Post(
        text="Hello",
        accounts=("@acme",),
        mode="schedule",
        publish_at=AT,
        media=("a.png",),
        tags=("x",),
        first_comment="First!",
        thread=("Two",),
        variants=(
            Variant("youtube", text="Film", media=("f.mp4",), options={"title": "x"}),
            Variant("@acme", thread=()),
        ),
        account_times=(("youtube", AT.replace(day=17)),),
        ai_generated=True,
    )
    assert intent_hash(post_intent(post, {"": ["h1"], "youtube": ["h2"]})) == "beb86d0fd181c80e"
