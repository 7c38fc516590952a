"""Which run, iteration and attempt a task is in, and when they began, as far as each version of Airflow knows."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)


def run_anchor(context: Context) -> datetime | None:
    """Return the end of the run's data interval, or when it was due; None in an Airflow 2 that has neither."""
    found: datetime | None = context.get("data_interval_end") or getattr(
        context["dag_run"], "run_after", None
    )
    return found


def attempt_began(context: Context) -> datetime:
    """Return when this attempt began, before its arguments were rendered."""
    began: datetime | None = getattr(context["ti"], "start_date", None)
    # Where Airflow does not tell, only what is surely written from now on must count as written later. Times in PostBoost's
    # log have whole seconds, and so does its clock.
    return began or datetime.now(UTC) + timedelta(seconds=2)


def run_began(context: Context) -> datetime:
    """Return an instant before which the run did nothing, if it was never cleared."""
    run: Any = context["dag_run"]
    began: datetime | None = getattr(run, "start_date", None) or getattr(run, "run_after", None)
    return began or context.get("logical_date") or datetime.fromtimestamp(0, UTC)


def last_success(context: Context) -> datetime | None:
    """Return when the last successful run of the DAG before this one began; None if there was none, or nothing tells."""
    try:
        # Airflow asks its database only here.
        found: Any = context.get("prev_start_date_success")
        return datetime.fromtimestamp(found.timestamp(), UTC) if found else None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is Airflow's
        log.warning("Airflow does not tell when the DAG's last run was: %s", error)
        return None


def loop_iteration(context: Context) -> int | None:
    """Return the iteration of the loop around the task, where Airflow has loops (3.4)."""
    loop: Any = context.get("loop")
    index = loop.get("index") if isinstance(loop, dict) else getattr(loop, "index", None)
    return None if index is None else int(index)


def window_end(context: Context, anchor: datetime, window: timedelta) -> datetime:
    """Return the end of a window. A window of whole days ends no earlier than the same time of day in the DAG's time zone.

    The run after a day of 25 hours is due an hour later than 24 hours after the one before.
    """
    # Airflow's instants are pendulum's, which calculate in another way.
    start = datetime.fromtimestamp(anchor.timestamp(), UTC)
    zone = getattr(context.get("dag"), "timezone", None)
    if zone is None or window % timedelta(days=1):
        return start + window
    local = start.astimezone(zone).replace(tzinfo=None) + window
    # Of an hour that comes twice, Airflow takes the second one. Windows may overlap: a row is published once.
    return max(start + window, local.replace(tzinfo=zone, fold=1).astimezone(UTC))


def earlier_attempts_since(context: Context, *, of_siblings: bool = False) -> datetime | None:
    """Return an instant before which no earlier attempt of the task began; None if this is its first attempt.

    Airflow does not tell a task when its first attempt began.

    :param of_siblings: the other tasks of a mapped task may have had attempts before, even if this is its first one.
    """
    if not of_siblings and int(getattr(context["ti"], "try_number", None) or 1) <= 1:
        return None
    run: Any = context["dag_run"]
    # Clear may set a new start date.
    starts = (
        [run.start_date] if getattr(run, "clear_number", None) == 0 and hasattr(run, "start_date") else []
    )
    # A run does not start before it is due. Airflow 2 has no run_after.
    starts += [getattr(run, "run_after", None), context.get("logical_date")]
    return next((start for start in starts if start is not None), datetime.min.replace(tzinfo=UTC))
