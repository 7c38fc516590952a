"""The account health sensor: what it finds amiss, what it says, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from postboost_provider.api.errors import PostBoostError
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


def look(accounts: Any, **options: Any) -> Any:
    """Look once."""
    return PostBoostAccountHealthSensor(task_id="health", accounts=accounts, timeout=0, **options).execute(
        context()  # type: ignore[arg-type]
    )


def message(accounts: Any, **options: Any) -> str:
    with pytest.raises(AirflowSensorTimeout) as caught:
        look(accounts, **options)
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
    assert str(caught.value) == (
        "4 of 5 accounts can't publish now:\n"
        "  twitter:Northwind Coffee (id 1): its network no longer accepts PostBoost. "
        f"Reconnect it: {url[1]}\n"
        f"  threads:Northwind Coffee (id 2): PostBoost has no token for it. Reconnect it: {url[2]}\n"
        "  linkedin_page:Northwind Coffee GmbH (id 6): LinkedIn's permission was withdrawn (linkedin_revoked). "
        f"Reconnect it: {url[6]}\n"
        "  bluesky:Northwind Sky (id 7): 0 of its 0 posts for today (UTC) are used, and 1 more are needed"
    )


def test_a_look_that_fails_ends_no_wait_before_its_time(wait: Any, naps: Naps, sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "server_error", "operation": "get_account_health", "count": 1000})
    naps.during = [lambda: None, sandbox.faults]
    assert wait(6, poke_interval=60)[0]["status"] == "healthy"


def test_when_no_look_succeeds_the_message_is_why(wait: Any, naps: Naps, sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "server_error", "operation": "get_account_health", "count": 1000})
    with pytest.raises(AirflowSensorTimeout, match="PostBoost answered 500"):
        wait(6, timeout=600, poke_interval=60)


def test_a_connection_must_outlast_the_planned_time(wait: Any, sandbox: Sandbox) -> None:
    ends = datetime.now(UTC) + timedelta(days=3)
    sandbox.change_account(6, expires_in_seconds=3 * 86400)
    before, after = (ends + timedelta(hours=hours) for hours in (-1, 1))
    (account,) = wait(6, publish_at=before)
    assert (account["status"], account["expires_at"][:13]) == ("expiring", f"{ends:%Y-%m-%dT%H}")
    with pytest.raises(
        AirflowSensorTimeout,
        match=rf"can't publish at {after:%Y-%m-%d %H:%M} UTC:\n.*its connection expires before that, at {ends:%Y-%m-%d}",
    ):
        wait(6, publish_at=after, timeout=0)


def test_the_cap_counts_on_the_planned_utc_day(wait: Any, sandbox: Sandbox) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    sandbox.change_account(1, daily_cap=1)
    fill(sandbox, 1, tomorrow)
    assert wait(1)[0]["status"] == "healthy"
    assert wait(1, publish_at=tomorrow + timedelta(days=1))[0]["id"] == 1
    with pytest.raises(AirflowSensorTimeout, match=rf"1 of its 1 posts for {tomorrow:%Y-%m-%d} \(UTC\)"):
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
    assert look(1, posts_per_account=2)
    said = message(1, posts_per_account=3)
    assert "1 of its 3 posts for today (UTC) are used, and 3 more" in said


def test_what_has_passed_means_now(naps: Naps, sandbox: Sandbox) -> None:
    assert look(1, publish_at="2020-01-01T00:00Z")
    assert "validate_post" not in [r["operation"] for r in sandbox.requests()]


def test_an_account_that_is_disconnected_while_the_sensor_waits_is_gone(sandbox: Sandbox) -> None:
    from postboost_provider.services.account_health import AccountsCanPublish

    finding = AccountsCanPublish((5,)).read([{"data": []}], datetime.now(UTC))
    assert "account (id 5): it was removed" in finding.pending


def test_an_unhealthy_account_whose_reason_is_not_known_is_none_that_can_publish(sandbox: Sandbox) -> None:
    from postboost_provider.services.account_health import AccountsCanPublish

    with client(sandbox) as api:
        health = api.call("get_account_health")
    health["data"][0] |= {"healthy": False}
    health["data"][0]["connection"]["note"] = "Something new."
    finding = AccountsCanPublish((1,)).read([health], datetime.now(UTC))
    assert "PostBoost calls it unhealthy: Something new. Reconnect it: http" in finding.pending


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"accounts": "@nobody"}, "'@nobody' is not an account"),
        ({"accounts": []}, "accounts is empty"),
        ({"accounts": 1, "posts_per_account": 0}, "posts_per_account is 0"),
        ({"accounts": 1, "publish_at": "2026-10-16 09:00"}, "has no time zone"),
    ],
)
def test_what_no_wait_can_mend_fails_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(AirflowFailException, match=said):
        PostBoostAccountHealthSensor(task_id="health", **options).execute(context())  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_a_token_that_may_not_look_fails_at_once(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    use_connection(monkeypatch, sandbox, token=make_key(sandbox, "write"))
    with pytest.raises(AirflowFailException, match="403"):
        PostBoostAccountHealthSensor(task_id="health", accounts=1, **MODES[mode]).execute(context())  # type: ignore[arg-type]


def test_soft_fail_skips_in_every_mode(wait: Any, sandbox: Sandbox) -> None:
    with pytest.raises(AirflowSkipException):
        wait("@northwindold", timeout=0, soft_fail=True)


def test_a_token_that_dies_ends_the_wait_in_the_triggerer(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, naps: Naps
) -> None:
    sandbox.change_account(1, authorized=False)
    with pytest.raises(TaskDeferred) as deferred:
        PostBoostAccountHealthSensor(task_id="health", accounts=1, deferrable=True).execute(context())  # type: ignore[arg-type]
    use_connection(monkeypatch, sandbox, token="expired")
    event = asyncio.run(first_event(deferred.value.trigger))
    with pytest.raises(PostBoostError, match="401"):
        read_event(event)


@pytest.mark.parametrize("event", [None, {}, {"status": "settled"}, {"status": "great"}])
def test_an_event_of_another_kind_is_an_error(event: Any) -> None:
    with pytest.raises(PostBoostError, match="same version"):
        read_event(event)


def test_a_viewer_may_look(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, naps: Naps) -> None:
    use_connection(monkeypatch, sandbox, token="viewer")
    assert look(1, publish_at=datetime.now(UTC) + timedelta(days=2))
