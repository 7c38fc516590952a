"""Examples in the safety modes: what ``airflow dags test`` does before the first real run."""

from __future__ import annotations

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.clients import posts
from tests.examples.test_dags import FIRST_DAY, airflow_database, run, surroundings

__all__ = ["airflow_database", "surroundings"]

pytestmark = pytest.mark.airflow


def writes(sandbox: Sandbox) -> set[str]:
    names = {str(r["operation"]) for r in sandbox.requests() if r["method"] != "GET"}
    return names - {"validate_post"}


def test_in_check_mode_a_dag_writes_nothing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBOOST_MODE", "check")
    states = run("publish_content_calendar", first_day=FIRST_DAY)
    assert (states["publish"], states["wait"]) == ("skipped", "skipped"), states
    assert states["run"] == "success"
    assert writes(sandbox) == set()
    assert posts(sandbox) == []


def test_in_draft_mode_a_dag_makes_drafts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBOOST_MODE", "draft")
    states = run("publish_content_calendar", first_day=FIRST_DAY)
    assert (states["publish"], states["wait"]) == ("success", "skipped"), states
    assert {p["status"] for p in posts(sandbox)} == {"draft"}
    assert run("publish_content_calendar", first_day=FIRST_DAY)["run"] == "success"
    assert len(posts(sandbox)) == len({p["text"] for p in posts(sandbox)})
