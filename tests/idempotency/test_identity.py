from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from postboost_provider.idempotency.identity import Act, Actor, digest, intent_hash, log_scope
from postboost_provider.idempotency.label import Label, PostAct


def task_identity(
    dag_id: str, run_id: str, task_id: str, map_index: int | None = None, salt: str | None = None
) -> tuple[str, ...]:
    ti = SimpleNamespace(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index)
    return Actor.of_task(ti, salt).identity


def row_identity(calendar_id: str, key: str) -> tuple[str, ...]:
    return Actor.of_row(calendar_id, key).identity


def idempotency_key(identity: tuple[str, ...], revision: int = 0) -> str:
    return Act(Label("scope", "identity"), identity).key(revision)


TASK = task_identity("dag", "manual__2026-10-16T00:00:00+00:00", "publish", 3, "salt")
ROW = row_identity("dag.task", "monday")
INTENT = intent_hash({"text": "Grüße 🚀", "accounts": ["@a", "twitter:*"], "publish_at": None})


def log_identity(identity: tuple[str, ...]) -> str:
    return Actor("scope", identity).log_identity


# Parts that a careless join would make the same text.
PARTS = [
    "a",
    "b",
    "ab",
    "a/b",
    "a,b",
    'a"b',
    "a\\",
    "\\",
    '","',
    "a\nb",
    "a b",
    " a",
    "",
    "1",
    "None",
    "ä",
    "a\u0308",
    "A",
]


def test_no_two_lists_of_parts_have_one_digest():
    lists = [p for n in (1, 2, 3) for p in itertools.product(PARTS, repeat=n)]
    assert len({digest(*parts) for parts in lists}) == len(lists)


def test_a_nested_list_of_parts_is_not_a_flat_one():
    assert (
        len(
            {
                digest("a", "b"),
                digest(("a", "b")),
                digest(("a",), "b"),
                digest("a", ("b",)),
                digest("a", "b", ""),
            }
        )
        == 5
    )


@pytest.mark.parametrize("one, other", [("1", 1), ("", None), ("True", True), (1, 1.5), ("null", None)])
def test_a_text_differs_from_the_value_that_it_spells(one, other):
    assert digest(one) != digest(other)


def test_no_two_tasks_and_rows_have_one_identity():
    odd = PARTS[:9]
    tasks = [task_identity(*parts) for parts in itertools.product(odd, repeat=3)]
    tasks += [
        task_identity("a", "a", "a", index, salt)
        for index in (0, 1, 10, 11)
        for salt in (None, "1", "0", "a")
    ]
    rows = [row_identity(*parts) for parts in itertools.product(PARTS, repeat=2)]
    everything = tasks + rows
    assert len({idempotency_key(identity) for identity in everything}) == len(everything)
    assert len({log_identity(identity) for identity in everything}) == len(everything)


@pytest.mark.parametrize("map_index", [None, -1])
def test_a_task_that_is_not_mapped_has_one_identity_however_airflow_says_so(map_index):
    assert task_identity("d", "r", "t", map_index) == task_identity("d", "r", "t")


def test_the_first_of_a_mapped_task_is_not_the_unmapped_task():
    assert task_identity("d", "r", "t", 0) != task_identity("d", "r", "t")


@pytest.mark.parametrize(
    "changes", [{"dag_id": "x"}, {"run_id": "x"}, {"task_id": "x"}, {"map_index": 1}, {"salt": "x"}]
)
def test_every_part_of_a_task_makes_it_another_intention(changes):
    same = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": 0, "salt": "s"}
    assert task_identity(**{**same, **changes}) != task_identity(**same)


def test_the_order_in_which_an_intent_is_written_does_not_matter_and_every_value_does():
    assert intent_hash({"a": 1, "b": [1, 2]}) == intent_hash({"b": [1, 2], "a": 1})
    others = [{"a": 1, "b": [2, 1]}, {"a": 1, "b": [1, 2], "c": None}, {"a": "1", "b": [1, 2]}, {"a": 1}]
    assert len({intent_hash(i) for i in [{"a": 1, "b": [1, 2]}, *others]}) == 5


def test_identity_and_revision_each_make_another_key():
    keys = [idempotency_key(i, g) for i in (TASK, ROW) for g in (0, 1, 10)]
    assert len(set(keys)) == len(keys)


# These are what earlier versions have sent. PostBoost knows a key for 24 hours and a label for 90 days: a change of
# any of them would publish again whatever was scheduled or published in that time. Do not adapt them to the code.
def test_an_upgrade_asks_with_the_same_keys_and_labels():
    assert TASK == ("task", "dag", "manual__2026-10-16T00:00:00+00:00", "publish", "3", "salt")
    assert ROW == ("row", "dag.task", "monday")
    assert digest("a", 1, None) == "30780d0daa72bce56290bae99d93fa5e78f718b5b2f9db49d692d5b5fa1e70da"
    assert INTENT == "2d9e58c6c61d053f"
    assert idempotency_key(TASK) == "daffe290803817fa8077e7e2f1fe356ff6ef72136a03774822fc2eb1598d6c7d"
    assert idempotency_key(ROW, 2) == "5be5aed0496b343de9cf19940ad5a2b0187fcb3f25d7ba4669f9bb0b9ee91f6e"
    assert log_scope("dag.task") == "dag.task~ea9a9b10"
    assert log_identity(TASK) == "1df409683259"
    assert log_identity(ROW) == "4c54fda6ea75"
    actor = Actor(log_scope("dag.task"), ROW)
    assert actor.owner.starts == (
        "airflow/ea9a9b10/4c54fda6ea75",
        "airflow/dag.task~ea9a9b10/monday~4c54fda6ea75",
    )
    assert (
        str(actor.act(PostAct(INTENT, "schedule")).label_at(3))
        == "airflow/ea9a9b10/4c54fda6ea75 2d9e58c6c61d053f schedule r0003"
    )


SIMILAR = [
    "week one",
    "week-one",
    "week_one",
    "week/one",
    "Week one",
    "week öne",
    "week  one",
    "-week one-",
    "w" * 99,
    "w" * 98,
]
NASTY = ["", "-", "///", "ÄÖÜ", "🚀", "a\r\nX-Header: 1", "%_", "\x00", " " * 40, *SIMILAR]


@pytest.mark.parametrize(
    "make", [log_scope, lambda n: log_identity(row_identity("c", n))], ids=["scope", "row"]
)
def test_similar_names_have_different_labels(make):
    assert len({make(name) for name in NASTY}) == len(NASTY)


def test_a_row_is_labelled_apart_in_each_calendar():
    assert log_identity(row_identity("a", "monday")) != log_identity(row_identity("b", "monday"))


@pytest.mark.parametrize("name", NASTY)
def test_a_label_is_short_plain_text_without_wildcards(name):
    act = Actor.of_row(name, name).act(PostAct(intent_hash({"text": name}), "schedule"))
    whole = str(act.label_at(9999))
    assert whole.isascii()
    assert whole.isprintable()
    assert len(whole) < 64
    assert Label.parse(whole) == act.label.at(9999)
    assert whole.count("/") == 2
    assert "%" not in whole
    assert "_" not in whole
