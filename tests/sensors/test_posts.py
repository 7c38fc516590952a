"""The post sensor: when it polls, what it returns, and what ends it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from postboost_provider.api.errors import PostBoostConfigError, PublishError, ServerError, UnreachableError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sensors.posts import PostBoostPostSensor
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.deferrals import run_to_end
from tests.naps import pass_at_once


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


@pytest.fixture
def naps(mocker: Any, sandbox: Sandbox) -> list[float]:
    """Let a nap of the sensor or of the trigger move its clock and the sandbox's, and note how long each was."""

    def nap(seconds: float) -> None:
        assert len(taken) < 50, "the wait does not end"
        sandbox.advance(seconds)

    # The second is where Airflow sleeps, for a sensor that keeps its worker.
    taken = pass_at_once(mocker, nap, "airflow.sdk.bases.sensor")
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


def code_of(caught: Any) -> str | None:
    """Return the code of PostBoost's error behind one of Airflow's."""
    return caught.value.error.code  # type: ignore[no-any-return]


def at(days: float) -> dict[str, Any]:
    when = datetime.now(UTC) + timedelta(days=days)
    return {"schedule": True, "date": f"{when:%Y-%m-%d}", "time": f"{when:%H:%M}", "timezone": "UTC"}


def polls(sandbox: Sandbox) -> int:
    return sum(r["operation"] == "get_post" for r in sandbox.requests())


def test_a_published_post_needs_one_poll_and_comes_back_account_by_account(
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


def test_a_post_for_friday_is_not_polled_on_tuesday(sandbox: Sandbox, naps: list[float], wait: Any) -> None:
    uuid = make(sandbox, **at(3))
    (post,) = wait([uuid])
    assert post["status"] == "published"
    assert naps[0] == pytest.approx(3 * 86400, abs=120)
    assert polls(sandbox) <= 3


def test_only_the_posts_that_are_not_settled_are_polled_again(
    sandbox: Sandbox, naps: list[float], wait: Any
) -> None:
    done = make(sandbox, 1, schedule_now=True)
    sandbox.advance(10)
    going = make(sandbox, 2, schedule_now=True)
    result = wait([done, going], poke_interval=3)
    assert [p["uuid"] for p in result] == [done, going]
    # A trigger begins with all of them, once.
    assert polls(sandbox) <= 4


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
    with pytest.raises(AirflowSensorTimeout, match="draft"):
        poke(uuid, ctx, mode="reschedule", timeout=3600)


def test_the_timeout_counts_from_when_the_post_is_due(
    sandbox: Sandbox, naps: list[float], caplog: Any, capsys: Any, wait: Any
) -> None:
    caplog.set_level("INFO")
    sandbox.reset(approval_required_for=["member"])
    uuid = make(sandbox, **at(2))
    with pytest.raises(AirflowSensorTimeout, match=uuid):
        wait(uuid, timeout=3600, poke_interval=4 * 3600)
    assert timedelta(seconds=sum(naps)) == pytest.approx(timedelta(days=2, hours=1), abs=timedelta(minutes=2))
    assert (caplog.text + capsys.readouterr().out).count(f"Post {uuid} waits for approval") == polls(sandbox)


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
    with pytest.raises(PostBoostFailException, match=uuid) as caught:
        wait(uuid, ctx)
    assert "The session is invalid" in str(caught.value)
    assert isinstance(caught.value.error, PublishError)
    assert ctx["pushed"]["return_value"][0]["accounts"][0]["status"] == "published"


def test_a_post_that_no_account_got_fails_even_so(sandbox: Sandbox, naps: list[float], wait: Any) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = make(sandbox, 1, schedule_now=True)
    sandbox.advance(10)
    with pytest.raises(PostBoostFailException, match=uuid):
        wait(uuid, on_partial="succeed")
    with pytest.raises(AirflowSkipException):
        wait(uuid, soft_fail=True)


@pytest.mark.parametrize(("trash", "code"), [(True, "trashed"), (False, "post_not_found")])
def test_a_post_that_was_taken_away_fails_at_once(
    sandbox: Sandbox, naps: list[float], trash: bool, code: str, wait: Any
) -> None:
    uuid = make(sandbox, **at(3))
    with client(sandbox) as api:
        api.call("delete_post", parameters={"post_uuid": uuid}, body={"trash": trash})
    with pytest.raises(PostBoostFailException) as caught:
        wait(uuid)
    assert code_of(caught) == code


def test_polls_that_fail_are_forgiven_until_five_in_a_row(
    sandbox: Sandbox, naps: list[float], mocker: Any, wait: Any
) -> None:
    uuid = make(sandbox, schedule_now=True)
    sandbox.advance(10)
    # Each poll sends ten times before it counts as failed.
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 10 * 4})
    assert wait(uuid, poke_interval=3)[0]["status"] == "published"
    assert len(naps) == 4
    sandbox.faults({"operation": "get_post", "kind": "drop_before", "count": 1000})
    with pytest.raises(UnreachableError):
        wait(uuid, poke_interval=3)
    # A trigger counts on its own, after the first poll of the worker.
    assert len(naps) in (8, 9)


@pytest.mark.parametrize("given", [[], None, "", ()])
def test_nothing_to_wait_for_is_done_at_once(sandbox: Sandbox, given: Any, wait: Any) -> None:
    assert wait(given) == []
    assert sandbox.requests() == []


@pytest.mark.parametrize("given", ["['a', 'b'", ["None"], ["a b"]])
def test_what_is_not_a_uuid_is_refused(sandbox: Sandbox, given: Any, wait: Any) -> None:
    with pytest.raises(PostBoostFailException) as caught:
        wait(given)
    assert isinstance(caught.value.error, PostBoostConfigError)
    assert sandbox.requests() == []


def test_a_choice_that_does_not_exist_is_refused(sandbox: Sandbox, wait: Any) -> None:
    with pytest.raises(PostBoostFailException) as caught:
        wait("a", on_partial="retry")
    assert (code_of(caught), caught.value.error.field) == ("not_a_choice", "on_partial")
    assert sandbox.requests() == []


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
    with pytest.raises(PostBoostFailException, match="levitating") as caught:
        wait("u-1")
    assert code_of(caught) == "unknown_status"


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


def poke_late(waited: timedelta, known: dict[str, Any] | None = None, **options: Any) -> Any:
    """Poke as a process that goes on with a wait which began in an earlier one.

    :param known: what Airflow adds to the context.
    """
    ctx = context(**known or {})
    ctx["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - waited
    return poke("a", ctx, mode="reschedule", **options)


def test_a_rescheduled_sensor_frees_its_slot_after_one_failed_poll(
    sandbox: Sandbox, naps: list[float]
) -> None:
    """It does not know how many failed before, and retries none in the same process."""
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 1000})
    with pytest.raises(AirflowRescheduleException) as caught:
        poke_late(timedelta(days=3), timeout=4 * 86400, poke_interval=300)
    assert caught.value.reschedule_date - datetime.now(UTC) == pytest.approx(
        timedelta(seconds=330), abs=timedelta(seconds=35)
    )
    # The ten requests of one poll.
    assert polls(sandbox) == 10


def test_a_rescheduled_sensor_reports_the_failed_poll_when_its_time_is_over(
    sandbox: Sandbox, naps: list[float]
) -> None:
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 1000})
    for known in ({}, {"task_reschedule_count": 4}):
        with pytest.raises(ServerError):
            poke_late(timedelta(days=3), known, timeout=60)
    assert polls(sandbox) == 20


def test_a_rescheduled_sensor_forgives_an_outage_when_the_post_is_due(
    sandbox: Sandbox, naps: list[float]
) -> None:
    """It was rescheduled until then, and could not read yet that the post's time is later than the start of the wait."""
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 1000})
    for count in (1, 2, 3):
        with pytest.raises(AirflowRescheduleException):
            poke_late(timedelta(days=3), {"task_reschedule_count": count}, timeout=60)


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_poll_takes_a_worker_no_longer_than_the_triggerer(
    sandbox: Sandbox, mocker: Any, mode: str, deferrable: bool
) -> None:
    connect = mocker.spy(PostBoostHook, "client")
    uuid = make(sandbox, schedule_now=True)
    sandbox.advance(10)
    poke(uuid, mode=mode, deferrable=deferrable)
    assert [call.kwargs["deadline_seconds"] for call in connect.call_args_list] == [60]


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
