"""``check --prove`` from a terminal: what it prints, stores and exits with."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.settings import assumes
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sandbox.server import Sandbox
from tests.cli.test_cli import connections, run
from tests.vault import use_vault

__all__ = ["connections"]


def prove(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    return run(capsys, "check", "--prove", "--account", "twitter:northwind", *arguments)


def test_prove_exits_with_0_2_or_1(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = prove(capsys)
    assert code == 0
    names = [line.split()[1].rstrip(":") for line in out.splitlines()]
    assert names[:1] == ["log_visible"]
    assert {line.split()[0] for line in out.splitlines()} <= {"holds", "not"}
    sandbox.change(activity_post_uuid=False)
    code, out, _ = prove(capsys)
    assert code == 2
    assert [line.split()[1] for line in out.splitlines() if line.startswith("otherwise")] == [
        "log_post_uuid:"
    ]
    sandbox.faults({"kind": "server_error", "operation": "create_post", "count": 1})
    code, out, error = prove(capsys)
    assert (code, out, "500" in error) == (1, "", True)


def test_prove_as_json_is_json_and_nothing_else(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.change(store_4xx=False)
    code, out, _ = prove(capsys, "--json")
    found = json.loads(out)
    assert code == 2
    assert set(found) == {"assumptions", "observed", "left"}
    assert set(found["assumptions"][0]) == {"name", "expected", "seen", "holds", "otherwise"}
    assert (found["observed"]["refusal_stored"], found["observed"]["replay"]) == (False, True)


def test_prove_needs_consent(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """An account, and one connection; and nothing of it without the flag."""
    for arguments in (
        ("--prove",),
        ("--account", "twitter:northwind"),
        ("--store",),
        ("--prove", "--account", "twitter:northwind", "postboost_default", "expired"),
    ):
        code, out, error = run(capsys, "check", *arguments)
        assert (code, out) == (1, "")
        assert "--prove" in error
    assert sandbox.requests() == []


def test_prove_says_what_it_could_not_delete(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], mocker: Any
) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    sandbox.faults({"kind": "server_error", "operation": "delete_tag", "count": 99})
    code, out, _ = prove(capsys)
    assert code == 1
    assert out.splitlines()[-1].startswith("left       Delete it in PostBoost: tag postboost-check-")


def test_what_prove_found_is_stored_in_the_connection(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], mocker: Any
) -> None:
    vault = use_vault(monkeypatch, sandbox)
    monkeypatch.delenv("AIRFLOW_CONN_POSTBOOST_DEFAULT")
    vault.put("postboost_default", sandbox.tokens["member"], workspace_uuid=sandbox.workspaces[0]["uuid"])
    store = mocker.patch("postboost_provider.rotation.stores.airflow_database.AirflowDatabaseStore")

    def write(conn_id: str, token: str | None, edit: Any) -> None:
        assert token is None
        vault.put(conn_id, vault.token(conn_id), **edit(vault.extras(conn_id)))

    mocker.patch.object(store, "return_value", SimpleNamespace(write=write))
    sandbox.change(activity_label_length=40)
    code, out, _ = prove(capsys, "--store")
    assert (code, out.splitlines()[-1].split()[0]) == (2, "stored")
    settings = PostBoostHook().settings()
    assert (assumes(settings, "log_label"), assumes(settings, "log_visible")) == (False, True)
    assert vault.extras("postboost_default")["workspace_uuid"] == settings.workspace_uuid


def test_what_can_not_be_stored_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The connection is in the environment."""
    code, _, error = prove(capsys, "--store")
    assert code == 1
    assert "AIRFLOW_CONN_POSTBOOST_DEFAULT" in error
    shown = error.split("set the extra observed to ")[1].strip().removesuffix(".")
    assert json.loads(json.loads(shown))["replay"] is True


def test_prove_deletes_again_what_a_failure_left(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], mocker: Any
) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    sandbox.faults({"kind": "server_error", "operation": "delete_post", "count": 2})
    assert prove(capsys)[0] == 0
    assert sandbox.state()["posts"] == []
