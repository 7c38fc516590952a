"""Airflow as it is deployed: API server, scheduler, DAG processor and triggerer, each a process of its own."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import psutil

from postboost_provider.sandbox.server import Sandbox

T = TypeVar("T")

USER = "ada"
POLL_SECONDS = 0.25
START_SECONDS = 180
STEP_SECONDS = 150
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class RunningAirflow:
    """Use it in a ``with`` block; it ends what it started.

    ``airflow standalone`` would do the same, but binds its log servers to every interface and to fixed ports.
    """

    def __init__(self, home: Path, dags: Path, **settings: str) -> None:
        self.home = home
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._port = _free_port()
        self._password = secrets.token_urlsafe(16)
        passwords = home / "passwords.json"
        passwords.write_text(json.dumps({USER: self._password}))
        origin = f"http://127.0.0.1:{self._port}"
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "POSTBOOST"))}
        self._env = mine | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__BASE_URL": origin,
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{origin}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            **settings,
        }
        self._http = httpx.Client(base_url=f"{origin}/api/v2", timeout=30, trust_env=False)
        self._http.event_hooks["response"] = [_explain]

    def __enter__(self) -> Self:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                env=self._env,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            self.start_api_server()
            self._start("scheduler", "--skip-serve-logs")
            self._start("dag-processor")
            self.start_triggerer()
            self.wait_for("every part of Airflow to be healthy", self._is_healthy, START_SECONDS)
            self._sign_in()
        except BaseException as error:
            self.__exit__()
            error.add_note(self.tails())
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._end(*self._processes)

    def start_api_server(self) -> None:
        self._start("api-server", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1")
        self.wait_for("the API server to be up", self._is_up, START_SECONDS)

    def process(self, name: str) -> psutil.Process:
        return psutil.Process(self._processes[name].pid)

    def kill(self, name: str) -> None:
        """Kill a part of Airflow, and all that it started, without warning."""
        parent = psutil.Process(self._processes.pop(name).pid)
        tree = [parent, *parent.children(recursive=True)]
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(tree, timeout=10)

    def start_triggerer(self, **env: str) -> None:
        self._start("triggerer", "--skip-serve-logs", **env)

    def end_triggerer(self) -> None:
        self._end("triggerer")

    def connect(self, sandbox: Sandbox, conn_id: str = "postboost_default", token: str = "member") -> None:
        """Store a connection to the sandbox in Airflow's database, where a triggerer has to ask for it."""
        extra = {"workspace_uuid": sandbox.workspaces[0]["uuid"], "expires_on": "never"}
        self.post(
            "/connections",
            connection_id=conn_id,
            conn_type="postboost",
            host=sandbox.base_url,
            password=sandbox.tokens[token],
            extra=json.dumps(extra),
        )

    def connect_to_itself(self, conn_id: str = "airflow_api") -> None:
        """Store a connection through which tasks ask Airflow's own API."""
        self.post(
            "/connections",
            connection_id=conn_id,
            conn_type="http",
            host=f"http://127.0.0.1:{self._port}",
            login=USER,
            password=self._password,
        )

    def get(self, path: str, **parameters: Any) -> Any:
        return self._http.get(path, params=parameters).json()

    def post(self, path: str, **body: Any) -> Any:
        return self._http.post(path, json=body).json()

    def patch(self, path: str, **body: Any) -> Any:
        return self._http.patch(path, json=body).json()

    def delete(self, path: str) -> None:
        self._http.delete(path)

    def trigger(self, dag_id: str, **conf: Any) -> Run:
        """Start a run as soon as the DAG is known."""
        self.wait_for(
            f"the DAG {dag_id} to be parsed",
            lambda: (
                [d for d in self.get("/dags")["dags"] if d["dag_id"] == dag_id] or self._raise_import_errors()
            ),
            START_SECONDS,
        )
        made = self.post(f"/dags/{dag_id}/dagRuns", logical_date=None, conf=conf)
        return Run(self, dag_id, made["dag_run_id"])

    def wait_for(self, what: str, check: Callable[[], T | None], seconds: float = STEP_SECONDS) -> T:
        """Call ``check`` until it returns something."""
        ends = time.monotonic() + seconds
        while not (found := check()):
            if time.monotonic() > ends:
                raise AssertionError(f"Waited {seconds:.0f} s for {what}, in vain.")
            for name, process in self._processes.items():
                assert process.poll() is None, (
                    f"{name} ended with {process.returncode} during a wait for {what}."
                )
            time.sleep(POLL_SECONDS)
        return found

    def log_of(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    def tails(self, lines: int = 15) -> str:
        """Return the ends of all logs: of the processes, and of the tasks."""
        paths = [*self.home.glob("*.log"), *sorted(self.home.glob("logs/dag_id=*/**/*.log*"))]
        said = {path: path.read_text(errors="replace").splitlines() for path in paths}
        return "\n".join(
            f"--- {path.relative_to(self.home)}\n"
            + "\n".join([line[:500] for line in log if "[http.access]" not in line][-lines:])
            for path, log in said.items()
        )

    def _start(self, name: str, *arguments: str, **env: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", name, *arguments],
                env=self._env | env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _end(self, *names: str) -> None:
        """End these processes, and what is left of those that they started, by their pids."""
        parents = [psutil.Process(self._processes.pop(name).pid) for name in names]
        trees = [process for parent in parents for process in (parent, *parent.children(recursive=True))]
        for parent in parents:
            parent.terminate()
        psutil.wait_procs(parents, timeout=10)
        for process in trees:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(trees, timeout=10)

    def _is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return bool(self.get("/version"))
        return False

    def _is_healthy(self) -> bool:
        try:
            parts = self.get("/monitor/health")
        except httpx.TransportError:
            return False
        return all(
            parts[part]["status"] == "healthy"
            for part in ("metadatabase", "scheduler", "triggerer", "dag_processor")
        )

    def _sign_in(self) -> None:
        address = self._http.base_url.join("/auth/token")
        response = self._http.post(address, json={"username": USER, "password": self._password})
        self._http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def _raise_import_errors(self) -> None:
        errors = self.get("/importErrors")["import_errors"]
        assert not errors, errors


class Run:
    """A run of a DAG."""

    def __init__(self, airflow: RunningAirflow, dag_id: str, run_id: str) -> None:
        self._airflow = airflow
        self._dag_id, self._run_id = dag_id, run_id
        self._path = f"/dags/{dag_id}/dagRuns/{run_id}"

    def task(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """Return the task instance as it is now."""
        suffix = "" if map_index < 0 else f"/{map_index}"
        return dict(self._airflow.get(f"{self._path}/taskInstances/{task_id}{suffix}"))

    def wait(self, task_id: str, *states: str, map_index: int = -1) -> dict[str, Any]:
        """Wait until the task is in one of these states, and return it."""

        def check() -> dict[str, Any] | None:
            ti = self.task(task_id, map_index)
            state = str(ti["state"])
            assert state in states or state not in ENDED, (
                f"{task_id} is {state}, and not {' or '.join(states)}"
            )
            return ti if state in states else None

        return self._airflow.wait_for(f"{self._dag_id}.{task_id} to be {' or '.join(states)}", check)

    def wait_to_end(self, seconds: float = STEP_SECONDS) -> str:
        def check() -> str | None:
            state = str(self._airflow.get(self._path)["state"])
            return state if state in ENDED else None

        return self._airflow.wait_for(f"{self._dag_id} to end", check, seconds)

    def mark(self, task_id: str, state: str) -> None:
        """Mark the task as a person does."""
        self._airflow.patch(f"{self._path}/taskInstances/{task_id}", new_state=state)

    def clear(self, *task_ids: str) -> None:
        """Clear these tasks, or all, as a person does."""
        which = {"task_ids": list(task_ids)} if task_ids else {}
        path = f"/dags/{self._dag_id}/clearTaskInstances"
        self._airflow.post(path, dag_run_id=self._run_id, dry_run=False, only_failed=False, **which)

    def forget(self, task_id: str) -> None:
        """Empty the task state store of the task."""
        self._airflow.delete(f"{self._path}/taskInstances/{task_id}/state-store")

    def result(self, task_id: str, map_index: int = -1) -> Any:
        path = f"{self._path}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._airflow.get(path, map_index=map_index, deserialize=True)["value"]

    def log(self, task_id: str, map_index: int = -1, try_number: int = 1) -> str:
        path = f"{self._path}/taskInstances/{task_id}/logs/{try_number}"
        return json.dumps(self._airflow.get(path, map_index=map_index, full_content=True))

    def wait_until_heard(self, task_id: str, map_index: int = -1) -> None:
        """Wait until the scheduler has heard that a task's process has ended, in which it deferred or asked a person.

        An event or a response that comes before that fails the task (Airflow 3.3).
        """
        ti = self.task(task_id, map_index)
        heard = re.compile(
            rf"executor event with state success .*task_id='{task_id}', run_id='{re.escape(ti['dag_run_id'])}', "
            rf"try_number={ti['try_number']}, map_index={map_index}\b"
        )
        self._airflow.wait_for(
            f"the scheduler to hear that the process of {task_id} has ended",
            lambda: heard.search(self._airflow.log_of("scheduler")),
        )

    def form(self, task_id: str) -> dict[str, Any]:
        """Wait until a person is asked, and return the form."""
        self.wait(task_id, "awaiting_input")
        self.wait_until_heard(task_id)
        return dict(self._airflow.get(f"{self._path}/taskInstances/{task_id}/-1/hitlDetails"))

    def respond(self, task_id: str, option: str, **entered: str) -> None:
        path = f"{self._path}/taskInstances/{task_id}/-1/hitlDetails"
        self._airflow.patch(path, chosen_options=[option], params_input=entered)


def _explain(response: httpx.Response) -> None:
    if response.is_error:
        response.read()
        raise AssertionError(
            f"{response.request.method} {response.url}: {response.status_code} {response.text}"
        )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
