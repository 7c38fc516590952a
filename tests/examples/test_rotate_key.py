"""The rotation in a real Airflow: connections in its database, written through its own API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from sqlalchemy import delete, select

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import AuthenticationError
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_server import PASSWORDS, airflow_server
from tests.clients import client, settings
from tests.examples.test_dags import load

__all__ = ["airflow_server"]

pytestmark = pytest.mark.airflow


@pytest.fixture
def connections(airflow_server: str, sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    """The connections that the example needs, with a key that ends in ten days."""
    last_day = f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%d}"
    body = {"name": "Blog", "abilities": ["read", "publish"], "expires_at": last_day}
    with client(sandbox, "admin") as api:
        key = api.call("create_api_key", body=body)["data"]
    extras = {"workspace_uuid": sandbox.workspaces[0]["uuid"], "scoped_key_id": key["id"]}
    rows = [
        Connection("postboost_default", "postboost", host=sandbox.base_url, extra=json.dumps(extras)),
        Connection("postboost_admin", "postboost", host=sandbox.base_url),
        Connection("airflow_api", "http", host=airflow_server, login="ada"),
    ]
    with create_session() as session:
        for row, password in zip(
            rows, (key["token"], sandbox.tokens["admin"], PASSWORDS["ada"]), strict=True
        ):
            row.set_password(password)
            session.add(row)
    yield key
    with create_session() as session:
        session.execute(delete(Connection))


def stored() -> tuple[str, dict[str, Any]]:
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id == "postboost_default"))
        assert row is not None
        return str(row.password), row.extra_dejson


def works(sandbox: Sandbox, token: str) -> bool:
    try:
        with PostBoostClient(settings(sandbox, token)) as api:
            api.call("list_tags")
    except AuthenticationError:
        return False
    return True


def run(grace: timedelta) -> Any:
    dag = load("rotate_key")
    task: Any = dag.task_dict["rotate"]
    task.grace, task.retries = grace, 0
    done = dag.test()
    (ti,) = done.get_task_instances()
    assert str(done.state) == "success"
    return ti.xcom_pull(task_ids="rotate")


def test_the_example_rotates_once_and_then_rests(
    sandbox: Sandbox, connections: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    done = run(timedelta(seconds=1))
    token, extras = stored()
    assert done["result"] == "rotated"
    assert (extras["scoped_key_id"], extras["expires_on"]) == (done["key_id"], done["expires_on"])
    assert extras["workspace_uuid"] == sandbox.workspaces[0]["uuid"]
    assert (works(sandbox, token), works(sandbox, connections["token"])) == (True, False)
    again = run(timedelta(seconds=1))
    assert (again["result"], again["key_id"]) == ("unchanged", done["key_id"])
    assert stored() == (token, extras)
    assert token not in capfd.readouterr().out
