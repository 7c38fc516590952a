"""Rows of a calendar, and a task that publishes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from tests.airflow_stubs import context

# Once for all: a row that is sent twice must not have moved by a minute.
SOON = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")


def publish(rows: Any, ctx: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    operator = PostBoostPublishCalendarOperator(task_id="publish", rows=rows, **options)
    return operator.execute(ctx or context())  # type: ignore[arg-type]


def row(key: str = "a", **values: Any) -> dict[str, Any]:
    return {
        "key": key,
        "publish_at": SOON,
        "timezone": "UTC",
        "accounts": "1",
        "text": f"Text {key}",
        **values,
    }
