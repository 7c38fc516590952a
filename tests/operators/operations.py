"""Any operation of the API, run by PostBoostOperator."""

from __future__ import annotations

from typing import Any

from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context

TAG = {"name": "autumn", "hex_color": "#f59e0b"}


def run(operation: str, ctx: dict[str, Any] | None = None, **options: Any) -> Any:
    return PostBoostOperator(task_id="task", operation=operation, **options).execute(ctx or context())  # type: ignore[arg-type]


def written(sandbox: Sandbox) -> list[str]:
    return [r["operation"] for r in sandbox.requests() if r["method"] != "GET"]
