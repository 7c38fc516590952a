"""The commands, as a terminal, a script and Airflow's own command line see them."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.cli.parser import duration, get_cli_commands, main
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import client


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, expires_on="never")
    use_connection(monkeypatch, sandbox, "expired", "expired")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return the exit code and what went to stdout and to stderr."""
    code: Any = 0
    try:
        main(arguments)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_check_prints_a_line_for_each_finding_and_exits_with_1_for_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "check")
    assert code == 0
    assert all(line.split()[0] in ("ok", "warning") for line in out.splitlines())
    assert "ok       postboost_default  token: Connected to http://127.0.0.1" in out
    code, out, _ = run(capsys, "check", "postboost_default", "expired", "missing", "expired")
    assert code == 1
    bad = [line for line in out.splitlines() if line.startswith("error")]
    assert [line.split()[1] for line in bad] == ["expired", "missing"]
    assert "401" in bad[0]
    assert "'missing'" in bad[1]


def test_check_takes_how_long_a_token_must_last(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2099-01-01")
    assert run(capsys, "check", "--min-validity", "900d")[0] == 0
    code, out, _ = run(capsys, "check", "--min-validity", "99999d")
    assert code == 1
    assert "99999 days" in out


def test_check_as_json_is_json_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    use_connection(monkeypatch, sandbox, typo=1)
    code, out, _ = run(capsys, "check", "postboost_default", "expired", "--json")
    assert code == 1
    found = json.loads(out)
    assert {each["conn_id"] for each in found} == {"postboost_default", "expired"}
    assert set(found[0]) == {"conn_id", "level", "topic", "message", "todo"}
    assert run(capsys, "check", "--json")[0] == 0


def test_accounts_are_a_table_or_json(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "accounts")
    head, *rows = out.splitlines()
    assert (code, head.split()) == (0, ["id", "provider", "username", "name", "authorized", "uuid"])
    assert len(rows) == 12
    assert rows[11].split()[:3] == ["12", "facebook_page", "northwindold"]
    found = json.loads(run(capsys, "accounts", "--json")[1])
    assert [account["id"] for account in found] == list(range(1, 13))
    assert found[11]["authorized"] is False
    there = json.loads(run(capsys, "accounts", "-w", sandbox.workspaces[1]["uuid"], "--json")[1])
    assert [account["id"] for account in there] == list(range(13, 18))


def test_workspaces_are_a_table_or_json(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "workspaces")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["Northwind", "Coffee"],
        ["Contoso", "Outdoor"],
    ]
    found = json.loads(run(capsys, "workspaces", "--json")[1])
    assert [each["uuid"] for each in found] == [each["uuid"] for each in sandbox.workspaces]
    assert {each["role"] for each in found} == {"member"}


def test_a_post_is_shown_account_by_account(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.reset(publish_seconds=0)
    content = [{"body": "[bold]Hello[/bold]", "media": []}]
    body = {
        "versions": [{"account_id": 0, "is_original": True, "content": content}],
        "accounts": [1, 2],
        "schedule_now": True,
    }
    sandbox.faults({"kind": "fail_account", "account_id": 2, "message": "The [red]session[/red] is invalid."})
    with client(sandbox) as api:
        uuid = api.call("create_post", body=body)["uuid"]
    code, out, _ = run(capsys, "post", uuid)
    assert code == 0
    assert out.splitlines()[0].startswith(f"{uuid}: failed; scheduled ")
    assert "twitter   Northwind Coffee  published  https://twitter.example/northwind/" in out
    assert "The [red]session[/red] is invalid." in out
    assert json.loads(run(capsys, "post", uuid, "--json")[1])["accounts"][1]["status"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["accounts", "-c", "missing"], "'missing'"),
        (["workspaces", "-c", "expired"], "401"),
        (["post", "no-such-post"], "404"),
        (["check", "--min-validity", "soon"], "'soon'"),
        (["check", "--min-validity", "-1d"], "expected one argument"),
        ([], "arguments are required: COMMAND"),
    ],
)
def test_an_error_is_one_clear_message(
    capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert code != 0
    assert out == ""
    assert what in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("7d", timedelta(days=7)),
        ("36h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("0d", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert duration(text) == meant


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "7w", "1.5d", "-1d", "٧d", "9999999d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="7d"):
        duration(text)


def test_nothing_that_is_printed_holds_a_token(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ""
    for name in sandbox.tokens:
        use_connection(monkeypatch, sandbox, name)
        for arguments in (
            ["check"],
            ["check", "--json"],
            ["accounts"],
            ["workspaces", "--json"],
            ["post", "x"],
        ):
            _, out, err = run(capsys, *arguments)
            said += out + err
    assert said
    assert not any(secret in said for secret in sandbox.tokens.values())


def test_the_environment_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(os.environ)
    run(capsys, "check")
    assert dict(os.environ) == before


def test_airflow_and_python_know_the_same_commands() -> None:
    (group,) = get_cli_commands()
    assert group.name == "postboost"
    assert [command.name for command in group.subcommands] == ["check", "accounts", "workspaces", "post"]


def test_defining_the_commands_imports_nothing_that_they_need() -> None:
    """Every ``airflow`` command reads them."""
    program = (
        "import sys, airflow.cli.cli_config; before = set(sys.modules); import postboost_provider.cli.parser as c;"
        "c.get_cli_commands(); print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {
        "postboost_provider",
        "postboost_provider.api",
        "postboost_provider.api.errors",
        "postboost_provider.api.expiry",
        "postboost_provider.cli",
        "postboost_provider.cli.parser",
        "postboost_provider.connection",
        "postboost_provider.connection.form",
    }


@pytest.mark.airflow
def test_airflows_own_command_line_has_the_group() -> None:
    airflow = Path(sys.executable).with_name("airflow")
    done = subprocess.run(
        [airflow, "postboost", "check", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {each["level"] for each in json.loads(done.stdout)} == {"ok", "warning"}
