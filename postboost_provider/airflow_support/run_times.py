"""When a run began, as far as each version of Airflow tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context


def run_anchor(context: Context) -> datetime | None:
    """Return the end of the run's data interval, or when it was due; None in an Airflow 2 that has neither."""
    found: datetime | None = context.get("data_interval_end") or getattr(
        context["dag_run"], "run_after", None
    )
    return found
