from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.publishing.post import Row, in_window, number_rows, read_rows, row_intent

GOOD = {"key": "monday", "publish_at": "2026-10-16 09:30", "accounts": "@acme", "text": "Hello"}


def rows(*values: Mapping[str, Any], zone: str | None = "Europe/Berlin") -> list[Row]:
    return read_rows(number_rows(values), zone)


def row(zone: str | None = "Europe/Berlin", **changes: Any) -> Row:
    return rows({**GOOD, **changes}, zone=zone)[0]


def problems(zone: str | None = "Europe/Berlin", **changes: Any) -> list[str]:
    return [str(problem) for problem in row(zone, **changes).problems]


@pytest.mark.parametrize("kind", [dict, MappingProxyType])
def test_a_list_of_mappings_is_numbered(kind):
    assert number_rows([kind(GOOD), kind({})]) == [("row 1", GOOD), ("row 2", {})]


@pytest.mark.parametrize("item, kind", [("monday", "str"), (["monday"], "list"), (None, "NoneType")])
def test_an_item_that_is_no_mapping_is_named(item, kind):
    with pytest.raises(
        PostBoostConfigError, match=f"rows, item 2 is {kind}; it must be a mapping with key, publish_at"
    ):
        number_rows([GOOD, item])


@pytest.mark.parametrize("name", ["tags ", "tag", "", 3])
def test_an_unknown_column_of_an_item_is_named(name):
    with pytest.raises(PostBoostConfigError, match=f"rows, item 2 has the unknown column {name!r}"):
        number_rows([GOOD, {**GOOD, name: "x"}])


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
            text="  Hello\n",
            accounts=("@acme", "twitter:*", "12"),
            media=("a.png", "b.png"),
            tags=("launch",),
            first_comment="First!",
            mode="queue",
            publish_at=datetime(2026, 10, 16, 7, 30, tzinfo=UTC),
        )
    ]


def test_an_item_may_hold_lists_numbers_and_times():
    at = datetime(2026, 10, 16, 7, 30, 59, 999, tzinfo=UTC)
    made = row(
        None, key=7, accounts=[12, " @acme ", "12", None, ""], media=("a;b.png",), tags=[], publish_at=at
    )
    assert (made.key, made.accounts, made.media, made.tags) == ("7", ("12", "@acme"), ("a;b.png",), ())
    assert made.publish_at == at.replace(second=0, microsecond=0)
    assert made.problems == ()


@pytest.mark.parametrize("empty", [None, "", " "])
def test_what_is_left_empty_has_its_default(empty):
    made = row(media=empty, tags=empty, first_comment=empty, mode=empty, timezone=empty)
    assert (made.media, made.tags, made.first_comment, made.mode, made.problems) == (
        (),
        (),
        None,
        "schedule",
        (),
    )


@pytest.mark.parametrize(
    "zone, own, utc_hour", [("Europe/Berlin", "", 7), ("Europe/Berlin", "Asia/Tokyo", 0), (None, " UTC ", 9)]
)
def test_the_zone_of_a_row_wins_over_that_of_the_calendar(zone, own, utc_hour):
    assert row(zone, timezone=own).publish_at == datetime(2026, 10, 16, utc_hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes, column, cure",
    [
        ({"key": ""}, "key", "it is empty. Give the row a name of its own that never changes."),
        ({"key": None}, "key", "it is empty."),
        ({"text": " \n"}, "text", "it is empty. Write what is to be published."),
        (
            {"accounts": " ; "},
            "accounts",
            "it is empty. Write ids, @username, provider:username or provider:*",
        ),
        ({"accounts": []}, "accounts", "it is empty."),
        ({"mode": "publish"}, "mode", "'publish' is unknown. Use draft, schedule, queue, now."),
        (
            {"publish_at": ""},
            "publish_at",
            "it is empty, and mode schedule needs it. Write YYYY-MM-DD HH:MM.",
        ),
        ({"publish_at": "", "mode": "now"}, "publish_at", "it is empty, and mode now needs it."),
        (
            {"publish_at": "2026-10-16"},
            "publish_at",
            "'2026-10-16' is not a date with a time. Write YYYY-MM-DD HH:MM",
        ),
        ({"publish_at": date(2026, 10, 16)}, "publish_at", "'2026-10-16' is not a date with a time."),
        ({"publish_at": "16.10.2026 09:30"}, "publish_at", "'16.10.2026 09:30' is not a date with a time."),
        (
            {"publish_at": "9999-12-31 23:59", "timezone": "America/New_York"},
            "publish_at",
            "Correct its year.",
        ),
        ({"publish_at": "2027-03-28 02:30"}, "publish_at", "does not exist in Europe/Berlin"),
        ({"publish_at": "2026-10-16", "mode": "draft"}, "publish_at", "is not a date with a time."),
        (
            {"timezone": "Berlin"},
            "timezone",
            "'Berlin' is not a time zone. Use an IANA name such as Europe/Berlin",
        ),
    ],
)
def test_a_bad_cell_is_a_problem_that_names_column_and_cure(changes, column, cure):
    (found,) = row(**changes).problems
    assert found.column == column
    assert cure in found.message
    assert str(found) == f"{column}: {found.message}"


def test_a_time_without_any_zone_is_a_problem_of_the_row():
    (found,) = problems(None)
    assert found.startswith("publish_at: '2026-10-16 09:30' has no time zone. Give one (timezone, such as")


def test_a_draft_needs_no_time():
    assert row(mode="draft", publish_at="").problems == ()


def test_a_bad_row_tells_all_its_problems_at_once():
    columns = [p.column for p in row(key="", text="", accounts="", mode="x", publish_at="soon").problems]
    assert columns == ["key", "text", "accounts", "mode", "publish_at"]


def test_rows_that_share_a_key_each_name_the_others():
    found = rows(GOOD, {**GOOD, "key": "tuesday"}, {**GOOD, "key": " monday "}, GOOD)
    assert [[str(p) for p in r.problems] for r in found] == [
        ["key: 'monday' is also the key of row 3, row 4. Each row needs its own."],
        [],
        ["key: 'monday' is also the key of row 1, row 4. Each row needs its own."],
        ["key: 'monday' is also the key of row 1, row 3. Each row needs its own."],
    ]


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
    return intent_hash(row_intent(row(**changes), {"": content}))


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
    """A change of this updates, in PostBoost, every post of every calendar that is not out yet."""
    assert intent("hash", tags="x", first_comment="First!") == "376617c415edcd80"


@pytest.mark.parametrize("column", ["key", "text", "first_comment", "tags"])
def test_half_of_a_character_is_a_problem_of_its_column(column):
    found = problems(**{column: "cut \ud83d"})
    assert f"{column}: it holds half of a character. Look where it was cut, mostly at an emoji." in found
