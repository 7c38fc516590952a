"""Runs that come too late to publish by themselves: those of a backfill, and those that were due long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.airflow_support.run_times import run_anchor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


def is_backfill(context: Context) -> bool:
    """Return whether the run is one of a backfill."""
    return _run_type(context) == "backfill"


def run_age(context: Context) -> timedelta:
    """Return how long ago the run was due; nothing, where Airflow does not tell.

    A run that was triggered, by a person, a DAG or an asset, is as old as the date that it was given, by default the moment of
    the trigger: the interval that Airflow gives it may have ended a month before.
    """
    run: Any = context["dag_run"]
    due = run_anchor(context)
    if _run_type(context) not in ("scheduled", "backfill", "None"):
        due = context.get("logical_date") or getattr(run, "run_after", None) or due
    # Airflow's instants are pendulum's, which calculate in another way.
    return datetime.now(UTC) - datetime.fromtimestamp(due.timestamp(), UTC) if due else timedelta(0)


def _run_type(context: Context) -> str:
    kind: Any = getattr(context["dag_run"], "run_type", None)
    return str(getattr(kind, "value", kind))
