"""What a task remembers in Airflow's task state store, and that a store which fails makes nothing worse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.airflow_support.task_memory import TaskMemory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = datetime(2026, 1, 1, tzinfo=UTC)


class Store:
    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.kept_for: list[Any] = []
        self.fails = False

    def get(self, key: str, default: Any = None) -> Any:
        if self.fails:
            raise RuntimeError("the database is down")
        return self.values.get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        if self.fails:
            raise RuntimeError("the database is down")
        self.values[key] = value
        self.kept_for.append(retention)


def memory(store: Store | None, attempt: int = 1, name: str = "a", *, now: datetime = NOW) -> TaskMemory:
    run = SimpleNamespace(run_after=RUN, start_date=RUN, clear_number=0)
    context: Any = {"ti": SimpleNamespace(try_number=attempt), "dag_run": run, "logical_date": None}
    if store is not None:
        context["task_state_store"] = store
    return TaskMemory(context, now, name)


def test_a_later_attempt_knows_when_the_first_one_began() -> None:
    store = Store()
    assert memory(store).begin() is None
    assert memory(store, 2, now=NOW + timedelta(hours=2)).begin() == NOW
    # After Clear in a version that counts again.
    assert memory(store, 1, now=NOW + timedelta(days=400)).begin() == NOW


def test_what_is_remembered_stays_for_ever() -> None:
    from airflow.sdk import NEVER_EXPIRE

    store = Store()
    memory(store).begin()
    memory(store).remember({"uuid": "p"})
    assert store.kept_for == [NEVER_EXPIRE] * 2
    assert memory(store, 2).done() == {"uuid": "p"}


def test_another_salt_is_another_memory() -> None:
    store = Store()
    memory(store, 1, "a").remember({"uuid": "p"})
    assert memory(store, 1, "b").done() == {}


def test_an_attempt_that_is_not_the_first_remembers_nothing_that_is_too_late() -> None:
    """The first attempt ran before an upgrade of Airflow, or its store failed."""
    store = Store()
    assert memory(store, 2).begin() == RUN
    assert memory(store, 3).begin() == RUN


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_store_that_fails_or_is_missing_is_no_store(attempt: int) -> None:
    store = Store()
    store.fails = True
    for each in (store, None):
        found = memory(each, attempt)
        assert found.begin() == (RUN if attempt > 1 else None)
        found.remember({"uuid": "p"})
        assert found.done() == {}


def test_a_value_that_is_not_a_time_is_no_memory() -> None:
    store = Store()
    memory(store).begin()
    store.values = dict.fromkeys(store.values, "yesterday")
    assert memory(store, 2).begin() == RUN
