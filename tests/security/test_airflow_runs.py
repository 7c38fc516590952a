"""One run in a real Airflow: nothing that it leaves behind holds the token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.security.hostile_server import FAILURES, hostile_server
from tests.security.tokens import find_in_files, find_token, make_token

pytestmark = pytest.mark.airflow

DAG = """
from airflow.sdk import DAG
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

with DAG("leaks", schedule=None):
    create = PostBoostCreatePostOperator(
        task_id="create", text="Hello {{ ds or run_id }}", accounts=[1], publish="now",
        wait_for_completion=True, deferrable=True, poll_interval=1,
    )
    wait = PostBoostPostSensor(task_id="wait", post_uuids=create.output["uuid"], deferrable=True, poke_interval=1)
    create >> wait
    for name in ("echo", "escaped", "refused"):
        PostBoostOperator(task_id=name, postboost_conn_id=name, operation="create_template",
                          body={"name": "a", "content": []})
"""
SENDS = {"echo": "401 echo", "escaped": "401 echo, escaped", "refused": "422 echo"}


def connection(origin: str, token: str, workspace: str) -> dict[str, Any]:
    extra = {"workspace_uuid": workspace, "expires_on": "never"}
    return {
        "conn_type": "postboost",
        "host": f"{origin}/app/api",
        "password": token,
        "extra": json.dumps(extra),
    }


class Airflow:
    """Airflow's command line with a home of its own. What it printed is in ``output``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "dags").mkdir()
        kept = {
            k: v
            for k, v in os.environ.items()
            if k == "AIRFLOW__CORE__FERNET_KEY" or not k.startswith("AIRFLOW")
        }
        self._env = kept | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        }
        self.output = ""

    def __call__(self, *arguments: str) -> None:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", *arguments],
                env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=110,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            raise AssertionError((late.output or b"").decode()[-9000:]) from None
        self.output += done.stdout.decode()

    def find(self, token: str) -> list[str]:
        return find_token(token, self.output) + find_in_files(token, self.home)


@pytest.fixture
def airflow(tmp_path: Path) -> Airflow:
    found = Airflow(tmp_path)
    found("db", "migrate")
    return found


def test_nothing_that_a_run_leaves_behind_holds_the_token(
    airflow: Airflow, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sandbox.reset(publish_seconds=0)
    (airflow.home / "dags" / "leaks.py").write_text(DAG)
    token, workspace = make_token(), sandbox.workspaces[0]["uuid"]
    given = {"postboost_default": connection("", sandbox.tokens["member"], workspace)}
    given["postboost_default"]["host"] = sandbox.base_url
    with ExitStack() as opened:
        for name, failure in SENDS.items():
            server = opened.enter_context(hostile_server(token))
            server.answer = FAILURES[failure]
            given[name] = connection(server.origin, token, workspace)
        file = tmp_path_factory.mktemp("given") / "connections.json"
        file.write_text(json.dumps(given))
        airflow("connections", "import", str(file))
        airflow("dags", "test", "leaks")
    assert airflow.output.count("Task failed with exception") == len(SENDS)
    assert [p["status"] for p in sandbox.state()["posts"]] == ["published"]
    assert airflow.find(token) == []
    for known in sandbox.tokens.values():
        assert airflow.find(known) == []


def test_the_search_finds_what_a_task_of_the_users_own_leaks(airflow: Airflow) -> None:
    token = make_token()
    leaking = (
        'from airflow.sdk import DAG, task\nwith DAG("leaky", schedule=None):\n'
        f'    @task\n    def leak(): return "{token}"\n    leak()\n'
    )
    (airflow.home / "dags" / "leaky.py").write_text(leaking)
    airflow("dags", "test", "leaky")
    (airflow.home / "dags" / "leaky.py").unlink()
    assert airflow.find(token) != []


def test_a_foreign_token_is_in_no_file_of_the_sandbox(tmp_path: Path) -> None:
    import httpx

    token = make_token()
    with Sandbox(state=tmp_path / "state") as sandbox:
        url = f"{sandbox.base_url}/{sandbox.workspaces[0]['uuid']}/tags"
        for method in ("GET", "POST"):
            headers = {"Authorization": f"Bearer {token}"}
            assert httpx.request(method, url, headers=headers, json={}).status_code == 401
        # So that the file is written.
        headers = {"Authorization": f"Bearer {sandbox.tokens['member']}"}
        tag = {"name": "autumn", "hex_color": "#f59e0b"}
        assert httpx.post(url, headers=headers, json=tag).is_success
        known = repr((sandbox.state(), sandbox.requests()))
    assert find_token(token, known) + find_in_files(token, tmp_path) == []
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    # Its own tokens are in there, so that they stay valid: see docs/security.md.
    assert find_in_files(sandbox.tokens["member"], tmp_path) != []
    for member in sandbox.tokens.values():
        assert find_token(member, known) == []
