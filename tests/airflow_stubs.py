"""What a task gets from Airflow, without one: enough for ``execute`` and ``poke``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox


def use_connection(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    token: str = "member",
    conn_id: str = "postboost_default",
    **extra: Any,
) -> None:
    """Give Airflow a connection to the sandbox through the environment."""
    connection = {
        "conn_type": "postboost",
        "host": sandbox.base_url,
        "password": sandbox.tokens.get(token, token),
        "extra": {"workspace_uuid": sandbox.workspaces[0]["uuid"], **extra},
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))


def context(**changes: Any) -> dict[str, Any]:
    """Return a task's context. ``pushed`` collects its XComs."""
    pushed: dict[str, Any] = {}

    def push(key: str, value: Any) -> None:
        pushed[key] = value

    ti = SimpleNamespace(
        dag_id="dag",
        task_id="task",
        run_id="run",
        map_index=-1,
        xcom_push=push,
        get_first_reschedule_date=lambda context: None,
    )
    dag_run = SimpleNamespace(run_after=datetime.now(UTC))
    return {"ti": ti, "dag_run": dag_run, "pushed": pushed, **changes}
