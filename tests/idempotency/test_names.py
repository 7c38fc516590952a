"""What a person calls the same is one identity, and what differs is another."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from postboost_provider.idempotency.identity import Actor, default_calendar_id, normal, normal_cell

INVISIBLE = "\u00ad\u115f\u1160\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2069\u3164\ufeff\ufe0f\uffa0"
SPACES = " \t\n\r\u00a0\u2003\u2800\u3000"
# Names as people write them: printable, without what nobody sees.
visible = st.text(
    st.characters(exclude_categories=("C", "Z", "M"), exclude_characters=INVISIBLE + SPACES),
    min_size=1,
    max_size=12,
).filter(lambda name: not name.endswith("0"))
dag_ids = st.text(st.sampled_from("ab.-_"), min_size=1, max_size=6)


class Numpy(float):
    """A float of numpy's, which is one of Python's."""


@given(
    visible,
    st.text(st.sampled_from(INVISIBLE), max_size=3),
    st.text(st.sampled_from(SPACES), max_size=3),
    st.data(),
)
def test_what_nobody_sees_makes_no_other_name(
    name: str, hidden: str, spaces: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(name)))
    written = f"{spaces}\ufeff{name[:at]}{hidden}{name[at:]}{spaces}"
    for form in ("NFC", "NFD"):
        assert normal(unicodedata.normalize(form, written)) == normal(name)


@given(st.text(max_size=12))
def test_a_normal_name_stays_as_it_is(name: str) -> None:
    for form in (normal, normal_cell):
        assert form(form(name)) == form(name)


@given(visible, visible)
def test_names_that_differ_are_other_names(one: str, other: str) -> None:
    assume(unicodedata.normalize("NFC", one) != unicodedata.normalize("NFC", other))
    assert normal(one) != normal(other)
    assert Actor.of_row("c", normal(one)).log_identity != Actor.of_row("c", normal(other)).log_identity


@given(st.integers(-(10**12), 10**12))
def test_an_integral_number_is_an_integer(number: int) -> None:
    forms = [
        float(number),
        Numpy(number),
        Decimal(number),
        Decimal(f"{number}.00"),
        str(number),
    ]
    assert {normal(form) for form in forms} == {str(number)}
    assert {normal_cell(form) for form in (*forms, f"{number}.0", f"{number}.00")} == {str(number)}


@given(visible, st.text(st.sampled_from(SPACES), min_size=1, max_size=3), visible)
def test_any_inner_space_is_one_space(one: str, spaces: str, other: str) -> None:
    assert normal(f"{one}{spaces}{other}") == normal(f"{one} {other}") != normal(one + other)


def test_zero_has_no_sign() -> None:
    assert {normal(-0.0), normal(Decimal("-0.0")), normal_cell("-0.0"), normal_cell("-0.00")} == {"0"}


@pytest.mark.parametrize("argument", ["key", "salt"])
def test_texts_that_look_like_numbers_are_names(argument: str) -> None:
    """Releases 2, 2.0 and 2.00 are three posts."""
    releases = [Actor.of_task(task(), **{argument: text}) for text in ("2", "2.0", "2.00")]
    assert len({owner for actor in releases for owner in actor.owners}) == 3
    assert Actor.of_task(task(), **{argument: 2.0}).identity == releases[0].identity


@pytest.mark.parametrize("other", ["1.10", "1.01", "v1.0", "1.0.0", 1.5, "1e0", "01", True, float("inf")])
def test_what_only_looks_like_the_number_is_not_it(other: Any) -> None:
    assert normal(other) != normal(1)


@pytest.mark.parametrize("empty", [None, "", " ", "\ufeff", "\u200b \u200d", float("nan"), Decimal("NaN")])
def test_a_name_of_nothing_is_empty(empty: Any) -> None:
    assert normal(empty) == ""


def test_case_differs() -> None:
    assert normal("Monday") != normal("monday")


@given(dag_ids, dag_ids, dag_ids, dag_ids)
def test_no_two_tasks_have_one_default_calendar(dag: str, task: str, other_dag: str, other_task: str) -> None:
    assume((dag, task) != (other_dag, other_task))
    assert default_calendar_id(dag, task)[0] != default_calendar_id(other_dag, other_task)[0]


def test_a_default_calendar_that_was_unambiguous_keeps_its_id() -> None:
    assert default_calendar_id("dag", "task") == ("dag.task", None)
    assert default_calendar_id("a.b", "c") == ("a.b/c", "a.b.c")


def task(**changes: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, **changes})


def test_iterations_of_a_loop_are_different_posts() -> None:
    actors = [Actor.of_task(task(), iteration=i) for i in (None, 0, 1)]
    assert len({actor.log_identity for actor in actors}) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        {"salt": "a\u0308\u200b"},
        {"key": " straße\ufeff"},
        {"key": 1.0},
        {"key": "a\u00a0 b\u3164"},
        {"salt": "a\u2800"},
    ],
)
def test_the_name_that_version_0_1_0_used_is_known(arguments: dict[str, Any]) -> None:
    ((name, value),) = arguments.items()
    actor = Actor.of_task(task(), **arguments)
    assert actor.former is not None
    raw = value if name == "salt" else str(value).strip()
    before = ("task", "d", "r", "t", f"key {raw}" if name == "key" else "", raw if name == "salt" else "")
    assert actor.former.identity == before
    assert Actor.of_task(task(), **{name: normal(value)}).former is None
    assert Actor.of_task(task(), **{name: normal(value)}).identity == actor.identity
