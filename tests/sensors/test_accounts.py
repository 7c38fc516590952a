"""The account health sensor: which problems it finds, what it says, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from postboost_provider.api.errors import (
    AuthenticationError,
    PostBoostConfigError,
    PostBoostError,
    is_retryable,
)
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sensors.accounts import PostBoostAccountHealthSensor
from postboost_provider.triggers.base import read_event
from tests.airflow_stubs import context, use_connection
from tests.clients import client, make_key
from tests.deferrals import first_event, run_to_end
from tests.naps import Naps, passing_at_once

MODES: dict[str, dict[str, Any]] = {
    "poke": {},
    "reschedule": {"mode": "reschedule"},
    "deferrable": {"deferrable": True},
}


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


@pytest.fixture
def naps(mocker: Any, sandbox: Sandbox) -> Iterator[Naps]:
    with passing_at_once(mocker, "airflow.sdk.bases.sensor") as naps:
        yield naps


@pytest.fixture(params=MODES)
def wait(request: pytest.FixtureRequest, naps: Naps) -> Callable[..., Any]:
    """Run the sensor to its end in one of its modes: all must say and return the same."""

    def run(accounts: Any, **options: Any) -> Any:
        ctx = context()
        started = datetime.now(UTC)
        make = lambda: PostBoostAccountHealthSensor(
            task_id="health", accounts=accounts, **MODES[request.param], **options
        )
        while True:
            try:
                return run_to_end(make, ctx)
            except AirflowRescheduleException as again:
                ctx["ti"].get_first_reschedule_date = lambda _: started
                naps.nap((again.reschedule_date - datetime.now(UTC)).total_seconds())

    return run


def poll(accounts: Any, **options: Any) -> Any:
    """Poll once."""
    return PostBoostAccountHealthSensor(task_id="health", accounts=accounts, timeout=0, **options).execute(
        context()  # type: ignore[arg-type]
    )


def message(accounts: Any, **options: Any) -> str:
    with pytest.raises(AirflowSensorTimeout) as caught:
        poll(accounts, **options)
    return str(caught.value)


def fill(sandbox: Sandbox, account: int, day: datetime) -> None:
    with client(sandbox) as api:
        content = [{"body": f"Something for {day}", "media": []}]
        body = {
            "versions": [{"account_id": 0, "is_original": True, "content": content}],
            "accounts": [account],
            "schedule": True,
            "date": f"{day:%Y-%m-%d}",
            "time": "23:59",
            "timezone": "UTC",
        }
        api.call("create_post", body=body)


def test_healthy_accounts_are_returned_at_once(wait: Any, sandbox: Sandbox) -> None:
    first, second = wait(["twitter:northwind", "@northwind.bsky.social"])
    assert (first["id"], first["provider"], first["name"]) == (1, "twitter", "Northwind Coffee")
    assert first["reconnect_url"].endswith(f"/accounts/{first['uuid']}/reconnect")
    assert (second["id"], second["status"], second["expires_at"]) == (7, "healthy", None)
    assert [r["operation"] for r in sandbox.requests()] == ["list_accounts", "get_account_health"]


def test_it_goes_on_when_somebody_has_reconnected_the_account(
    wait: Any, naps: Naps, sandbox: Sandbox
) -> None:
    sandbox.change_account(6, authorized=False)
    naps.during = [lambda: None, lambda: sandbox.change_account(6, authorized=True)]
    (account,) = wait("linkedin_page:*", poke_interval=60)
    assert (account["id"], account["status"]) == (6, "healthy")
    assert sum(r["operation"] == "get_account_health" for r in sandbox.requests()) >= 3


def test_when_the_time_is_over_every_account_is_named_with_its_reason_and_where_to_reconnect_it(
    wait: Any, sandbox: Sandbox
) -> None:
    sandbox.change_account(1, authorized=False)
    sandbox.change_account(2, has_token=False)
    sandbox.change_account(6, authorized=False)
    sandbox.change_account(7, daily_cap=0)
    with pytest.raises(AirflowSensorTimeout) as caught:
        wait([1, 2, 6, 7, 8], timeout=600, poke_interval=60)
    with client(sandbox) as api:
        url = {h["id"]: h["connection"]["reconnect_url"] for h in api.pages("get_account_health")}
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("4 of 5 ")
    assert [url[n] in line for n, line in zip((1, 2, 6), lines[:3], strict=True)] == [True] * 3
    reasons = ("network", "token", "linkedin_revoked", "0 of its 0 posts")
    assert [reason in line for reason, line in zip(reasons, lines, strict=True)] == [True] * 4


def test_a_poll_that_fails_ends_no_wait_before_its_time(wait: Any, naps: Naps, sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "server_error", "operation": "get_account_health", "count": 1000})
    naps.during = [lambda: None, sandbox.faults]
    assert wait(6, poke_interval=60)[0]["status"] == "healthy"


def test_when_no_poll_succeeds_the_message_is_why(wait: Any, naps: Naps, sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "server_error", "operation": "get_account_health", "count": 1000})
    with pytest.raises(AirflowSensorTimeout, match="500"):
        wait(6, timeout=600, poke_interval=60)


def test_a_connection_must_outlast_the_planned_time(wait: Any, sandbox: Sandbox) -> None:
    ends = datetime.now(UTC) + timedelta(days=3)
    sandbox.change_account(6, expires_in_seconds=3 * 86400)
    before, after = (ends + timedelta(hours=hours) for hours in (-1, 1))
    (account,) = wait(6, publish_at=before)
    assert (account["status"], account["expires_at"][:13]) == ("expiring", f"{ends:%Y-%m-%dT%H}")
    with pytest.raises(AirflowSensorTimeout, match=rf"{after:%Y-%m-%d %H:%M} UTC:\n.* {ends:%Y-%m-%d}"):
        wait(6, publish_at=after, timeout=0)


def test_the_cap_counts_on_the_planned_utc_day(wait: Any, sandbox: Sandbox) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    sandbox.change_account(1, daily_cap=1)
    fill(sandbox, 1, tomorrow)
    assert wait(1)[0]["status"] == "healthy"
    assert wait(1, publish_at=tomorrow + timedelta(days=1))[0]["id"] == 1
    with pytest.raises(AirflowSensorTimeout, match=rf"1 of its 1 posts.* {tomorrow:%Y-%m-%d}"):
        wait(1, publish_at=tomorrow, timeout=0)


def test_a_planned_time_is_read_in_its_zone(naps: Naps, sandbox: Sandbox) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    sandbox.change_account(1, daily_cap=1)
    fill(sandbox, 1, tomorrow)
    # Two in the night of the day after is still tomorrow in UTC.
    assert "1 of its 1 posts" in message(
        1, publish_at=f"{tomorrow + timedelta(days=1):%Y-%m-%d} 02:00", timezone="Asia/Tokyo"
    )


def test_room_for_all_the_posts_of_today_is_wanted(naps: Naps, sandbox: Sandbox) -> None:
    sandbox.change_account(1, daily_cap=3)
    fill(sandbox, 1, datetime.now(UTC))
    assert poll(1, posts_per_account=2)
    said = message(1, posts_per_account=3)
    assert "1 of its 3 posts" in said


def test_what_has_passed_means_now(naps: Naps, sandbox: Sandbox) -> None:
    assert poll(1, publish_at="2020-01-01T00:00Z")
    assert "validate_post" not in [r["operation"] for r in sandbox.requests()]


def test_an_account_that_is_disconnected_while_the_sensor_waits_cannot_publish(sandbox: Sandbox) -> None:
    from postboost_provider.services.account_health import AccountsCanPublish

    finding = AccountsCanPublish((5,)).read([{"data": []}], datetime.now(UTC))
    assert "id 5" in finding.pending


def test_an_unhealthy_account_cannot_publish_even_if_the_reason_is_not_known(sandbox: Sandbox) -> None:
    from postboost_provider.services.account_health import AccountsCanPublish

    with client(sandbox) as api:
        health = api.call("get_account_health")
    health["data"][0] |= {"healthy": False}
    health["data"][0]["connection"]["note"] = "Something new."
    finding = AccountsCanPublish((1,)).read([health], datetime.now(UTC))
    assert "Something new." in finding.pending


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"accounts": "@nobody"}, "@nobody"),
        ({"accounts": []}, "accounts"),
        ({"accounts": 1, "posts_per_account": 0}, "posts_per_account"),
        ({"accounts": 1, "publish_at": "2026-10-16 09:00"}, "zone"),
    ],
)
def test_what_no_wait_can_fix_fails_at_once(options: dict[str, Any], named: str) -> None:
    with pytest.raises(PostBoostFailException, match=named) as caught:
        PostBoostAccountHealthSensor(task_id="health", **options).execute(context())  # type: ignore[arg-type]
    assert isinstance(caught.value.error, PostBoostConfigError)


@pytest.mark.parametrize(
    "options", [{"posts_per_account": 0}, {"publish_at": "tomorrow"}, {"publish_at": "2026-10-16 09:00"}]
)
def test_arguments_are_checked_before_anything_connects(options: dict[str, Any]) -> None:
    sensor = PostBoostAccountHealthSensor(
        task_id="health", accounts=1, postboost_conn_id="no_such_connection", **options
    )
    with pytest.raises(PostBoostFailException) as caught:
        sensor.execute(context())  # type: ignore[arg-type]
    assert "no_such_connection" not in str(caught.value)


@pytest.mark.parametrize("mode", MODES)
def test_a_token_that_may_not_read_health_fails_at_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    use_connection(monkeypatch, sandbox, token=make_key(sandbox, "write"))
    with pytest.raises(PostBoostFailException, match="403"):
        PostBoostAccountHealthSensor(task_id="health", accounts=1, **MODES[mode]).execute(context())  # type: ignore[arg-type]


def test_soft_fail_skips_in_every_mode(wait: Any, sandbox: Sandbox) -> None:
    with pytest.raises(AirflowSkipException):
        wait("@northwindold", timeout=0, soft_fail=True)


def test_a_token_that_expires_ends_the_wait_in_the_triggerer(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, naps: Naps
) -> None:
    sandbox.change_account(1, authorized=False)
    with pytest.raises(TaskDeferred) as deferred:
        PostBoostAccountHealthSensor(task_id="health", accounts=1, deferrable=True).execute(context())  # type: ignore[arg-type]
    use_connection(monkeypatch, sandbox, token="expired")
    event = asyncio.run(first_event(deferred.value.trigger))
    error = read_event(event).error
    assert error is not None
    assert not is_retryable(error)
    assert isinstance(error, AuthenticationError)
    assert error.status == 401


@pytest.mark.parametrize("event", [None, {}, {"status": "settled"}, {"status": "great"}])
def test_an_event_of_another_kind_is_an_error(event: Any) -> None:
    with pytest.raises(PostBoostError) as caught:
        read_event(event)
    assert caught.value.code == "unknown_event"


def test_a_viewer_may_poll(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, naps: Naps) -> None:
    use_connection(monkeypatch, sandbox, token="viewer")
    assert poll(1, publish_at=datetime.now(UTC) + timedelta(days=2))
