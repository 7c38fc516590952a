"""PostBoostOperator with secret_sink: a secret that PostBoost shows once goes there and nowhere else."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.api.errors import UnexpectedResponseError
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import client
from tests.failures import fails
from tests.operators.operations import run


@pytest.mark.parametrize("sink", [None, "vault"])
def test_a_secret_without_a_place_to_go_is_refused_before_anything_is_sent(
    connection: Sandbox, sink: Any
) -> None:
    with fails(field="secret_sink"):
        run("create_api_key", body={"name": "ci", "abilities": ["read"]}, secret_sink=sink)
    assert connection.requests() == []


def test_a_secret_goes_to_its_sink_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, connection: Sandbox, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    use_connection(monkeypatch, connection, "admin")
    caplog.set_level(logging.DEBUG)
    kept: list[tuple[str, Any]] = []
    returned = run(
        "create_api_key",
        body={"name": "ci", "abilities": ["read"]},
        secret_sink=lambda secret, made: kept.append((secret, made)),
    )
    ((secret, made),) = kept
    with client(connection, secret) as api:
        assert api.call("list_tags")["data"]
    assert returned == made
    assert returned["data"]["name"] == "ci"
    assert secret not in json.dumps(returned)
    assert secret not in caplog.text


def test_a_sink_that_fails_says_what_to_delete_and_not_the_secret(
    monkeypatch: pytest.MonkeyPatch, connection: Sandbox
) -> None:
    use_connection(monkeypatch, connection, "admin")
    seen = []

    def sink(secret: str, made: Any) -> None:
        seen.append(secret)
        raise RuntimeError(f"no room for {secret}")

    with fails(word="'ci'", code="secret_lost") as failed:
        run("create_api_key", body={"name": "ci", "abilities": ["read"]}, secret_sink=sink)
    error: BaseException | None = failed.value
    while error is not None:
        assert seen[0] not in str(error)
        error = error.__cause__ or error.__context__
    assert "no room for ***" in str(failed.value)


@pytest.mark.parametrize("response", [None, {}, {"data": None}, {"data": {"id": 1}}, {"data": "text"}, []])
def test_a_response_without_its_secret_is_an_error(mocker: Any, connection: Sandbox, response: Any) -> None:
    mocker.patch("postboost_provider.idempotency.perform.perform_operation", return_value=response)
    with pytest.raises(UnexpectedResponseError, match="data.token"):
        run("create_api_key", body={"name": "ci", "abilities": ["read"]}, secret_sink=print)
