"""The token expiry sensor: the time, the live request, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from airflow.sdk.exceptions import (
    AirflowSensorTimeout,
    AirflowSkipException,
)

from postboost_provider.api.credentials import ROTATION_STEPS
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.deferrals import run_to_end
from tests.naps import pass_at_once, passing_at_once
from tests.sensors.expiring import SECOND, in_days, sensor, use_three


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize(("offset", "expired"), [(-SECOND, False), (0 * SECOND, True), (SECOND, True)])
def test_a_token_expires_at_midnight_utc_of_its_date_whatever_the_local_zone(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, zone: str, offset: timedelta, expired: bool
) -> None:
    # The sandbox's own instant, in its own words: the day that its token "expiring" was given.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=3)
    use_connection(monkeypatch, sandbox, token="expiring", expires_on=f"{midnight:%Y-%m-%d}")
    with time_machine.travel((midnight + offset).astimezone(ZoneInfo(zone)), tick=False):
        guard = sensor(min_validity=timedelta(0), on_expiring="fail")
        if expired:
            with pytest.raises(PostBoostFailException, match=f"401.*{midnight:%Y-%m-%d} 00:00 UTC"):
                guard.execute(context())
        else:
            assert guard.execute(context()) == {"expires_at": midnight.isoformat(), "seconds_left": 1}


def test_a_token_that_expires_too_soon_fails_with_instant_time_left_and_steps(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    use_connection(monkeypatch, sandbox, token="expiring", expires_on=str(day))
    with pytest.raises(PostBoostFailException) as caught:
        sensor().execute(context())
    said = str(caught.value)
    assert [part in said for part in (f"{day} 00:00 UTC", "2 days", "7 days", ROTATION_STEPS)] == [True] * 4


def test_its_own_date_wins_over_the_connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2020-01-01")
    assert sensor(expires_on="never").execute(context()) == {"expires_at": None, "seconds_left": None}


def test_an_outdated_date_is_distinguished_from_an_expired_token(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2020-01-01")
    with pytest.raises(PostBoostFailException, match="still accepts"):
        sensor().execute(context())


def test_on_expiring_can_skip_or_warn(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: Any) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    use_connection(monkeypatch, sandbox, token="expiring", expires_on=str(day))
    with pytest.raises(AirflowSkipException, match="7 days"):
        sensor(on_expiring="skip").execute(context())
    assert sensor(on_expiring="warn").execute(context())["seconds_left"] > 0
    assert "7 days" in capsys.readouterr().out


def test_an_unknown_date_is_decided_by_the_live_request(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    assert sensor().execute(context()) == {"expires_at": None, "seconds_left": None}
    with pytest.raises(PostBoostFailException, match="expires_on"):
        sensor(on_unknown="fail").execute(context())
    use_connection(monkeypatch, sandbox, token="expired")
    with pytest.raises(PostBoostFailException, match="401"):
        sensor().execute(context())


@pytest.mark.parametrize("on_expiring", ["fail", "skip", "warn"])
def test_an_expired_token_fails_whatever_on_expiring_is(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, on_expiring: Any
) -> None:
    use_connection(monkeypatch, sandbox, token="expired", expires_on="2099-01-01")
    with pytest.raises(PostBoostFailException, match="401"):
        sensor(on_expiring=on_expiring).execute(context())


@pytest.mark.parametrize("token", ["member", "admin", "scoped", "viewer"])
@pytest.mark.parametrize("workspace", [True, False])
def test_each_kind_of_living_token_passes_with_one_request(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, token: str, workspace: bool
) -> None:
    use_connection(monkeypatch, sandbox, token=token, **({} if workspace else {"workspace_uuid": None}))
    sensor().execute(context())
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "server_error", "status": 502},
        {"kind": "throttle", "retry_after": 1},
        {"kind": "drop_before"},
        {"kind": "drop_after"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_without_a_clear_response_it_polls_again(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any, fault: dict[str, Any]
) -> None:
    naps = mocker.patch("airflow.sdk.bases.sensor.time.sleep")
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "count": 2, **fault})
    sensor(poke_interval=7).execute(context())
    assert [call.args for call in naps.call_args_list] == [(7,), (7,)]


def test_a_date_that_has_passed_needs_no_clear_response(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2020-01-01")
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 9})
    with pytest.raises(PostBoostFailException, match="2020-01-01 00:00 UTC"):
        sensor().execute(context())


def test_a_server_that_never_responds_is_distinguished_from_an_expired_token(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 9})
    with pytest.raises(AirflowSensorTimeout, match="500"):
        sensor(timeout=0).execute(context())


@pytest.mark.parametrize(
    ("options", "field", "code"),
    [
        ({"soft_fail": True}, "soft_fail", "not_allowed"),
        ({"never_fail": True}, "never_fail", "not_allowed"),
        ({"min_validity": 7}, "min_validity", "not_a_duration"),
        ({"min_validity": -SECOND}, "min_validity", "not_a_duration"),
        ({"must_outlast": -SECOND}, "must_outlast", "not_a_duration"),
        ({"must_outlast": "2026-12-01 09:30"}, "must_outlast", "not_an_instant"),
        ({"must_outlast": datetime(2026, 12, 1)}, "must_outlast", "not_an_instant"),
        ({"must_outlast": "Europe/Berlin"}, "must_outlast", "not_an_instant"),
        ({"must_outlast": "None"}, "must_outlast", None),
        ({"must_outlast": ""}, "must_outlast", "not_an_instant"),
        ({"postboost_conn_ids": []}, "postboost_conn_ids", "not_conn_ids"),
        ({"postboost_conn_ids": " , "}, "postboost_conn_ids", "not_conn_ids"),
        ({"postboost_conn_ids": "['a', 'b']"}, "postboost_conn_ids", "not_conn_ids"),
        ({"postboost_conn_ids": ["a", "b"], "expires_on": "never"}, "expires_on", "not_allowed"),
        ({"on_expiring": "explode"}, "on_expiring", "not_a_choice"),
        ({"on_unknown": "guess"}, "on_unknown", "not_a_choice"),
        ({"expires_on": "tomorrow"}, "expires_on", None),
    ],
)
def test_a_wrong_argument_is_one_clear_error_before_anything_connects(
    options: dict[str, Any], field: str, code: str | None
) -> None:
    with pytest.raises(PostBoostFailException, match=field) as caught:
        sensor(postboost_conn_id="no_such_connection", **options).execute(context())
    error = caught.value.error
    assert isinstance(error, PostBoostConfigError)
    assert code in (error.code, None)
    assert "no_such_connection" not in str(error)


def test_no_message_and_no_log_line_holds_the_token(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: Any, caplog: Any
) -> None:
    caplog.set_level("DEBUG")
    said = ""
    for token in ("member", "expired"):
        use_connection(monkeypatch, sandbox, token=token, expires_on="2020-01-01")
        with pytest.raises(PostBoostFailException) as caught:
            sensor().execute(context())
        said += str(caught.value) + repr(caught.value.error)
    said += caplog.text + capsys.readouterr().out
    assert not any(secret in said for secret in sandbox.tokens.values())


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ({"must_outlast": timedelta(days=2)}, None),
        ({"must_outlast": timedelta(days=4)}, "4 days"),
        ({"must_outlast": in_days(3)}, None),
        ({"must_outlast": in_days(3) + SECOND}, f"{in_days(3):%Y-%m-%d} 00:00 UTC"),
        ({"must_outlast": f"{in_days(3):%Y-%m-%d} 01:00+02:00"}, None),
        ({"must_outlast": f"{in_days(3):%Y-%m-%d} 01:00-02:00"}, "03:00 UTC"),
        ({"must_outlast": "2020-01-01 00:00Z"}, None),
        (
            {"must_outlast": "2020-01-01 00:00Z", "min_validity": timedelta(days=7)},
            "7 days",
        ),
        (
            {"must_outlast": timedelta(days=9), "min_validity": timedelta(days=7)},
            "9 days",
        ),
        (
            {"must_outlast": in_days(9), "min_validity": timedelta(days=7)},
            f"7 days.*{in_days(9):%Y-%m-%d}",
        ),
    ],
    ids=str,
)
def test_a_token_must_outlast_what_the_dag_still_has_to_do(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, wanted: dict[str, Any], what: str | None
) -> None:
    use_connection(monkeypatch, sandbox, token="expiring", expires_on=f"{in_days(3):%Y-%m-%d}")
    if what is None:
        assert sensor(**wanted).execute(context())["seconds_left"] > 0
    else:
        with pytest.raises(PostBoostFailException, match=what):
            sensor(**wanted).execute(context())


def test_the_seconds_left_are_a_gauge_by_connection(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> None:
    sent = mocker.patch("airflow.sdk.observability.stats.gauge")
    use_three(monkeypatch, sandbox)
    use_connection(monkeypatch, sandbox, "expired", conn_id="über", expires_on="2099-01-01")
    with time_machine.travel(in_days(0) + SECOND, tick=False), pytest.raises(PostBoostFailException):
        sensor(postboost_conn_ids=["good", "ending", "expired", "über"]).execute(context())
    name = "postboost.credential.seconds_left"
    left = 3 * 86400 - 1
    assert [(c.args, c.kwargs) for c in sent.call_args_list] == [
        ((name, left), {"tags": {"conn_id": "ending"}}),
        ((f"{name}.ending", left), {}),
        # PostBoost rejects it, so no time is left, whatever its date says.
        ((name, 0), {"tags": {"conn_id": "expired"}}),
        ((f"{name}.expired", 0), {}),
        ((name, 0), {"tags": {"conn_id": "über"}}),
        ((f"{name}._ber", 0), {}),
    ]


@pytest.fixture
def naps(mocker: Any) -> list[float]:
    return pass_at_once(mocker, lambda _: None)


def run_deferred(**options: Any) -> Any:
    """Run the sensor to its end through every deferral, each in a process of its own as far as its state goes."""
    return run_to_end(lambda: sensor(deferrable=True, **options))


def test_it_defers_only_until_a_clear_response(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, naps: list[float]
) -> None:
    conn_ids = use_three(monkeypatch, sandbox)[:2]
    options = {"postboost_conn_ids": conn_ids, "min_validity": timedelta(days=1)}
    assert list(run_deferred(**options)) == conn_ids
    assert naps == []
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 3})
    assert list(run_deferred(**options, poke_interval=7)) == conn_ids
    # Once before the first poll of the trigger, and once after the one that failed.
    assert [7 <= nap <= 9 for nap in naps] == [True, True]


def test_a_token_that_is_rejected_after_a_deferral_fails_as_it_would_have_before(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, naps: list[float]
) -> None:
    use_connection(monkeypatch, sandbox, token="expired")
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 1})
    with pytest.raises(PostBoostFailException, match="401"):
        run_deferred()


def test_deferred_too_it_times_out_once_and_does_not_start_again_each_time(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, naps: list[float], mocker: Any
) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 99})
    with pytest.raises(AirflowSensorTimeout, match="list_tags"):
        run_deferred(timeout=0)
    with passing_at_once(mocker), pytest.raises(AirflowSensorTimeout, match="list_tags"):
        run_deferred()
    assert 10 < len(sandbox.requests()) < 30
