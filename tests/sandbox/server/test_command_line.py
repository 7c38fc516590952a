"""The command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from dataclasses import fields

import httpx
import pytest

from postboost_provider.sandbox.__main__ import main
from postboost_provider.sandbox.core.settings import Settings


def _start(*arguments):
    command = [sys.executable, "-m", "postboost_provider.sandbox", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_line_prints_one_line_of_json_and_stops_on_a_signal():
    with _start(
        "--port", "0", "--json", "--daily-cap", "0", "--panel-timezone", "Asia/Tokyo", "--no-store-4xx"
    ) as process:
        try:
            told = json.loads(process.stdout.readline())
            assert set(told) == {"base_url", "workspaces", "tokens"}
            headers = {"Authorization": f"Bearer {told['tokens']['member']}"}
            mine = httpx.get(told["base_url"] + "/workspaces", headers=headers).json()["data"]
            assert [each["uuid"] for each in mine] == [each["uuid"] for each in told["workspaces"]]
            state = httpx.get(told["base_url"].replace("/app/api", "/_sandbox/state")).json()
            assert (state["settings"]["daily_cap"], state["settings"]["store_4xx"]) == (0, False)
            assert state["settings"]["panel_timezone"] == "Asia/Tokyo"
        finally:
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_without_json_it_prints_a_table_to_read():
    with _start("--port", "0") as process:
        text = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        text += process.stdout.read()
        assert (process.wait(timeout=10), process.stderr.read()) == (0, "")
    for word in ("base URL", "control", "Northwind Coffee", "member", "expired", "curl"):
        assert word in text


def test_a_port_in_use_is_a_one_line_error(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["--port", port]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"The sandbox cannot listen on 127.0.0.1:{port}: ")
    assert captured.err.count("\n") == 1


def test_an_invalid_setting_is_a_one_line_error(capsys):
    assert main(["--port", "0", "--daily-cap", "-1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "daily_cap" in line


def test_without_the_extra_it_names_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "starlette" else object())
    assert main([]) == 1
    assert "pip install 'airflow-provider-postboost[sandbox]'" in capsys.readouterr().err


def test_every_setting_is_a_flag(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for each in fields(Settings):
        assert f"--{each.name.replace('_', '-')}" in text
