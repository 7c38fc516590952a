"""``@task.postboost``: what a function returns is the body, and nothing else is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from airflow.sdk import DAG

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.decorators.postboost import postboost_task
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Sandbox:
    use_connection(monkeypatch, sandbox)
    return sandbox


def execute(function: Any, *args: Any, **kwargs: Any) -> Any:
    with DAG("dag", schedule=None, start_date=datetime(2026, 10, 1)):
        operator = function(*args, **kwargs).operator
    return operator.execute(context())


def test_what_the_function_returns_is_the_body(connection: Sandbox) -> None:
    @postboost_task(operation="create_tag", result="name")
    def tag(name: str) -> dict[str, str]:
        return {"name": name, "hex_color": "#f59e0b"}

    assert execute(tag, "autumn") == "autumn"


def test_a_function_that_returns_nothing_sends_no_body(connection: Sandbox) -> None:
    @postboost_task(operation="list_tags", result="data.name")
    def tags() -> None:
        return None

    assert execute(tags) == ["Evergreen", "Launch"]


def test_braces_in_what_the_function_returns_are_no_template(connection: Sandbox) -> None:
    @postboost_task(operation="create_tag", result="name")
    def tag() -> dict[str, str]:
        return {"name": "{{mention:7}}", "hex_color": "#f59e0b"}

    assert execute(tag) == "{{mention:7}}"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"operation": "create_tagg"}, "create_tagg"),
        ({}, "operation"),
        ({"operation": "create_tag", "body": {}}, "body"),
    ],
)
def test_what_is_wrong_shows_when_the_dag_is_parsed(options: dict[str, Any], word: str) -> None:
    with pytest.raises(PostBoostConfigError, match=word):
        postboost_task(**options)
