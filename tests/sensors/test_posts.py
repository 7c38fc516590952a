"""The post sensor: when it looks, what it returns, and what ends it."""

from __future__ import annotations

import importlib
import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from postboost_provider.api.errors import ServerError, UnreachableError
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sensors.posts import PostBoostPostSensor
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.deferrals import run_to_end
from tests.naps import POLLER, pass_at_once


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


@pytest.fixture
def naps(mocker: Any, sandbox: Sandbox) -> list[float]:
    """Let a nap of the sensor or of the trigger move its clock and the sandbox's, and note how long each was."""

    def nap(seconds: float) -> None:
        assert len(taken) < 50, "the wait does not end"
        sandbox.advance(seconds)

    taken = pass_at_once(mocker, nap)
    # Airflow's loop sleeps there, for a sensor that keeps its worker.
    sleep = importlib.import_module(POLLER).time.sleep
    mocker.patch("airflow.sdk.bases.sensor.time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    retries = SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    mocker.patch("postboost_provider.api.client.time", retries)
    mocker.patch("postboost_provider.api.client.asyncio", SimpleNamespace(sleep=mocker.AsyncMock()))
    mocker.patch("postboost_provider.triggers.shared_poller.GATHER_SECONDS", 0)
    return taken


@pytest.fixture(params=["poke", "deferrable"])
def wait(request: pytest.FixtureRequest) -> Any:
    """Run the sensor to its end in one of its modes: both must say and return the same."""

    def run(uuids: Any, ctx: dict[str, Any] | None = None, **options: Any) -> Any:
        make = lambda: PostBoostPostSensor(
            task_id="wait", post_uuids=uuids, deferrable=request.param == "deferrable", **options
        )
        return run_to_end(make, ctx)

    return run


def poke(uuids: Any, ctx: dict[str, Any] | None = None, **options: Any) -> Any:
    return PostBoostPostSensor(task_id="wait", post_uuids=uuids, **options).execute(ctx or context())  # type: ignore[arg-type]


def make(sandbox: Sandbox, *accounts: int, **body: Any) -> str:
    content = [{"body": f"Hello {accounts} {body}", "media": []}]
    versions = [{"account_id": 0, "is_original": True, "content": content}]
    with client(sandbox) as api:
        post = api.call("create_post", body={"versions": versions, "accounts": list(accounts) or [1], **body})
    return str(post["uuid"])


def at(days: float) -> dict[str, Any]:
    when = datetime.now(UTC) + timedelta(days=days)
    return {"schedule": True, "date": f"{when:%Y-%m-%d}", "time": f"{when:%H:%M}", "timezone": "UTC"}


def looks(sandbox: Sandbox) -> int:
    return sum(r["operation"] == "get_post" for r in sandbox.requests())


def test_a_published_post_needs_one_look_and_comes_back_account_by_account(
    sandbox: Sandbox, naps: list[float], wait: Any
) -> None:
    uuid = make(sandbox, 1, 2, schedule_now=True)
    sandbox.advance(10)
    (post,) = wait(uuid)
    assert (post["uuid"], post["status"], naps) == (uuid, "published", [])
    assert [(a["provider"], a["name"], a["status"], a["errors"]) for a in post["accounts"]] == [
        ("twitter", "Northwind Coffee", "published", []),
        ("threads", "Northwind Coffee", "published", []),
    ]
    assert all(a["external_url"].startswith("https://") for a in post["accounts"])


def test_a_post_for_friday_is_not_looked_at_on_tuesday(
    sandbox: Sandbox, naps: list[float], wait: Any
) -> None:
    uuid = make(sandbox, **at(3))
    (post,) = wait([uuid])
    assert post["status"] == "published"
    assert naps[0] == pytest.approx(3 * 86400, abs=120)
    assert looks(sandbox) <= 3


def test_only_the_posts_that_are_not_through_are_looked_at_again(
    sandbox: Sandbox, naps: list[float], wait: Any
) -> None:
    done = make(sandbox, 1, schedule_now=True)
    sandbox.advance(10)
    going = make(sandbox, 2, schedule_now=True)
    result = wait([done, going], poke_interval=3)
    assert [p["uuid"] for p in result] == [done, going]
    # A trigger begins anew with all of them, once.
    assert looks(sandbox) <= 4


def test_a_rescheduled_sensor_gives_its_slot_back_until_the_post_is_due(sandbox: Sandbox) -> None:
    uuid = make(sandbox, **at(3))
    with pytest.raises(AirflowRescheduleException) as caught:
        poke(uuid, mode="reschedule")
    assert caught.value.reschedule_date - datetime.now(UTC) == pytest.approx(
        timedelta(days=3), abs=timedelta(minutes=2)
    )


def test_a_rescheduled_sensor_remembers_when_its_wait_began(sandbox: Sandbox) -> None:
    uuid = make(sandbox)
    ctx = context()
    ctx["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - timedelta(hours=2)
    with pytest.raises(AirflowSensorTimeout, match="is a draft, which nobody has scheduled"):
        poke(uuid, ctx, mode="reschedule", timeout=3600)


def test_the_timeout_counts_from_when_the_post_is_due(
    sandbox: Sandbox, naps: list[float], caplog: Any, capsys: Any, wait: Any
) -> None:
    caplog.set_level("INFO")
    sandbox.reset(approval_required_for=["member"])
    uuid = make(sandbox, **at(2))
    with pytest.raises(AirflowSensorTimeout, match=f"post {uuid} waits for somebody to approve it"):
        wait(uuid, timeout=3600, poke_interval=4 * 3600)
    assert timedelta(seconds=sum(naps)) == pytest.approx(timedelta(days=2, hours=1), abs=timedelta(minutes=2))
    assert (caplog.text + capsys.readouterr().out).count(
        f"Post {uuid} waits for somebody to approve it"
    ) == looks(sandbox)


def test_a_post_that_somebody_approves_goes_on(sandbox: Sandbox, naps: list[float], mocker: Any) -> None:
    sandbox.reset(approval_required_for=["member"])
    uuid = make(sandbox, **at(0.1))

    def approve(seconds: float) -> None:
        with client(sandbox, "admin") as api:
            if api.call("get_post", parameters={"post_uuid": uuid})["status"] == "needs_approval":
                api.call("approve_post", parameters={"post_uuid": uuid}, body={})
        naps.append(seconds)
        sandbox.advance(seconds)

    mocker.patch("airflow.sdk.bases.sensor.time.sleep", approve)
    assert poke(uuid)[0]["status"] == "published"


@pytest.mark.parametrize("on_partial", ["fail", "succeed"])
def test_a_post_that_some_accounts_got(
    sandbox: Sandbox, naps: list[float], on_partial: Any, wait: Any
) -> None:
    sandbox.faults(
        {"kind": "fail_account", "account_id": 2, "code": "190", "message": "The session is invalid."}
    )
    uuid = make(sandbox, 1, 2, schedule_now=True)
    sandbox.advance(10)
    ctx = context()
    if on_partial == "succeed":
        (post,) = wait(uuid, ctx, on_partial=on_partial)
        assert [a["status"] for a in post["accounts"]] == ["published", "failed"]
        return
    with pytest.raises(AirflowFailException) as caught:
        wait(uuid, ctx)
    assert f"post {uuid}, threads 'Northwind Coffee': threads: The session is invalid" in str(caught.value)
    assert "what is live stays live" in str(caught.value)
    assert ctx["pushed"]["return_value"][0]["accounts"][0]["status"] == "published"


def test_a_post_that_no_account_got_fails_even_so(sandbox: Sandbox, naps: list[float], wait: Any) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = make(sandbox, 1, schedule_now=True)
    sandbox.advance(10)
    with pytest.raises(AirflowFailException, match=uuid):
        wait(uuid, on_partial="succeed")
    with pytest.raises(AirflowSkipException):
        wait(uuid, soft_fail=True)


@pytest.mark.parametrize(
    ("trash", "what"), [(True, "was moved to trash"), (False, "is not there: it was deleted")]
)
def test_a_post_that_was_taken_away_fails_at_once(
    sandbox: Sandbox, naps: list[float], trash: bool, what: str, wait: Any
) -> None:
    uuid = make(sandbox, **at(3))
    with client(sandbox) as api:
        api.call("delete_post", parameters={"post_uuid": uuid}, body={"trash": trash})
    with pytest.raises(AirflowFailException, match=what):
        wait(uuid)


def test_looks_that_fail_are_forgiven_until_five_in_a_row(
    sandbox: Sandbox, naps: list[float], mocker: Any, wait: Any
) -> None:
    uuid = make(sandbox, schedule_now=True)
    sandbox.advance(10)
    # Each look sends ten times before it counts as failed.
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 10 * 4})
    assert wait(uuid, poke_interval=3)[0]["status"] == "published"
    assert len(naps) == 4
    sandbox.faults({"operation": "get_post", "kind": "drop_before", "count": 1000})
    with pytest.raises(UnreachableError):
        wait(uuid, poke_interval=3)
    # A trigger has a budget of its own, beside the first look of the worker.
    assert len(naps) in (8, 9)


@pytest.mark.parametrize("given", [[], None, "", ()])
def test_nothing_to_wait_for_is_done_at_once(sandbox: Sandbox, given: Any, wait: Any) -> None:
    assert wait(given) == []
    assert sandbox.requests() == []


@pytest.mark.parametrize("given", ["['a', 'b'", ["None"], ["a b"]])
def test_what_is_no_uuid_is_explained(given: Any, wait: Any) -> None:
    with pytest.raises(AirflowFailException, match="which is no uuid. Pass one, or a list"):
        wait(given)


@pytest.mark.parametrize("write", [str, json.dumps])
def test_a_list_that_a_template_rendered_to_text_is_a_list(
    sandbox: Sandbox, naps: list[float], write: Any, wait: Any
) -> None:
    uuids = [make(sandbox, n, schedule_now=True) for n in (1, 2)]
    sandbox.advance(10)
    assert [p["uuid"] for p in wait(write(uuids))] == uuids


def test_a_status_of_the_future_is_an_error_that_names_it(naps: list[float], mocker: Any, wait: Any) -> None:
    mocker.patch(
        "postboost_provider.api.client.PostBoostClient.call",
        return_value={"uuid": "u-1", "status": "levitating"},
    )
    with pytest.raises(AirflowFailException, match="'levitating', which this version does not know"):
        wait("u-1")


def test_a_token_rotated_during_the_wait_is_picked_up(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, naps: list[float], mocker: Any, wait: Any
) -> None:
    uuid = make(sandbox, schedule_now=True)

    def rotate(seconds: float) -> None:
        naps.append(seconds)
        use_connection(monkeypatch, sandbox, token="admin")
        sandbox.advance(seconds)

    mocker.patch("airflow.sdk.bases.sensor.time.sleep", rotate)
    assert wait(uuid)[0]["status"] == "published"


def test_a_rescheduled_sensor_forgives_a_look_that_fails_however_long_its_wait(
    sandbox: Sandbox, naps: list[float]
) -> None:
    """It remembers nothing of its last look, and its wait may have begun days ago."""
    uuid = make(sandbox, schedule_now=True)
    ctx = context()
    ctx["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - timedelta(days=3)
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 10 * 2})
    with pytest.raises(AirflowRescheduleException):
        poke(uuid, ctx, mode="reschedule", timeout=4 * 86400)
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 1000})
    with pytest.raises(ServerError):
        poke(uuid, ctx, mode="reschedule", timeout=60)


def test_the_output_of_a_mapped_task_is_waited_for_as_a_whole(
    sandbox: Sandbox, naps: list[float], wait: Any
) -> None:
    uuids = [make(sandbox, n, schedule_now=True) for n in (1, 2, 5)]
    sandbox.advance(10)
    assert [p["uuid"] for p in wait([uuids[:2], [], uuids[2:]])] == uuids


def test_a_sensor_can_be_executed_twice(sandbox: Sandbox, naps: list[float]) -> None:
    uuid = make(sandbox, schedule_now=True)
    sandbox.advance(10)
    sensor = PostBoostPostSensor(task_id="wait", post_uuids=uuid, timeout=7)
    assert sensor.execute(context()) == sensor.execute(context())  # type: ignore[arg-type]
    assert sensor.timeout == 7
