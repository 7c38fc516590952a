"""The store in Airflow's own API, against a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from sqlalchemy import delete, select

from postboost_provider.api.errors import (
    NotFinishedError,
    PostBoostConfigError,
    UnconfirmedError,
    UnreachableError,
)
from postboost_provider.rotation.stores.airflow_api import AirflowApiStore
from tests.airflow_server import PASSWORDS, airflow_server, free_port

__all__ = ["airflow_server"]

EXTRAS = {"workspace_uuid": "w", "scoped_key_id": 2, "rotation": "2/0123456789ab/2027-01-17T04:00:00+00:00"}


def use_airflow(monkeypatch: pytest.MonkeyPatch, host: str, **changes: Any) -> None:
    connection = {
        "conn_type": "http",
        "host": host,
        "login": "ada",
        "password": PASSWORDS["ada"],
        **changes,
    }
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", json.dumps(connection))
    for read in ("x", "typo", "in.airflow"):
        extra = {"proxy": "http://me:hidden@proxy", "client_label": "blog"}
        seen = {"conn_type": "postboost", "password": "before", "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{read.upper()}", json.dumps(seen))


@pytest.fixture
def stored(airflow_server: str) -> Iterator[str]:
    """A connection in Airflow's database."""
    name = "in.airflow"
    with create_session() as session:
        session.add(
            Connection(
                conn_id=name,
                conn_type="postboost",
                host="https://postboost.example/app/api",
                password="before",
                extra=json.dumps({"scoped_key_id": 1, "client_label": "blog"}),
                description="for the blog",
            )
        )
    yield name
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == name))


def row(name: str) -> dict[str, Any]:
    with create_session() as session:
        found = session.scalar(select(Connection).where(Connection.conn_id == name))
        assert found is not None
        return {
            "token": found.password,
            "extras": found.extra_dejson,
            "host": found.host,
            "description": found.description,
        }


@pytest.mark.airflow
def test_token_and_extras_are_replaced_and_nothing_else(
    airflow_server: str, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_airflow(monkeypatch, airflow_server)
    kept = {"host": "https://postboost.example/app/api", "description": "for the blog"}
    assert AirflowApiStore().read(stored) == {"scoped_key_id": 1, "client_label": "blog"}
    AirflowApiStore().write(stored, None, lambda _: EXTRAS)
    assert row(stored) == {"token": "before", "extras": EXTRAS, **kept}
    AirflowApiStore().write(stored, "after", lambda _: {**EXTRAS, "scoped_key_id": 3})
    assert row(stored) == {"token": "after", "extras": {**EXTRAS, "scoped_key_id": 3}, **kept}


@pytest.mark.airflow
def test_a_token_of_airflows_own_does_instead_of_login_and_password(
    airflow_server: str, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = {"username": "ada", "password": PASSWORDS["ada"]}
    token = httpx.post(f"{airflow_server}/auth/token", json=credentials).json()["access_token"]
    use_airflow(monkeypatch, airflow_server, login=None, password=token)
    AirflowApiStore().write(stored, "after", lambda _: EXTRAS)
    assert row(stored)["token"] == "after"


@pytest.mark.airflow
@pytest.mark.parametrize(
    ("user", "conn_id", "code", "says"),
    [
        ({"password": "mistyped"}, "in.airflow", "no_token", "401"),
        ({"login": "vic", "password": PASSWORDS["vic"]}, "in.airflow", "refused", "403"),
        ({"login": None, "password": "no-token"}, "in.airflow", "refused", "403 Invalid JWT token"),
        ({}, "typo", "no_connection", "typo"),
        ({"password": None}, "in.airflow", "no_password", "airflow_api"),
    ],
    ids=["password", "viewer", "token", "missing", "nothing"],
)
def test_what_airflow_refuses_is_one_clear_error_and_writes_nothing(
    airflow_server: str,
    stored: str,
    monkeypatch: pytest.MonkeyPatch,
    user: dict[str, Any],
    conn_id: str,
    code: str,
    says: str,
) -> None:
    use_airflow(monkeypatch, airflow_server, **user)
    with pytest.raises(PostBoostConfigError, match=says) as caught:
        AirflowApiStore().write(conn_id, "the-new-secret", lambda _: EXTRAS)
    assert caught.value.code == code
    assert "the-new-secret" not in str(caught.value)
    assert row(stored)["token"] == "before"


def test_without_a_connection_to_airflow_it_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_X", "postboost://:before@")
    with pytest.raises(PostBoostConfigError, match="type http") as caught:
        AirflowApiStore().write("x", "y", lambda _: {})
    assert (caught.value.code, caught.value.field) == ("no_connection", "airflow_conn_id")


@pytest.mark.parametrize(
    ("connection", "code"),
    [
        ({"host": "http://airflow.example.com"}, "unencrypted"),
        ({"host": "airflow.example.com", "schema": "http"}, "unencrypted"),
        ({"host": ""}, "not_an_address"),
        ({"host": "https://ada:secret@airflow.example.com"}, "not_an_address"),
        ({"host": "ftp://airflow.example.com"}, "not_an_address"),
        ({"host": "https://airflow.example.com", "extra": {"ca_bundle": "/nowhere.pem"}}, "unreadable"),
    ],
)
def test_an_address_that_would_give_the_key_away_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], code: str
) -> None:
    use_airflow(monkeypatch, **connection)
    with respx.mock(assert_all_called=False) as airflow, pytest.raises(PostBoostConfigError) as caught:
        AirflowApiStore().write("x", "the-new-secret", lambda _: {})
    assert caught.value.code == code
    assert airflow.calls.call_count == 0


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({"host": "https://airflow.example.com/"}, "https://airflow.example.com"),
        ({"host": "airflow.example.com", "port": 8443}, "https://airflow.example.com:8443"),
        ({"host": "https://example.com/airflow"}, "https://example.com/airflow"),
        ({"host": "localhost", "schema": "http", "port": 8080}, "http://localhost:8080"),
        ({"host": "::1", "schema": "http", "port": 8080}, "http://[::1]:8080"),
        ({"host": "[::1]:8080", "schema": "http"}, "http://[::1]:8080"),
        ({"host": "http://airflow-api:8080", "extra": {"allow_http": True}}, "http://airflow-api:8080"),
    ],
)
def test_the_host_can_be_written_in_the_usual_ways(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], url: str
) -> None:
    use_airflow(monkeypatch, **connection)
    with respx.mock() as airflow:
        airflow.post(f"{url}/auth/token").respond(201, json={"access_token": "short-lived"})
        airflow.get(f"{url}/api/v2/connections/x").respond(200, json={"extra": None})
        patch = airflow.patch(f"{url}/api/v2/connections/x").respond(200, json={})
        AirflowApiStore().write("x", "the-new-secret", lambda _: {"scoped_key_id": 3})
    sent = patch.calls.last.request
    assert sent.headers["authorization"] == "Bearer short-lived"
    assert sent.url.params.get_list("update_mask") == ["extra", "password"]
    assert json.loads(sent.content) == {
        "connection_id": "x",
        "conn_type": "postboost",
        "extra": '{"scoped_key_id": 3}',
        "password": "the-new-secret",
    }


def test_a_write_without_a_token_keeps_the_one_that_belongs_to_the_extras(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Airflow's API shows secret extras as asterisks, which must not be written back."""
    use_airflow(monkeypatch, "https://airflow.example.com")
    shown = {"extra": json.dumps({"proxy": "***", "scoped_key_id": 1})}
    with respx.mock(base_url="https://airflow.example.com") as airflow:
        airflow.post("/auth/token").respond(201, json={"access_token": "short-lived"})
        airflow.get("/api/v2/connections/x").respond(200, json=shown)
        patch = airflow.patch("/api/v2/connections/x").respond(200, json={})
        AirflowApiStore().write("x", None, lambda stored: {**stored, "scoped_key_id": 2})
    sent = json.loads(patch.calls.last.request.content)
    assert json.loads(sent["extra"]) == {"proxy": "http://me:hidden@proxy", "scoped_key_id": 2}
    assert sent["password"] == "before"


def test_a_write_that_was_overtaken_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def edit(_: Any) -> Any:
        raise NotFinishedError("overtaken")

    use_airflow(monkeypatch, "https://airflow.example.com")
    with respx.mock(base_url="https://airflow.example.com") as airflow:
        airflow.post("/auth/token").respond(201, json={"access_token": "short-lived"})
        airflow.get("/api/v2/connections/x").respond(200, json={"extra": None})
        with pytest.raises(NotFinishedError):
            AirflowApiStore().write("x", "the-new-secret", edit)


ECHO = {"detail": [{"loc": ["body", "extra"], "msg": "Not allowed", "input": "the-new-secret"}]}


@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (httpx.Response(500), UnconfirmedError, "500"),
        (httpx.ReadTimeout("slow"), UnconfirmedError, "ReadTimeout"),
        (httpx.ConnectError("down"), UnreachableError, "ConnectError"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), PostBoostConfigError, "302"),
        (httpx.Response(422, json=ECHO), PostBoostConfigError, "422 Not allowed"),
        (httpx.Response(400, text="<html>"), PostBoostConfigError, "400"),
    ],
    ids=["failed", "slow", "down", "redirect", "echo", "html"],
)
def test_each_response_says_whether_the_connection_may_have_been_written_and_never_its_values(
    monkeypatch: pytest.MonkeyPatch, response: Any, error: type[Exception], says: str
) -> None:
    use_airflow(monkeypatch, "https://airflow.example.com")
    with respx.mock(base_url="https://airflow.example.com") as airflow:
        airflow.post("/auth/token").respond(201, json={"access_token": "short-lived"})
        airflow.get("/api/v2/connections/x").respond(200, json={"extra": None})
        airflow.patch("/api/v2/connections/x").mock(
            **{"side_effect" if isinstance(response, Exception) else "return_value": response}
        )
        with pytest.raises(error, match=says) as caught:
            AirflowApiStore().write("x", "the-new-secret", lambda _: {})
    assert "the-new-secret" not in str(caught.value)


@pytest.mark.parametrize("response", [httpx.Response(503), httpx.ReadTimeout("slow")], ids=["failed", "slow"])
def test_a_failed_read_is_retryable(monkeypatch: pytest.MonkeyPatch, response: Any) -> None:
    use_airflow(monkeypatch, "https://airflow.example.com")
    with respx.mock(base_url="https://airflow.example.com") as airflow:
        airflow.post("/auth/token").respond(201, json={"access_token": "short-lived"})
        airflow.get("/api/v2/connections/x").mock(
            **{"side_effect" if isinstance(response, Exception) else "return_value": response}
        )
        with pytest.raises(UnreachableError):
            AirflowApiStore().read("x")


def test_an_airflow_that_does_not_respond_is_retryable(monkeypatch: pytest.MonkeyPatch) -> None:
    use_airflow(monkeypatch, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnreachableError, match="ConnectError"):
        AirflowApiStore().write("x", "y", lambda _: {})
