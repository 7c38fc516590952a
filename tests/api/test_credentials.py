from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from postboost_provider.api.credentials import Refusal, explain_401
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.expiry import ROTATION_STEPS, Expiry, describe_span, parse_expiry, shortfall
from tests.api.support import settings

DAY = date(2026, 10, 16)
END = datetime(2026, 10, 16, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ZONES = [UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Los_Angeles")]


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("away", [-SECOND, timedelta(0), SECOND])
def test_a_credential_is_counted_on_until_midnight_utc_of_its_day_wherever_one_is(zone, away):
    now = (END + away).astimezone(zone)
    assert Expiry("date", DAY).time_left(now) == -away


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize(
    "away, said",
    [
        (-timedelta(days=3, hours=4, minutes=5), "expires 2026-10-16 00:00 UTC, in 3 days and 4 hours"),
        (-SECOND, "expires 2026-10-16 00:00 UTC, in 1 second"),
        (timedelta(0), "expired 2026-10-16 00:00 UTC, 0 seconds ago"),
        (SECOND, "expired 2026-10-16 00:00 UTC, 1 second ago"),
        (timedelta(days=1, minutes=1), "expired 2026-10-16 00:00 UTC, 1 day and 1 minute ago"),
    ],
)
def test_an_expiry_is_described_in_utc_whatever_the_zone_of_now(zone, away, said):
    assert Expiry("date", DAY).describe((END + away).astimezone(zone)) == said


@pytest.mark.parametrize(
    "expiry, said",
    [(Expiry("never"), "never expires"), (Expiry("unknown"), "has no known expiry date")],
)
def test_without_a_date_nothing_is_left_and_the_description_says_why(expiry, said):
    assert (expiry.instant, expiry.time_left(END), expiry.describe(END)) == (None, None, said)


@pytest.mark.parametrize(
    "value, expiry",
    [
        ("2026-10-16", Expiry("date", DAY)),
        (" 2026-10-16 ", Expiry("date", DAY)),
        (DAY, Expiry("date", DAY)),
        ("2028-02-29", Expiry("date", date(2028, 2, 29))),
        ("never", Expiry("never")),
        ("Never", Expiry("never")),
        (None, Expiry("unknown")),
        ("", Expiry("unknown")),
        ("  ", Expiry("unknown")),
        ("unknown", Expiry("unknown")),
        ("null", Expiry("unknown")),
    ],
)
def test_expires_on_is_a_date_or_never_or_unknown(value, expiry):
    assert parse_expiry(value) == expiry


@pytest.mark.parametrize(
    "value",
    [
        "2026-10-16 00:00",
        "2026-10-16T00:00:00Z",
        "2026-10-16+02:00",
        datetime(2026, 10, 16),
        datetime(2026, 10, 16, tzinfo=UTC),
        "2026-02-30",
        "2027-02-29",
        "2026-13-01",
        "16.10.2026",
        "10/16/2026",
        "20261016",
        "2026-W42-5",
        "26-10-16",
        "２０２６-10-16",
        "soon",
        20261016,
        0,
        True,
    ],
    ids=str,
)
def test_an_expires_on_that_is_not_a_date_is_refused_with_what_was_seen_and_what_to_write(value):
    with pytest.raises(PostBoostConfigError) as caught:
        parse_expiry(value)
    assert (caught.value.code, caught.value.field) == ("not_a_date", "expires_on")
    assert repr(str(value)) in str(caught.value)
    assert "YYYY-MM-DD" in str(caught.value)


@pytest.mark.parametrize(
    "span, said",
    [
        ({}, "0 seconds"),
        ({"seconds": 1.9}, "1 second"),
        ({"seconds": 59}, "59 seconds"),
        ({"seconds": 60}, "1 minute"),
        ({"minutes": 59, "seconds": 59}, "59 minutes"),
        ({"hours": 1}, "1 hour"),
        ({"hours": 23, "minutes": 59}, "23 hours and 59 minutes"),
        ({"days": 1}, "1 day"),
        ({"days": 1, "minutes": 2}, "1 day and 2 minutes"),
        ({"days": 400, "hours": 1, "minutes": 1}, "400 days and 1 hour"),
    ],
)
def test_a_span_is_told_by_its_two_largest_units(span, said):
    assert describe_span(timedelta(**span)) == said


@pytest.mark.parametrize(
    "expiry, covered",
    [
        (Expiry("date", DAY), [True, True, False]),
        (Expiry("never"), [True, True, True]),
        (Expiry("unknown"), [None, None, None]),
    ],
)
def test_an_expiry_covers_what_ends_at_its_instant_and_not_a_second_more(expiry, covered):
    assert [expiry.covers(END + away) for away in (-SECOND, 0 * SECOND, SECOND)] == covered


NOW = datetime(2026, 10, 16, tzinfo=UTC)
LATER = Expiry("date", date(2026, 11, 1))


@pytest.mark.parametrize("second, said", [(-1, "is not accepted"), (0, "expired"), (1, "expired")])
def test_a_401_is_put_down_to_the_expiry_from_its_very_first_instant(second, said):
    mine = settings(name="connection 'mine'", expiry=Expiry("date", DAY))
    why, _ = explain_401(mine, END + second * SECOND)
    assert why.startswith(f"The token of connection 'mine' {said}")


@pytest.mark.parametrize(
    "expiry, refusal, words",
    [
        (Expiry("unknown"), Refusal(), ["Set expires_on"]),
        (LATER, Refusal(), ["expires 2026-11-01 00:00 UTC, in 16 days", "revoked or mistyped"]),
        (Expiry("never"), Refusal(), ["never expires", "revoked or mistyped"]),
        (Expiry("unknown"), Refusal(accepted=True), ["accepted earlier", "it has expired"]),
        (LATER, Refusal(accepted=True, reread="same"), ["the same token", "accepted earlier", "2026-11-01"]),
        (LATER, Refusal(reread="replaced"), ["was replaced", "rejected too", "is not accepted"]),
        (
            Expiry("date", DAY),
            Refusal(accepted=True, reread="replaced"),
            ["was replaced", "expired 2026-10-16 00:00 UTC, 0 seconds ago"],
        ),
        (Expiry("unknown"), Refusal(reread="elsewhere"), ["was replaced", "another host"]),
    ],
)
def test_a_401_is_explained_with_what_is_known(expiry, refusal, words):
    why, advice = explain_401(settings(name="x", expiry=expiry), NOW, refusal)
    assert [word for word in words if word not in why] == []
    assert advice == ROTATION_STEPS or refusal.reread == "elsewhere"


@pytest.mark.parametrize(
    "token, slip",
    [
        ("***", "asterisks"),
        ('"42|abc"', "quotes"),
        ("<token>", "quotes or brackets"),
        ("'42|abc", "quotes"),
        ("42|abc'", "quotes"),
        ("$POSTBOOST_TOKEN", "placeholder"),
        ("{{var.value.token}}", "placeholder"),
    ],
)
def test_text_that_never_was_a_token_is_recognized_and_not_shown(token, slip):
    why, _ = explain_401(settings(token=token), NOW)
    assert "mistyped" in why
    assert slip in why
    assert token.strip('"') not in why


def test_a_request_without_a_token_says_so() -> None:
    assert "no token" in explain_401(settings(token=""), NOW)[0]


@pytest.mark.parametrize(
    ("days", "until_days", "missed"),
    [
        (10, None, []),
        (10, 10, []),
        (10, 11, ["must last until"]),
        (2, None, ["at least 3 days"]),
        (2, 3, ["at least 3 days", "must last until"]),
        # What lies in the past requires nothing.
        (10, -1, []),
        (-1, -2, ["at least 3 days"]),
        (-1, 0, ["at least 3 days"]),
    ],
)
def test_each_requirement_that_an_expiry_does_not_meet_is_named(days, until_days, missed):
    day = datetime(2026, 10, 16, tzinfo=UTC)
    until = None if until_days is None else day + timedelta(days=until_days)
    said = shortfall(Expiry("date", (day + timedelta(days=days)).date()), day, timedelta(days=3), until)
    assert said.count("must last") == len(missed)
    assert [word for word in missed if word not in said] == []


@pytest.mark.parametrize("kind", ["never", "unknown"])
def test_nothing_is_missed_of_a_credential_without_a_date(kind):
    now = datetime(2026, 10, 16, tzinfo=UTC)
    assert shortfall(Expiry(kind), now, timedelta(days=3), now + timedelta(days=900)) == ""
