"""Old runs in a real Airflow: what its own runs say about themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.clients import posts
from tests.examples.test_dags import airflow_database, load, surroundings

__all__ = ["airflow_database", "surroundings"]

pytestmark = pytest.mark.airflow


def state_of(**run: Any) -> str:
    """Run the task that announces a release, without a wait, and return its state."""
    dag = load("announce_release")
    announce: Any = dag.get_task("announce")
    announce.wait_for_completion = False
    done = dag.test(**run)
    return {ti.task_id: str(ti.state) for ti in done.get_task_instances()}["announce"]


def test_a_test_run_of_today_publishes_and_one_of_long_ago_does_not(sandbox: Sandbox) -> None:
    assert state_of(logical_date=datetime.now(UTC) - timedelta(days=40)) == "skipped"
    assert posts(sandbox) == []
    assert state_of() == "success"
    assert len(posts(sandbox)) == 1


def test_a_run_of_a_backfill_publishes_nothing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a scheduler makes such a run: this one is like it in its type alone."""
    from airflow.models.dagrun import DagRun

    create = DagRun.__init__

    def as_backfill(self: Any, *args: Any, **given: Any) -> None:
        create(self, *args, **{**given, "run_type": "backfill"})

    monkeypatch.setattr(DagRun, "__init__", as_backfill)
    assert state_of() == "skipped"
    assert posts(sandbox) == []
