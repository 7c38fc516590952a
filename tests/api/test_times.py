from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError
from postboost_provider.api.times import read_utc, to_instant

INSTANT = datetime(2026, 10, 16, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-16 07:30:00",
        "2026-10-16T07:30:00Z",
        "2026-10-16T07:30:00+00:00",
        "2026-10-16T09:30:00+02:00",
        "2026-10-16T07:30:00.000000Z",
    ],
)
def test_postboosts_times_are_utc_marked_or_not(text):
    read = read_utc(text)
    assert read == INSTANT
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", [None, ""])
def test_an_empty_time_is_none(text):
    assert read_utc(text) is None


def test_a_time_of_postboosts_that_can_not_be_read_is_named():
    with pytest.raises(PostBoostError, match="Oct 16, 2026") as caught:
        read_utc("Oct 16, 2026")
    assert (type(caught.value), caught.value.code) == (PostBoostError, "not_a_time")


@pytest.mark.parametrize(
    "value",
    [
        "2026-10-16T09:30+02:00",
        "2026-10-16 07:30Z",
        " 2026-10-16 07:30:00+00:00 ",
        datetime(2026, 10, 16, 7, 30, tzinfo=UTC),
        datetime(2026, 10, 16, 9, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
@pytest.mark.parametrize("zone", [None, "Asia/Tokyo", "nonsense"])
def test_a_time_with_an_offset_is_taken_as_it_is_whatever_the_zone(value, zone):
    instant = to_instant(value, zone)
    assert instant == INSTANT
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "value, zone, expected",
    [
        ("2026-10-16 09:30", "Europe/Berlin", INSTANT),
        ("2026-10-16T09:30:00", " Europe/Berlin ", INSTANT),
        (datetime(2026, 10, 16, 9, 30), "Europe/Berlin", INSTANT),
        ("2026-10-16 07:30", "UTC", INSTANT),
        ("2026-12-16 09:30", "Europe/Berlin", datetime(2026, 12, 16, 8, 30, tzinfo=UTC)),
        ("2026-10-16 00:15", "Asia/Kolkata", datetime(2026, 10, 15, 18, 45, tzinfo=UTC)),
        ("2026-12-31 20:00", "America/New_York", datetime(2027, 1, 1, 1, 0, tzinfo=UTC)),
    ],
    ids=str,
)
def test_a_time_without_an_offset_is_read_in_its_zone(value, zone, expected):
    assert to_instant(value, zone) == expected


@pytest.mark.parametrize("zone", [None, ""])
@pytest.mark.parametrize(
    "value, shown",
    [("2026-10-16 09:30", "'2026-10-16 09:30'"), (datetime(2026, 10, 16, 9, 30), "2026-10-16 09:30")],
)
def test_a_time_without_any_zone_is_refused(value, shown, zone):
    with pytest.raises(PostBoostConfigError) as caught:
        to_instant(value, zone)
    assert caught.value.code == "missing_timezone"
    assert shown in str(caught.value)


@pytest.mark.parametrize(
    "value, zone, written",
    [
        ("2027-03-28 02:30", "Europe/Berlin", "2027-03-28 03:30"),
        ("2027-03-28 02:00", "Europe/Berlin", "2027-03-28 03:00"),
        ("2027-03-14 02:59", "America/New_York", "2027-03-14 03:59"),
        ("2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-04 02:45"),
    ],
)
def test_a_time_that_the_clocks_skip_is_refused_with_one_that_exists(value, zone, written):
    with pytest.raises(PostBoostConfigError) as caught:
        to_instant(value, zone)
    assert caught.value.code == "skipped_time"
    assert written in str(caught.value)
    assert to_instant(written, zone)


@pytest.mark.parametrize("value, utc_hour", [("2027-03-28 01:59", 0), ("2027-03-28 03:00", 1)])
def test_the_edges_of_what_the_clocks_skip_exist(value, utc_hour):
    assert to_instant(value, "Europe/Berlin").hour == utc_hour


@pytest.mark.parametrize("fold", [0, 1])
def test_of_a_time_that_occurs_twice_the_first_is_meant(fold):
    twice = datetime(2026, 10, 25, 2, 30, fold=fold)
    assert to_instant(twice, "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert to_instant("2026-10-25 02:30", "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone",
    [
        "Berlin",
        "Europe",
        "CEST",
        "../etc/passwd",
        "/etc/localtime",
        "  ",
        "a\0b",
        "UTC+2",
        "utc",
        "+02:00",
        "local",
    ],
)
def test_an_unknown_zone_is_refused_with_examples(zone):
    with pytest.raises(PostBoostConfigError) as caught:
        to_instant("2026-10-16 09:30", zone)
    assert (caught.value.code, caught.value.field) == ("unknown_timezone", "timezone")
    assert repr(zone) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-16",
        "20261016",
        "2026-W42-5",
        "16.10.2026 09:30",
        "2026-02-30 09:30",
        "2026-10-16 25:00",
        "soon",
        "9:30",
        "2026-10",
        "2026-10-16 9:30",
        "2026-10-16 09:30/10:30",
        "2026-289T09:30",
        "P1D",
        "now",
        "",
    ],
)
def test_text_that_is_not_a_date_with_a_time_is_refused_with_an_example(text):
    with pytest.raises(PostBoostConfigError) as caught:
        to_instant(text, "UTC")
    assert caught.value.code == "not_a_time"
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "value, zone",
    [
        ("9999-12-31 23:59", "America/New_York"),
        ("0001-01-01 00:00", "Asia/Tokyo"),
        ("9999-12-31T23:59-05:00", None),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))), None),
    ],
    ids=str,
)
def test_a_time_beyond_the_calendar_is_refused(value, zone):
    with pytest.raises(PostBoostConfigError) as caught:
        to_instant(value, zone)
    assert caught.value.code == "out_of_range"
