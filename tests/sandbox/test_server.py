"""The control endpoints, unanswered operations, settings, and the command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.__main__ import main
from postboost_provider.sandbox.core.settings import Settings, SettingsError
from postboost_provider.sandbox.server import Sandbox
from tests.sandbox.bodies import post


def test_every_operation_is_answered(connect, sandbox):
    admin = connect("admin", None)
    uuid = sandbox.workspaces[0]["uuid"]
    # The workspace is deleted last.
    for name, operation in sorted(load_operations().items(), key=lambda each: each[0] == "delete_workspace"):
        path = operation.path.replace("{workspace_uuid}", uuid)
        answer = admin.request(operation.method, path.replace("{", "").replace("}", ""))
        assert answer.status_code < 500, name


def test_unknown_paths_and_methods_answer_in_json(member, sandbox):
    unknown = member.get("/nothing/here")
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Not found."})
    assert member.patch("/posts").status_code == 405
    assert [entry["operation"] for entry in sandbox.requests()] == [None, None]


def test_the_date_of_an_answer_is_the_sandboxs_own_clock(member, sandbox):
    sandbox.advance(86400)
    told = parsedate_to_datetime(member.get("/tags").headers["date"])
    assert abs(told - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=30)


def test_the_requests_are_on_record_without_tokens(sandbox, member):
    headers = {"Idempotency-Key": "k", "X-PostBoost-Client": "me"}
    member.post("/posts", json=post(), headers=headers)
    member.get("/posts", params={"page": 2})
    first, second = httpx.get(sandbox.control_url + "/requests").json()["requests"]
    assert (first["operation"], first["method"], first["status"]) == ("create_post", "POST", 201)
    assert (first["idempotency_key"], first["client"]) == ("k", "me")
    assert second["query"] == "page=2"
    assert sandbox.tokens["member"] not in json.dumps(sandbox.requests())


def test_the_state_tells_posts_counts_clock_and_settings(sandbox, member, accounts):
    member.post("/posts", json=post("hello", accounts["threads"], schedule_now=True))
    state = httpx.get(sandbox.control_url + "/state").json()
    assert state["posts"][0]["text"] == "hello"
    assert state["posts"][0]["accounts"][0]["publish_status"] == "publishing"
    assert state["workspaces"][0]["statuses"] == {"publishing": 1}
    assert state["settings"]["publish_seconds"] == 2.0
    assert state.keys() == sandbox.state().keys()


def test_the_clock_moves_forward_over_http_and_never_back(sandbox):
    url = sandbox.control_url + "/clock"
    before = sandbox.state()["now"]
    assert httpx.post(url, json={"advance_seconds": 3600}).json()["now"] > before
    assert httpx.post(url, json={"advance_seconds": -1}).status_code == 422
    assert httpx.post(url, json={"seconds": 1}).status_code == 422


def test_a_reset_forgets_all_but_tokens_and_identifiers(sandbox, member, accounts):
    member.post("/posts", json=post())
    httpx.post(sandbox.control_url + "/settings", json={"daily_cap": 3})
    sandbox.faults({"kind": "throttle"})
    sandbox.advance(3600)
    httpx.post(sandbox.control_url + "/reset", json={"settings": {"publish_seconds": 0}})
    state = sandbox.state()
    assert (state["posts"], state["faults"], state["requests"]) == ([], [], 0)
    assert state["settings"] == {**Settings().as_dict(), "approval_required_for": (), "publish_seconds": 0}
    after = member.get("/accounts").json()["data"]
    assert [each["uuid"] for each in after] == [each["uuid"] for each in accounts.values()]


@pytest.mark.parametrize(
    "values, hint",
    [
        ({"speed": 1}, "publish_seconds"),
        ({"put_schedule": "maybe"}, "keep, drop"),
        ({"panel_timezone": "Mars/Base"}, "a zone such as Europe/Berlin"),
        ({"daily_cap": "many"}, "daily_cap"),
        ({"daily_cap": True}, "daily_cap"),
        ({"store_4xx": 1}, "true or false"),
        ({"approval_required_for": ["owner"]}, "viewer"),
    ],
)
def test_a_setting_that_is_not_understood_is_refused_with_what_is_known(sandbox, values, hint):
    for path, body in (("/settings", values), ("/reset", {"settings": values})):
        answer = httpx.post(sandbox.control_url + path, json=body)
        assert answer.status_code == 422
        assert hint in answer.json()["message"]
    with pytest.raises(SettingsError, match=hint):
        Sandbox(**values)


def _start(*arguments):
    command = [sys.executable, "-m", "postboost_provider.sandbox", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_line_says_where_it_is_in_one_line_of_json_and_ends_on_a_signal():
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


def test_a_port_in_use_is_one_clear_error(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["--port", port]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"The sandbox cannot listen on 127.0.0.1:{port}: ")
    assert captured.err.count("\n") == 1


def test_a_setting_out_of_range_is_one_clear_error(capsys):
    assert main(["--port", "0", "--daily-cap", "-1"]) == 1
    assert capsys.readouterr().err == "daily_cap is a number of at least 0, not -1.\n"


def test_without_the_extra_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "starlette" else object())
    assert main([]) == 1
    assert "pip install 'airflow-provider-postboost[sandbox]'" in capsys.readouterr().err


def test_every_setting_is_a_flag(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for each in fields(Settings):
        assert f"--{each.name.replace('_', '-')}" in text
