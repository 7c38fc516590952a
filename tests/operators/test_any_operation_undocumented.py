"""Any operation, where PostBoost does what it does not document: it takes effect once, or the task says why not."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from postboost_provider.api.errors import PostBoostError
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client

TAG = {"name": "autumn", "hex_color": "#f59e0b"}
BAD = {**TAG, "hex_color": "orange"}
SWITCHES: list[dict[str, Any]] = [
    {},
    {"store_4xx": False},
    {"reused_key_status": 409},
    {"reused_key_status": 409, "conflict_code": True},
    {"reused_key_errors": True},
    {"conflict_code": True, "reused_key_code": "validation_failed"},
    {"in_flight_status": 422},
    {"activity_log": "off"},
    {"activity_delay": 60.0},
    {"activity_label_length": 64},
    {"activity_prefix_length": 10},
    {"activity_prefix_length": 10, "activity_long_prefix": "ignore"},
    {"activity_refusal": 200, "activity_readers": "nobody"},
]


@pytest.fixture(autouse=True, params=SWITCHES, ids=str)
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> dict[str, Any]:
    sandbox.reset(**request.param)
    use_connection(monkeypatch, sandbox)
    quick = SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    mocker.patch("postboost_provider.api.client.time", quick)
    mocker.patch("postboost_provider.idempotency.log_check.PROOF_SECONDS", 0.1)
    mocker.patch("postboost_provider.idempotency.log_check.longest_request", return_value=0.01)
    return dict(request.param)


def run(operation: str, body: Any, number: int = 1, hours: float = 0) -> str:
    """Return the code of the attempt's error, or ``done``."""
    since = datetime.now(UTC) - timedelta(hours=hours, minutes=1)
    ctx = context(dag_run=SimpleNamespace(run_after=since))
    ctx["ti"].try_number, ctx["ti"].max_tries = number, 9
    operator = PostBoostOperator(task_id="task", operation=operation, body=body, retries=9)
    try:
        operator.execute(ctx)  # type: ignore[arg-type]
    except PostBoostFailException as error:
        return str(error.error.code)
    except PostBoostError as error:
        return str(error.code)
    return "done"


def count(sandbox: Sandbox, operation: str = "list_tags") -> int:
    with client(sandbox) as api:
        return sum(item["name"] in ("autumn", "winter") for item in api.pages(operation))


def test_a_retry_takes_effect_once(sandbox: Sandbox) -> None:
    assert run("create_tag", TAG) == "done"
    assert run("create_tag", TAG, 2) == "done"
    assert count(sandbox) == 1


def test_a_changed_body_takes_no_effect(sandbox: Sandbox) -> None:
    assert run("create_tag", TAG) == "done"
    assert run("create_tag", {**TAG, "name": "winter"}, 2) in ("other_body", "key_in_use")
    assert count(sandbox) == 1


def test_a_corrected_body_takes_effect_at_once_where_the_log_tells(
    sandbox: Sandbox, server: dict[str, Any]
) -> None:
    run("create_tag", BAD)
    is_blind = bool(server.keys() & {"activity_log", "activity_delay", "activity_refusal"})
    assert run("create_tag", TAG, 2) == ("key_in_use" if is_blind else "done")
    assert run("create_tag", TAG, 3) == ("key_in_use" if is_blind else "done")
    assert count(sandbox) == (0 if is_blind else 1)


def test_a_day_later_it_takes_no_second_effect(sandbox: Sandbox) -> None:
    run("create_tag", TAG)
    sandbox.advance(25 * 3600)
    with time_machine.travel(time.time() + 25 * 3600, tick=True):
        assert run("create_tag", TAG, 2, hours=25) in ("already_done", "blind_log")
    assert count(sandbox) == 1


def test_what_takes_no_key_takes_no_second_effect(sandbox: Sandbox) -> None:
    group = {"name": "autumn", "accounts": [1, 2]}
    assert run("create_account_group", group) == "done"
    assert run("create_account_group", group, 2) in ("already_done", "blind_log")
    assert count(sandbox, "list_account_groups") == 1


def test_two_attempts_at_once_take_effect_once(sandbox: Sandbox) -> None:
    bodies = [TAG, {**TAG, "name": "winter"}, TAG]
    threads = [threading.Thread(target=run, args=("create_tag", body)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(sandbox) == 1
