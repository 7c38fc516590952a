"""What a task's log says of a wait: how it ended, in each mode, and no span with microseconds."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSensorTimeout

from postboost_provider.api.errors import UnreachableError
from postboost_provider.polling.poller import Poller
from postboost_provider.polling.schedule import Wait
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sensors.accounts import PostBoostAccountHealthSensor
from postboost_provider.sensors.posts import PostBoostPostSensor
from postboost_provider.triggers.accounts import PostBoostAccountHealthTrigger
from postboost_provider.triggers.posts import PostBoostPostTrigger
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.deferrals import first_event

MICROSECONDS = re.compile(r"\d\.\d{3,}")


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what was logged: tasks log through Airflow's own logger, which prints."""
    caplog.set_level(logging.INFO)
    return lambda: caplog.text + capsys.readouterr().out


def published(sandbox: Sandbox, *accounts: int) -> str:
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
    with client(sandbox) as api:
        body = {"versions": versions, "accounts": list(accounts), "schedule_now": True}
        uuid = str(api.call("create_post", body=body)["uuid"])
    sandbox.advance(10)
    return uuid


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_wait_ends_with_every_url_in_each_mode(sandbox: Sandbox, logged: Any, deferrable: bool) -> None:
    uuid = published(sandbox, 1, 2)
    sensor = PostBoostPostSensor(task_id="wait", post_uuids=uuid)
    if deferrable:
        event = asyncio.run(first_event(PostBoostPostTrigger(post_uuids=uuid)))
        (post,) = sensor.execute_complete(context(), event)  # type: ignore[arg-type]
    else:
        (post,) = sensor.execute(context())  # type: ignore[arg-type]
    said = logged()
    assert "1 of 1 posts are published" in said
    assert [account["external_url"] in said for account in post["accounts"]] == [True, True]


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_wait_for_accounts_ends_alike_in_each_mode(sandbox: Sandbox, logged: Any, deferrable: bool) -> None:
    sensor = PostBoostAccountHealthSensor(task_id="wait", accounts=[1, 2])
    if deferrable:
        event = asyncio.run(first_event(PostBoostAccountHealthTrigger(account_ids=[1, 2])))
        sensor.execute_complete(context(), event)  # type: ignore[arg-type]
    else:
        sensor.execute(context())  # type: ignore[arg-type]
    assert logged().count("All 2 accounts can publish") == 1


def test_a_failed_poll_is_one_line_with_a_whole_pause(caplog: pytest.LogCaptureFixture) -> None:
    now = datetime.now(UTC)
    poller = Poller(Wait(now, timedelta(hours=1), timedelta(seconds=30)), spread=0.123456)
    assert poller.failed(UnreachableError("down"), now) is None
    assert poller.failures == 1
    (line,) = caplog.messages
    assert "down" in line
    assert not MICROSECONDS.search(line)


def test_a_poll_logs_a_whole_pause(sandbox: Sandbox, logged: Any) -> None:
    now = datetime.now(UTC)
    sensor = PostBoostPostSensor(task_id="wait", post_uuids=["p"])
    sensor._poller = Poller(Wait(now, timedelta(hours=1), timedelta(seconds=30)))
    sensor._poller.pause = timedelta(seconds=60.488216)
    assert sensor._get_next_poke_interval() == 60.488216
    said = logged()
    assert "0:01:00" in said
    assert not MICROSECONDS.search(said.partition("Polling again")[2].partition("[")[0])
    sensor._poller.failures = 1
    sensor._get_next_poke_interval()
    # The failed poll has said it.
    assert "Polling again" not in logged()


def test_a_timeout_is_a_whole_number_of_seconds(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
        uuid = api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"]
    sensor = PostBoostPostSensor(task_id="wait", post_uuids=uuid, timeout=0.000321)
    with pytest.raises(AirflowSensorTimeout) as caught:
        sensor.execute(context())  # type: ignore[arg-type]
    assert not MICROSECONDS.search(str(caught.value))
