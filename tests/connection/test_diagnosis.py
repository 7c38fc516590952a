"""The diagnosis: every finding about a connection, from complete to broken."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import BaseHook

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.settings import ClientSettings
from postboost_provider.connection import diagnosis
from postboost_provider.connection.check import Finding
from postboost_provider.connection.form import DEFAULT_CONN_ID
from postboost_provider.connection.read import read_connection, remarks
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import client, make_key

WEEK = timedelta(days=7)


def diagnose(
    min_validity: timedelta, admin_conn_id: str | None = None, posting: bool = False
) -> list[Finding]:
    def read(conn_id: str = DEFAULT_CONN_ID) -> tuple[ClientSettings, list[str]]:
        connection = BaseHook.get_connection(conn_id)
        return read_connection(connection, connection.extra_dejson, f"connection {conn_id!r}")

    def connect(conn_id: str) -> PostBoostClient:
        return PostBoostClient(read(conn_id)[0], attempts=1)

    return list(
        diagnosis.diagnose(
            read,
            min_validity,
            admin_conn_id,
            connect,
            posting=posting,
            remarks=lambda: remarks(BaseHook.get_connection(DEFAULT_CONN_ID)),
        )
    )


def find(min_validity: timedelta = WEEK, **options: Any) -> dict[str, tuple[str, str]]:
    """Return level and text by topic; of several findings on one topic, the last."""
    found = diagnose(min_validity, **options)
    return {finding.topic: (finding.level, str(finding)) for finding in found}


def test_a_complete_connection_has_a_finding_on_every_topic(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    sandbox.change_account(12, authorized=True)
    use_connection(monkeypatch, sandbox, expires_on="never")
    found = find()
    assert list(found) == [
        "connection",
        "base URL",
        "token",
        "expiry",
        "workspaces",
        "role",
        "panel",
        "plan",
        "clock",
        "abilities",
        "accounts",
    ]
    assert {level for level, _ in found.values()} == {"ok"}
    said = {topic: text for topic, (_, text) in found.items()}
    assert "sandbox" in said["base URL"]
    assert "is among them" in said["workspaces"]
    assert "member" in said["role"]
    assert "platform admins" in said["panel"]
    assert "read, write, publish, ai; not webhooks" in said["abilities"]
    assert "12 of 12" in said["accounts"]


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("http://[::1]:8765/app/api", "ok"),
        ("http://127.0.0.1:8765/app/api", "ok"),
        ("https://postboost.co/app/api", "ok"),
        ("https://elsewhere.example/app/api", "warning"),
        ("https://postboost.co/api", "warning"),
        ("http://127.0.0.1:8765/app", "warning"),
    ],
)
def test_another_base_url_than_postboosts_is_a_warning_unless_it_is_on_this_machine(
    url: str, level: str
) -> None:
    finding = diagnosis._base_url(ClientSettings("token", url))
    assert (finding.level, url in str(finding)) == (level, True)


@pytest.mark.parametrize(
    ("abilities", "level", "said"),
    [
        (["read", "write", "publish", "webhooks"], "ok", "read, write, publish, webhooks; not ai."),
        (["read", "publish"], "warning", "read, publish; not write, ai, webhooks."),
        (["write"], "warning", "write; not read, publish, ai, webhooks."),
    ],
)
def test_the_abilities_of_a_key_are_found_without_changing_anything(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, abilities: list[str], level: str, said: str
) -> None:
    token = make_key(sandbox, *abilities)
    before = sandbox.state()
    use_connection(monkeypatch, sandbox, token)
    assert find()["abilities"][0] == level
    assert said in find()["abilities"][1]
    after = sandbox.state()
    assert [after[kind] for kind in ("posts", "media")] == [before[kind] for kind in ("posts", "media")]
    with client(sandbox, "admin") as api:
        assert len(list(api.pages("list_tags"))) == 2


@pytest.mark.parametrize(("posting", "level"), [(False, "warning"), (True, "error")])
def test_a_viewer_can_not_post(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, posting: bool, level: str
) -> None:
    use_connection(monkeypatch, sandbox, "viewer")
    found = find(posting=posting)
    assert (found["role"][0], "viewer" in found["role"][1]) == (level, True)
    assert found["abilities"][0] == level


def test_blanks_around_a_value_are_named(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, sandbox.tokens["member"] + " \n", client_label="blog ")
    remarks = [finding for finding in diagnose(WEEK) if finding.topic == "connection"]
    assert [finding.level for finding in remarks] == ["ok", "warning"]
    assert "password, client_label" in str(remarks[1])
    assert sandbox.tokens["member"] not in str(remarks)


def test_a_token_that_does_not_work_ends_the_diagnosis(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, "expired", expires_on="2020-01-01")
    found = find()
    assert list(found) == ["connection", "base URL", "token"]
    assert found["token"][0] == "error"
    assert "401" in found["token"][1]
    assert "expired 2020-01-01 00:00 UTC" in found["token"][1]


@pytest.mark.parametrize(
    ("days", "min_validity", "level", "said"),
    [
        (3, timedelta(days=2), "ok", "The token expires"),
        (3, WEEK, "error", "7 days"),
        (-1, timedelta(0), "error", "Correct expires_on"),
        (None, WEEK, "warning", "Set expires_on"),
    ],
)
def test_a_token_must_last(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    days: int | None,
    min_validity: timedelta,
    level: str,
    said: str,
) -> None:
    day = None if days is None else f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
    use_connection(monkeypatch, sandbox, expires_on=day)
    found = find(min_validity)["expiry"]
    assert (found[0], said in found[1]) == (level, True)


def test_when_a_key_expires_is_looked_up_by_an_admin(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, "scoped", scoped_key_id=1)
    use_connection(monkeypatch, sandbox, "admin", "admin")
    assert find()["expiry"][0] == "warning"
    level, said = find(admin_conn_id="admin")["expiry"]
    assert (level, "never expires" in said) == ("ok", True)
    use_connection(monkeypatch, sandbox, "scoped", scoped_key_id=99)
    levels = [f for f in diagnose(WEEK, "admin") if f.topic == "expiry"]
    assert [finding.level for finding in levels] == ["warning", "warning"]
    assert "scoped_key_id 99" in str(levels[0])


def test_a_workspace_that_refuses_its_own_members_has_a_plan_without_the_api(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    with client(sandbox, "admin") as api:
        api.call(
            "update_workspace",
            parameters={"workspace_uuid": sandbox.workspaces[0]["uuid"]},
            body={"name": "Northwind Coffee", "access_status": "locked"},
        )
    found = find()
    assert found["token"][0] == "error"
    assert found["plan"][0] == "error"
    assert "plan" in found["plan"][1]
    assert "abilities" not in found


def test_a_workspace_of_other_users_says_nothing_about_the_plan(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, workspace_uuid="00000000-0000-0000-0000-000000000000")
    found = find()
    assert found["workspaces"][0] == "error"
    assert "workspace_uuid" in found["workspaces"][1]
    assert "plan" not in found


def test_without_a_workspace_the_checks_that_need_one_are_left_out(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, workspace_uuid=None, expires_on="never")
    found = find()
    assert found["workspaces"][0] == "warning"
    assert not {"role", "plan", "abilities", "accounts"} & set(found)


@pytest.mark.parametrize(
    ("seconds", "level", "said"),
    [
        (20, "ok", "agree"),
        (120, "warning", "2 minutes"),
        (3600, "error", "1 hour"),
    ],
)
def test_the_clock_is_compared_with_the_servers(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, seconds: int, level: str, said: str
) -> None:
    use_connection(monkeypatch, sandbox)
    with time_machine.travel(datetime.now(UTC).replace(microsecond=0), tick=False):
        sandbox.advance(seconds)
        found = find()["clock"]
    assert (found[0], said in found[1]) == (level, True)


def test_an_account_that_can_not_publish_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    found = [f for f in diagnose(WEEK) if f.topic == "accounts"]
    assert [finding.level for finding in found] == ["ok", "warning"]
    assert "11 of 12" in str(found[0])
    assert "facebook_page:Northwind Old Page (id 12)" in str(found[1])
    assert "Reconnect it: http" in str(found[1])


@pytest.mark.parametrize(
    ("changes", "topic", "level", "said"),
    [
        ({"typo": 1}, "connection", "warning", "typo"),
        ({"expires_on": "2027-01-31+01:00"}, "connection", "error", "not a valid date"),
        ({"expires_on": "Europe/Berlin"}, "connection", "error", "not a valid date"),
        ({"ca_bundle": "/nowhere/ca.pem"}, "connection", "error", "ca_bundle"),
    ],
)
def test_an_invalid_value_is_one_clear_finding(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    changes: dict[str, Any],
    topic: str,
    level: str,
    said: str,
) -> None:
    use_connection(monkeypatch, sandbox, **changes)
    found = find()[topic]
    assert (found[0], said in found[1]) == (level, True)


def test_a_server_that_fails_leaves_open_whether_the_token_works(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 99})
    found = find()
    assert list(found)[-1] == "token"
    assert "unexpected" in found["token"][1]


@pytest.mark.parametrize("path", ["/app", "/api", "/app/api/v1", "/"])
def test_a_base_url_with_another_path_is_named_before_the_workspace(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, path: str
) -> None:
    base = sandbox.base_url.removesuffix("/app/api")
    monkeypatch.setattr(type(sandbox), "base_url", base + path)
    use_connection(monkeypatch, sandbox)
    found = find()
    if path == "/":
        # A host alone gets PostBoost's path.
        assert found["token"][0] == "ok"
        return
    assert found["base URL"][0] == "warning"
    level, text = found["token"]
    assert (level, "/app/api" in text, "accepts" in text) == ("error", True, False)
    assert "workspaces" not in found


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ('{"conn_type": "postboost", "password": "hidden", "extra": "{hidden"}', "extras"),
        ('{"conn_type": "postboost", "password": "Bearer hidden"}', "Bearer "),
    ],
)
def test_what_is_mistyped_is_one_finding_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, told: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTBOOST_DEFAULT", variable)
    (finding,) = diagnose(WEEK)
    assert (finding.level, finding.topic) == ("error", "connection")
    assert told in str(finding)
    assert "hidden" not in str(finding)


@pytest.mark.parametrize("host", ["http://127.0.0.1/app/api", "127.0.0.1"])
def test_a_host_and_its_port_may_be_in_two_fields(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, host: str
) -> None:
    port = sandbox.base_url.partition("127.0.0.1:")[2].partition("/")[0]
    use_connection(monkeypatch, sandbox)
    known = json.loads(os.environ["AIRFLOW_CONN_POSTBOOST_DEFAULT"])
    monkeypatch.setenv(
        "AIRFLOW_CONN_POSTBOOST_DEFAULT", json.dumps({**known, "host": host, "port": int(port)})
    )
    assert find()["token"][0] == "ok"
    monkeypatch.setenv(
        "AIRFLOW_CONN_POSTBOOST_DEFAULT", json.dumps({**known, "host": f"127.0.0.1:{port}", "port": 1})
    )
    (finding,) = diagnose(WEEK)
    assert (finding.level, "port" in str(finding)) == ("error", True)
