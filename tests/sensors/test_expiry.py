"""The token expiry sensor: the instant, the live request, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor
from tests.airflow_stubs import context, use_connection

SECOND = timedelta(seconds=1)


def sensor(**options: Any) -> PostBoostTokenExpirySensor:
    return PostBoostTokenExpirySensor(task_id="guard", **options)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize(("offset", "dead"), [(-SECOND, False), (0 * SECOND, True), (SECOND, True)])
def test_a_token_is_dead_from_midnight_utc_of_its_expiry_date_wherever_one_is(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, zone: str, offset: timedelta, dead: bool
) -> None:
    # The sandbox's own instant, in its own words: the day that its token "expiring" was given.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=3)
    use_connection(monkeypatch, sandbox, token="expiring", expires_on=f"{midnight:%Y-%m-%d}")
    with time_machine.travel((midnight + offset).astimezone(ZoneInfo(zone)), tick=False):
        guard = sensor(min_validity=timedelta(0), on_expiring="fail")
        if dead:
            with pytest.raises(AirflowFailException, match=r"401.*expired \d{4}-\d\d-\d\d 00:00 UTC"):
                guard.execute(context())
        else:
            assert guard.execute(context()) == {"expires_at": midnight.isoformat(), "seconds_left": 1}


def test_a_token_that_expires_too_soon_fails_with_instant_time_left_and_steps(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    use_connection(monkeypatch, sandbox, token="expiring", expires_on=str(day))
    with pytest.raises(AirflowFailException) as caught:
        sensor().execute(context())
    said = str(caught.value)
    assert f"expires {day} 00:00 UTC, in 2 days and" in said
    assert "at least 7 days are wanted" in said
    for step in (
        "(1) create a new token",
        "(2) put it into the password",
        "(3) test",
        "(4) delete the old token",
    ):
        assert step in said


def test_its_own_date_wins_over_the_connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2020-01-01")
    assert sensor(expires_on="never").execute(context()) == {"expires_at": None, "seconds_left": None}


def test_a_stale_date_is_told_from_a_dead_token(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2020-01-01")
    with pytest.raises(
        AirflowFailException, match="PostBoost still accepts it: if it was rotated, correct expires_on"
    ):
        sensor().execute(context())


def test_on_expiring_can_skip_or_warn(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: Any) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    use_connection(monkeypatch, sandbox, token="expiring", expires_on=str(day))
    with pytest.raises(AirflowSkipException, match="at least 7 days"):
        sensor(on_expiring="skip").execute(context())
    assert sensor(on_expiring="warn").execute(context())["seconds_left"] > 0
    assert "at least 7 days are wanted" in capsys.readouterr().out


def test_an_unknown_date_is_decided_by_the_live_request(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    assert sensor().execute(context()) == {"expires_at": None, "seconds_left": None}
    with pytest.raises(AirflowFailException, match="has no known expiry date. Set expires_on"):
        sensor(on_unknown="fail").execute(context())
    use_connection(monkeypatch, sandbox, token="expired")
    with pytest.raises(AirflowFailException, match="is not accepted"):
        sensor().execute(context())


@pytest.mark.parametrize("on_expiring", ["fail", "skip", "warn"])
def test_a_dead_token_fails_whatever_is_wanted_of_an_expiring_one(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, on_expiring: Any
) -> None:
    use_connection(monkeypatch, sandbox, token="expired", expires_on="2099-01-01")
    with pytest.raises(AirflowFailException, match="401"):
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
def test_no_clear_answer_means_look_again(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any, fault: dict[str, Any]
) -> None:
    naps = mocker.patch("airflow.sdk.bases.sensor.time.sleep")
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "count": 2, **fault})
    sensor(poke_interval=7).execute(context())
    assert [call.args for call in naps.call_args_list] == [(7,), (7,)]


def test_a_date_that_says_enough_needs_no_answer(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2020-01-01")
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 9})
    with pytest.raises(AirflowFailException, match="expired 2020-01-01 00:00 UTC"):
        sensor().execute(context())


def test_a_server_that_never_answers_is_told_from_a_dead_token(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 9})
    with pytest.raises(AirflowSensorTimeout, match="whether the token is alive is not known"):
        sensor(timeout=0).execute(context())


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"soft_fail": True}, "soft_fail=True would skip the DAG silently"),
        ({"min_validity": 7}, "min_validity is 7"),
        ({"on_expiring": "explode"}, "use fail, skip or warn"),
        ({"on_unknown": "guess"}, "use probe or fail"),
        ({"expires_on": "tomorrow"}, "expires_on is 'tomorrow', which is not a date"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, options: dict[str, Any], what: str
) -> None:
    use_connection(monkeypatch, sandbox)
    with pytest.raises(AirflowFailException, match=what):
        sensor(**options).execute(context())
    assert sandbox.requests() == []


def test_no_message_and_no_log_line_holds_the_token(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: Any, caplog: Any
) -> None:
    caplog.set_level("DEBUG")
    said = ""
    for token in ("member", "expired"):
        use_connection(monkeypatch, sandbox, token=token, expires_on="2020-01-01")
        with pytest.raises(AirflowFailException) as caught:
            sensor().execute(context())
        said += str(caught.value) + repr(caught.value.__cause__)
    said += caplog.text + capsys.readouterr().out
    assert not any(secret in said for secret in sandbox.tokens.values())
