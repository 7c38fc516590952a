"""The next step of a rotation: names, notes and the decision, without requests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.rotation.plan import (
    Key,
    Maker,
    Renew,
    Rest,
    Retire,
    check_abilities,
    check_new_expiry,
    check_times,
    decide,
    note,
    read_note,
    recover,
    reference,
)

NOW = datetime(2026, 12, 1, 4, tzinfo=UTC)
MAKER = Maker("dag.task~00000000", "blog", "0123abcd")
LATER_RUN = Maker("dag.task~00000000", "blog", "ffffffff")
DAYS = timedelta(days=14)


def key(number: int, name: str = "Blog", days: int | None = 90, **changes: Any) -> Key:
    values: dict[str, Any] = {
        "id": number,
        "name": name,
        "abilities": ["read"],
        "expires_at": None if days is None else str(NOW.date() + timedelta(days=days)),
        **changes,
    }
    return Key.read(values)


def after(old: int, maker: Maker = MAKER) -> str:
    return maker.name(old)


def step(current: Key, *others: Key, maker: Maker = MAKER, when_less_than: timedelta | None = DAYS) -> Any:
    keys = {each.id: each for each in (*others, current)}
    return decide(current, keys, maker, when_less_than=when_less_than, now=NOW)


def test_only_a_key_that_expires_soon_is_rotated() -> None:
    assert isinstance(step(key(1, days=15)), Rest)
    # The first instant that is not counted on is 00:00 UTC of its date, and it is four o'clock.
    assert step(key(1, days=14)) == Renew(key(1, days=14), ())
    assert isinstance(step(key(1, days=None)), Rest)
    assert isinstance(step(key(1, days=None), when_less_than=None), Renew)


def test_orphans_are_keys_that_this_maker_made_to_replace_the_current_one_in_whatever_run() -> None:
    mine = (key(2, after(1)), key(3, after(1, LATER_RUN)))
    others = (
        key(4, after(9)),
        key(5, Maker("other.task~00000000", "blog", "0123abcd").name(1)),
        key(6, Maker(MAKER.task, "news", "0123abcd").name(1)),
        key(7, "airflow/by hand after 1"),
        key(8),
    )
    assert step(key(1, days=3), *mine, *others).orphans == mine


def test_what_the_current_key_replaced_is_retired_before_anything_else() -> None:
    current = key(3, after(1), days=3)
    abandoned = key(2, after(1))
    assert step(current, key(1), abandoned, key(9)) == Retire(current, (key(1), abandoned))
    assert isinstance(step(current, key(9)), Rest)
    assert isinstance(step(current, key(9), maker=LATER_RUN), Renew)


@pytest.mark.parametrize("when_less_than", [DAYS, None])
def test_the_key_of_this_run_is_rotated_again_once_it_has_expired(when_less_than: timedelta | None) -> None:
    assert isinstance(step(key(3, after(1), days=1), when_less_than=when_less_than), Rest)
    assert isinstance(step(key(3, after(1), days=0), when_less_than=when_less_than), Renew)


def test_only_orphans_whose_attempt_must_have_ended_are_revoked_before_the_next_key_is_created() -> None:
    made = {minutes: f"{NOW - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}" for minutes in (5, 11)}
    young, old = key(2, after(1), created_at=made[5]), key(3, after(1), created_at=made[11])
    unknown = key(4, after(1))
    found = step(key(1, days=3), young, old, unknown)
    assert found.orphans == (young, old, unknown)
    assert found.stale_orphans(NOW) == [old]


def test_a_revoked_key_is_replaced_only_if_a_rotation_left_a_related_one() -> None:
    # Key 2 had replaced key 1, and the connection has it; another rotation had replaced key 1 by key 3.
    winner, stranger = key(3, after(1)), key(4)
    found = recover(2, 1, {3: winner, 4: stranger}, MAKER)
    assert found == Renew(winner, (), 2)
    assert (found.held, found.replaces) == (2, 1)
    # The old key is still there: the rotation was killed before it revoked it.
    found = recover(2, 1, {1: key(1), 4: stranger}, MAKER)
    assert found == Renew(key(1), (), 2)
    assert (found.held, found.replaces) == (2, 1)
    # Key 2 itself was replaced by key 5.
    found = recover(2, 1, {5: key(5, after(2))}, MAKER)
    assert found is not None
    assert (found.held, found.replaces) == (2, 2)
    for nothing in ({}, {4: stranger}, {9: key(9, after(8))}):
        assert recover(2, 1, nothing, MAKER) is None
    assert recover(2, None, {1: key(1)}, MAKER) is None


def test_without_a_threshold_a_key_that_another_run_created_meanwhile_is_new_enough() -> None:
    current = key(2, after(1), created_at="2026-12-01T03:59:00Z")
    began = NOW - timedelta(minutes=2)
    found = decide(current, {2: current}, LATER_RUN, when_less_than=None, now=NOW, since=began)
    assert isinstance(found, Rest)
    found = decide(current, {2: current}, LATER_RUN, when_less_than=None, now=NOW, since=NOW)
    assert isinstance(found, Renew)


def test_abilities_that_postboost_does_not_list_are_not_none() -> None:
    assert key(1, abilities=None).abilities is None
    assert key(1, abilities=[]).abilities == ()
    check_abilities(["read"])
    check_abilities(None)
    for wrong in ("read", [], [1], {"read"}):
        with pytest.raises(PostBoostConfigError) as caught:
            check_abilities(wrong)
        assert (caught.value.code, caught.value.field) == ("not_a_list", "abilities")


def test_a_run_rotates_once() -> None:
    current = key(2, after(1))
    assert step(current, when_less_than=None) == Rest(current, "it was created in this run")
    assert isinstance(step(current, when_less_than=None, maker=LATER_RUN), Renew)


def test_the_longest_name_fits_into_what_postboost_takes() -> None:
    longest = Maker("x" * 41, "y" * 250, "0" * 8)
    assert len(longest.name(10**12)) <= 255
    assert key(2, longest.name(10**12)).successor_of == 10**12


def test_a_note_tells_the_key_and_which_token_it_is_and_not_the_token() -> None:
    noted = note(42, "1|secret", NOW, None)
    assert noted == f"42/{reference('1|secret')}/2026-12-01T04:00:00+00:00"
    assert read_note(noted) == (42, reference("1|secret"), None)
    assert read_note(note(42, "1|secret", NOW, 7)) == (42, reference("1|secret"), 7)
    assert "secret" not in noted
    for other in (None, "", "42", "42/short/x", 7):
        assert read_note(other) is None


def test_the_reference_is_the_one_of_postboosts_activity_log() -> None:
    """The first 12 hex characters of the SHA-256 of the token (SDK 1.66.3)."""
    assert reference("abc") == "ba7816bf8f01"


def test_a_key_as_postboost_lists_it() -> None:
    found = key(1, account_ids=[3], created_at="2026-09-01T10:00:00Z", last_used_at="2026-09-02 10:00:00")
    assert (found.account_ids, found.expires_at) == ((3,), date(2027, 3, 1))
    assert found.created_at == datetime(2026, 9, 1, 10, tzinfo=UTC)
    assert found.last_used_at == datetime(2026, 9, 2, 10, tzinfo=UTC)
    assert key(1, days=None).account_ids is None


@pytest.mark.parametrize(("days", "over"), [(0, False), (-1, False), (-2, True)])
def test_a_key_is_over_when_it_does_not_work_by_any_reading_of_its_last_day(days: int, over: bool) -> None:
    assert key(1, days=days).is_over(NOW) is over


def test_times_that_can_be_meant() -> None:
    check_times(1, None, timedelta(0))
    check_times(30, timedelta(days=14), timedelta(hours=1))
    check_times(16, timedelta(days=14), None)
    with pytest.raises(PostBoostConfigError) as caught:
        check_times(15, timedelta(days=14), None)
    assert (caught.value.code, caught.value.field) == ("too_short", "valid_days")
    assert check_new_expiry("never", NOW).kind == "never"
    assert check_new_expiry("2026-12-02", NOW).day == date(2026, 12, 2)
