from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.calendar.csv import Row, in_window, number_rows, read_rows
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.publishing.post import Post, post_intent

GOOD = {"key": "monday", "publish_at": "2026-10-16 09:30", "accounts": "@acme", "text": "Hello"}


def rows(*values: Mapping[str, Any], zone: str | None = "Europe/Berlin") -> list[Row]:
    return read_rows(number_rows(values), zone)


def row(zone: str | None = "Europe/Berlin", **changes: Any) -> Row:
    return rows({**GOOD, **changes}, zone=zone)[0]


def problems(zone: str | None = "Europe/Berlin", **changes: Any) -> list[tuple[str, str | None]]:
    return [(problem.field, problem.code) for problem in row(zone, **changes).problems]


@pytest.mark.parametrize("kind", [dict, MappingProxyType])
def test_a_list_of_mappings_is_numbered(kind):
    assert number_rows([kind(GOOD), kind({})]) == [("row 1", GOOD), ("row 2", {})]


@pytest.mark.parametrize("item, kind", [("monday", "str"), (["monday"], "list"), (None, "NoneType")])
def test_an_item_that_is_not_a_mapping_is_named(item, kind):
    with pytest.raises(PostBoostConfigError, match=f"item 2 is a {kind}") as caught:
        number_rows([GOOD, item])
    assert (caught.value.field, caught.value.code) == ("rows", "not_a_mapping")


@pytest.mark.parametrize("name", ["tags ", "tag", "", 3])
def test_an_unknown_column_of_an_item_is_named(name):
    with pytest.raises(PostBoostConfigError, match=f"item 2 .* {name!r}") as caught:
        number_rows([GOOD, {**GOOD, name: "x"}])
    assert (caught.value.field, caught.value.code) == ("rows", "unknown_column")


def test_a_row_is_read_as_its_author_means_it():
    values = {
        "key": " monday ",
        "publish_at": " 2026-10-16 09:30 ",
        "accounts": "@acme; twitter:* ;12;;@acme",
        "text": "  Hello\n",
        "media": "a.png;b.png",
        "tags": " launch ",
        "first_comment": " First! ",
        "mode": " Queue ",
    }
    assert rows(values) == [
        Row(
            place="row 1",
            key="monday",
            post=Post(
                text="  Hello\n",
                accounts=("@acme", "twitter:*", "12"),
                media=("a.png", "b.png"),
                tags=("launch",),
                first_comment="First!",
                mode="queue",
                publish_at=datetime(2026, 10, 16, 7, 30, tzinfo=UTC),
                is_row=True,
            ),
        )
    ]


def test_an_item_may_hold_lists_numbers_and_times():
    at = datetime(2026, 10, 16, 7, 30, 59, 999, tzinfo=UTC)
    made = row(
        None, key=7, accounts=[12, " @acme ", "12", None, ""], media=("a;b.png",), tags=[], publish_at=at
    )
    assert (made.key, made.post.accounts) == ("7", ("12", "@acme"))
    assert (made.post.media, made.post.tags) == (("a;b.png",), ())
    assert made.post.publish_at == at.replace(second=0, microsecond=0)
    assert made.problems == ()


@pytest.mark.parametrize("empty", [None, "", " "])
def test_what_is_left_empty_has_its_default(empty):
    made = row(media=empty, tags=empty, first_comment=empty, mode=empty, timezone=empty)
    post = made.post
    assert (post.media, post.tags, post.first_comment, post.mode) == ((), (), None, "schedule")
    assert made.problems == ()


@pytest.mark.parametrize(
    "zone, own, utc_hour", [("Europe/Berlin", "", 7), ("Europe/Berlin", "Asia/Tokyo", 0), (None, " UTC ", 9)]
)
def test_the_zone_of_a_row_wins_over_that_of_the_calendar(zone, own, utc_hour):
    assert row(zone, timezone=own).post.publish_at == datetime(2026, 10, 16, utc_hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes, column, word",
    [
        ({"key": ""}, "key", "empty"),
        ({"key": None}, "key", "empty"),
        ({"text": " \n"}, "text", "empty"),
        ({"accounts": " ; "}, "accounts", "provider:username"),
        ({"accounts": []}, "accounts", "empty"),
        ({"mode": "publish"}, "mode", "draft, schedule, queue, now"),
        ({"publish_at": ""}, "publish_at", "'schedule'"),
        ({"publish_at": "", "mode": "now"}, "publish_at", "'now'"),
        ({"publish_at": "2026-10-16"}, "publish_at", "'2026-10-16'"),
        ({"publish_at": date(2026, 10, 16)}, "publish_at", "'2026-10-16'"),
        ({"publish_at": "16.10.2026 09:30"}, "publish_at", "'16.10.2026 09:30'"),
        ({"publish_at": "9999-12-31 23:59", "timezone": "America/New_York"}, "publish_at", "year"),
        ({"publish_at": "2027-03-28 02:30"}, "publish_at", "Europe/Berlin"),
        ({"publish_at": "2026-10-16", "mode": "draft"}, "publish_at", "'2026-10-16'"),
        ({"timezone": "Berlin"}, "timezone", "'Berlin'"),
        ({"media": "a.png;b.png;a.png"}, "media", "a.png"),
        ({"text": {"text": "x"}}, "text", "dict"),
        ({"text:linkedin_page": ["x"]}, "text:linkedin_page", "list"),
    ],
)
def test_a_bad_cell_is_a_problem_that_names_its_column_and_what_was_seen(changes, column, word):
    (found,) = row(**changes).problems
    assert found.field == column
    assert found.code or column == "publish_at"
    assert word in found.message
    assert str(found) == f"{column}: {found.message}"


def test_a_time_without_any_zone_is_a_problem_of_the_row():
    ((field, _),) = problems(None)
    assert field == "publish_at"


def test_a_draft_needs_no_time():
    assert row(mode="draft", publish_at="").problems == ()


def test_a_bad_row_lists_all_its_problems_at_once():
    columns = [p.field for p in row(key="", text="", accounts="", mode="x", publish_at="soon").problems]
    assert columns == ["key", "text", "accounts", "mode", "publish_at"]


def test_rows_that_share_a_key_each_name_the_others():
    found = rows(GOOD, {**GOOD, "key": "tuesday"}, {**GOOD, "key": " monday "}, GOOD)
    assert [[(p.field, p.code) for p in r.problems] for r in found] == [
        [("key", "repeated")],
        [],
        [("key", "repeated")],
        [("key", "repeated")],
    ]
    assert "row 1, row 4" in str(found[2].problems[0])


def test_keys_that_differ_only_in_case_are_two_keys():
    assert [r.problems for r in rows(GOOD, {**GOOD, "key": "Monday"})] == [(), ()]


ANCHOR = datetime(2026, 10, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "at, due",
    [
        ("2026-10-15T23:59Z", False),
        ("2026-10-16T00:00Z", True),
        ("2026-10-16T02:00+02:00", True),
        ("2026-10-22T23:59Z", True),
        ("2026-10-23T00:00Z", False),
        ("2026-10-22T20:00-04:00", False),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(at, due):
    assert in_window(row(publish_at=at), ANCHOR, timedelta(days=7)) is due


@pytest.mark.parametrize("anchor, window", [(ANCHOR, None), (None, timedelta(days=7)), (None, None)])
def test_without_a_window_every_row_is_due(anchor, window):
    assert in_window(row(publish_at="1999-01-01T00:00Z"), anchor, window)


@pytest.mark.parametrize("changes", [{"mode": "draft", "publish_at": ""}, {"publish_at": "soon"}])
def test_a_row_whose_time_is_not_known_is_due_in_every_window(changes):
    assert in_window(row(**changes), ANCHOR, timedelta(days=7))


def intent(*content: str, **changes: Any) -> str:
    """Return the hash for a row whose media have this content."""
    return intent_hash(post_intent(row(**changes).post, {"": content}))


@pytest.mark.parametrize(
    "one, other",
    [
        ({"accounts": "@a;@b"}, {"accounts": "@b; @a;@a"}),
        ({"tags": "x;y"}, {"tags": ["y", "x"]}),
        ({"publish_at": "2026-10-16 09:30"}, {"publish_at": "2026-10-16T07:30:42Z"}),
        ({"mode": ""}, {"mode": "SCHEDULE"}),
        ({"key": "a"}, {"key": "b"}),
        ({"media": "x/a.png"}, {"media": "y/b.png"}),
    ],
)
def test_what_changes_nothing_for_readers_is_the_same_intent(one, other):
    assert intent(**one) == intent(**other)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "Hello!"},
        {"text": "Hello "},
        {"accounts": "@acme;@b"},
        {"tags": "x"},
        {"first_comment": "First!"},
        {"mode": "draft"},
        {"publish_at": "2026-10-16 09:31"},
        {"timezone": "Europe/London"},
    ],
)
def test_what_changes_the_post_is_another_intent(changes):
    assert intent(**changes) != intent()


def test_the_content_of_media_and_its_order_are_part_of_the_intent():
    assert len({intent(), intent("one"), intent("one", "two"), intent("two", "one")}) == 4


def test_an_upgrade_keeps_the_intent_of_a_row():
    """A change of this updates, in PostBoost, every post of every calendar that is not published yet."""
    assert intent("hash", tags="x", first_comment="First!") == "376617c415edcd80"


@pytest.mark.parametrize("column", ["key", "text", "first_comment", "tags", "text:twitter"])
def test_half_of_a_character_is_a_problem_of_its_column(column):
    found = row(**{column: "cut \ud83d"})
    assert [(p.field, p.code) for p in found.problems] == [(column, "cut")]
    assert found.key.isprintable()


def test_two_rows_that_are_one_after_normalising_are_an_error() -> None:
    keys = ["1", "1.0", "straße", "straße\u200b"]
    found = rows(*({**GOOD, "key": key} for key in keys))
    assert [(r.key, [(p.field, p.code) for p in r.problems]) for r in found] == [
        (key, [("key", "repeated")]) for key in ("1", "1", "straße", "straße")
    ]
