"""Users and workspaces of the panel, made by its operators."""

from __future__ import annotations

from typing import Any

from postboost_provider.operators.panel import (
    PostBoostCreateUserOperator,
    PostBoostCreateWorkspaceOperator,
)
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import client

EMAIL = "olga@client.example"
MAX = "max@northwind.example"


def run(operator: type[Any], **options: Any) -> Any:
    return operator(task_id="act", **options).execute(context())


def make_user(**options: Any) -> dict[str, Any]:
    return run(PostBoostCreateUserOperator, **{"user_email": EMAIL, "name": "Olga Owner", **options})


def make_workspace(**options: Any) -> dict[str, Any]:
    return run(
        PostBoostCreateWorkspaceOperator,
        **{"name": "Client", "workspace_owner": "ada@northwind.example", **options},
    )


def call(sandbox: Sandbox, operation: str, **call: Any) -> Any:
    with client(sandbox, "admin") as api:
        return api.call(operation, **call)


def listed(sandbox: Sandbox, operation: str, keyword: str) -> list[dict[str, Any]]:
    with client(sandbox, "admin") as api:
        return list(api.pages(operation, parameters={"keyword": keyword}))


def writes(sandbox: Sandbox) -> list[str]:
    return [str(r["operation"]) for r in sandbox.requests() if r["method"] != "GET"]
