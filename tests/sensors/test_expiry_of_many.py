"""Several connections at once, and scoped keys whose last day an admin looks up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
)

from postboost_provider.api.credentials import ROTATION_STEPS
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.sensors.expiring import SECOND, in_days, sensor, use_three


def test_several_connections_are_one_message_that_lists_each(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    with pytest.raises(AirflowFailException) as caught:
        sensor(postboost_conn_ids=[*use_three(monkeypatch, sandbox), "missing"]).execute(context())
    first, *lines, last = str(caught.value).splitlines()
    assert first.startswith("3 of 4 ")
    names = ("'expired'", "'missing'", "'ending'")
    assert [name in line for name, line in zip(names, lines, strict=True)] == [True] * 3
    assert last == ROTATION_STEPS
    assert str(caught.value).count(ROTATION_STEPS) == 1


@pytest.mark.parametrize("conn_ids", [["good", "ending", "good"], "good, ending", ("good", "ending")])
def test_several_connections_return_a_result_each(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, conn_ids: Any
) -> None:
    use_three(monkeypatch, sandbox)
    found = sensor(postboost_conn_ids=conn_ids, min_validity=timedelta(days=1)).execute(context())
    assert list(found) == ["good", "ending"]
    assert found["good"] == {"expires_at": None, "seconds_left": None}
    assert found["ending"]["expires_at"] == in_days(3).isoformat()
    assert len(sandbox.requests()) == 2


def test_an_expired_token_among_expiring_ones_fails_whatever_on_expiring_is(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    conn_ids = use_three(monkeypatch, sandbox)
    with pytest.raises(AirflowFailException, match="1 of 3"):
        sensor(postboost_conn_ids=conn_ids, on_expiring="skip").execute(context())
    with pytest.raises(AirflowSkipException, match="1 of 2.*\n.*'ending'"):
        sensor(postboost_conn_ids=conn_ids[:2], on_expiring="skip").execute(context())


@pytest.fixture
def scoped(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> dict[str, Any]:
    """A scoped key that works through the day after tomorrow, in the connection ``scoped``; ``admin`` may look it up."""
    body = {"name": "dag", "abilities": ["read"], "expires_at": f"{in_days(2):%Y-%m-%d}"}
    with client(sandbox, "admin") as api:
        key: dict[str, Any] = api.call("create_api_key", body=body)["data"]
    use_connection(monkeypatch, sandbox, key["token"], "scoped", scoped_key_id=key["id"])
    use_connection(monkeypatch, sandbox, "admin", "admin", workspace_uuid=None)
    return key


def test_when_a_scoped_key_expires_is_looked_up_by_an_admin(
    scoped: dict[str, Any], monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    guard = {"postboost_conn_id": "scoped", "admin_conn_id": "admin"}
    with pytest.raises(AirflowFailException, match=f"{in_days(2):%Y-%m-%d} 00:00 UTC.* 7 days"):
        sensor(**guard).execute(context())
    found = sensor(**guard, min_validity=timedelta(0)).execute(context())
    assert found["expires_at"] == in_days(2).isoformat()
    # What PostBoost says wins over what somebody wrote down.
    use_connection(
        monkeypatch, sandbox, scoped["token"], "scoped", scoped_key_id=scoped["id"], expires_on="never"
    )
    again = sensor(**guard, min_validity=timedelta(0)).execute(context())
    assert again["expires_at"] == found["expires_at"]


def test_a_key_without_a_last_day_never_expires(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, "scoped", scoped_key_id=1)
    use_connection(monkeypatch, sandbox, "admin", "admin")
    found = sensor(admin_conn_id="admin", on_unknown="fail").execute(context())
    assert found == {"expires_at": None, "seconds_left": None}


def test_an_expired_key_is_explained_by_the_day_that_the_admin_sees(
    scoped: dict[str, Any], sandbox: Sandbox
) -> None:
    with time_machine.travel(in_days(3) + SECOND, tick=False), pytest.raises(AirflowFailException) as caught:
        sensor(postboost_conn_id="scoped", admin_conn_id="admin").execute(context())
    assert f"{in_days(2):%Y-%m-%d} 00:00 UTC" in str(caught.value)


@pytest.mark.parametrize(
    ("admin", "changes", "what"),
    [
        ("scoped", {}, "'admin'"),
        ("member", {}, "'admin'"),
        ("expired", {}, "'admin'"),
        ("admin", {"scoped_key_id": 99}, "99.*'admin'"),
        ("admin", {"workspace_uuid": None}, "workspace_uuid"),
    ],
)
def test_a_key_that_cannot_be_looked_up_is_one_clear_error(
    scoped: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    admin: str,
    changes: dict[str, Any],
    what: str,
) -> None:
    use_connection(monkeypatch, sandbox, admin, "admin", workspace_uuid=None)
    use_connection(
        monkeypatch, sandbox, scoped["token"], "scoped", **{"scoped_key_id": scoped["id"], **changes}
    )
    with pytest.raises(AirflowFailException, match=what):
        sensor(postboost_conn_id="scoped", admin_conn_id="admin").execute(context())


def test_an_expired_admin_token_is_not_mistaken_for_an_expired_key(
    scoped: dict[str, Any], monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> None:
    sent = mocker.patch("airflow.sdk.observability.stats.gauge")
    use_connection(monkeypatch, sandbox, "expired", "admin", workspace_uuid=None)
    with pytest.raises(AirflowFailException, match="'admin'.*401"):
        sensor(postboost_conn_id="scoped", admin_conn_id="admin").execute(context())
    assert sent.call_args_list == []


def test_a_lookup_that_fails_for_a_moment_is_retried_and_no_old_date_is_used_instead(
    scoped: dict[str, Any], monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> None:
    naps = mocker.patch("airflow.sdk.bases.sensor.time.sleep")
    old = {"scoped_key_id": scoped["id"], "expires_on": "2020-01-01"}
    use_connection(monkeypatch, sandbox, scoped["token"], "scoped", **old)
    sandbox.faults({"operation": "list_api_keys", "kind": "server_error", "count": 2})
    guard = sensor(
        postboost_conn_id="scoped", admin_conn_id="admin", min_validity=timedelta(0), on_unknown="fail"
    )
    assert guard.execute(context())["expires_at"] == in_days(2).isoformat()
    assert naps.call_count == 2


def test_an_access_token_needs_no_lookup(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, expires_on="never")
    sensor(admin_conn_id="missing").execute(context())
    assert [r["operation"] for r in sandbox.requests()] == ["list_tags"]
