"""The store in Airflow's database, as it is used below Airflow 3."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError

from postboost_provider.api.errors import PostBoostConfigError, UnconfirmedError
from postboost_provider.rotation.stores import default_store
from postboost_provider.rotation.stores.airflow_api import AirflowApiStore
from postboost_provider.rotation.stores.airflow_database import AirflowDatabaseStore

pytestmark = pytest.mark.airflow


@pytest.fixture
def stored() -> Iterator[str]:
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    with create_session() as session:
        session.add(
            Connection(conn_id="in_database", conn_type="postboost", host="localhost", password="before")
        )
    yield "in_database"
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == "in_database"))


def row(conn_id: str) -> tuple[Any, Any, Any]:
    with create_session() as session:
        found = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
        assert found is not None
        assert found.is_encrypted
        return found.host, found.password, json.loads(found.extra)


def test_token_and_extras_are_replaced_and_nothing_else(stored: str, mocker: Any) -> None:
    store = AirflowDatabaseStore()
    store.write(stored, None, lambda _: {"scoped_key_id": 2})
    assert row(stored) == ("localhost", "before", {"scoped_key_id": 2})
    assert store.read(stored) == {"scoped_key_id": 2}
    store.write(stored, "after", lambda _: {"scoped_key_id": 3})
    assert row(stored) == ("localhost", "after", {"scoped_key_id": 3})
    with pytest.raises(PostBoostConfigError, match="typo") as missing:
        store.write("typo", "after", lambda _: {})
    assert missing.value.code == "no_connection"
    failure = OperationalError("UPDATE connection SET password=?", ("the-new-secret",), Exception("locked"))
    mocker.patch("sqlalchemy.orm.Session.commit", side_effect=failure)
    with pytest.raises(UnconfirmedError, match="OperationalError") as caught:
        store.write(stored, "the-new-secret", lambda _: {})
    assert caught.value.__cause__ is None
    assert "the-new-secret" not in str(caught.value)


def test_a_task_of_airflow_3_is_told_to_use_the_api(mocker: Any) -> None:
    refusal = RuntimeError("Direct database access via the ORM is not allowed in Airflow 3.0")
    mocker.patch("airflow.utils.session.create_session", side_effect=refusal)
    with pytest.raises(PostBoostConfigError, match="AirflowApiStore") as caught:
        AirflowDatabaseStore().write("x", "y", lambda _: {})
    assert caught.value.code == "no_database_access"


def test_the_default_is_the_api_where_tasks_have_no_database(mocker: Any) -> None:
    assert isinstance(default_store(), AirflowApiStore)
    mocker.patch("postboost_provider.rotation.stores.find_spec", return_value=None)
    assert isinstance(default_store(), AirflowDatabaseStore)
