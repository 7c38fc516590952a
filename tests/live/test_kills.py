"""SIGKILL for every part of a running Airflow, while tasks publish and wait: each post exists once, and each run succeeds."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.live.running import Run, RunningAirflow

pytestmark = [pytest.mark.live, pytest.mark.kills]

DAGS = Path(__file__).parent / "dags"
ROUNDS = 5
PUBLISH_SECONDS = 20
LONGEST_SECONDS = 400
WAYS = ("killed_in_worker", "killed_deferred")


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory, sandbox_server: Sandbox) -> Iterator[RunningAirflow]:
    """An Airflow of its own, which notices soon that a task's process is gone."""
    home = tmp_path_factory.mktemp("kills")
    dags = home / "dags"
    dags.mkdir()
    (dags / "kills.py").write_text((DAGS / "kills.py").read_text())
    quick = {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    }
    with RunningAirflow(home, dags, **quick) as airflow:
        airflow.connect(sandbox_server)
        yield airflow


def is_worker(process: psutil.Process) -> bool:
    """Whether it supervises tasks: a child of the scheduler with children of its own."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.children())
    return False


def kill_tasks(airflow: RunningAirflow) -> int:
    workers = [each for each in airflow.process("scheduler").children() if is_worker(each)]
    return _kill(task for worker in workers for task in worker.children())


def kill_workers(airflow: RunningAirflow) -> int:
    return _kill(each for each in airflow.process("scheduler").children() if is_worker(each))


def _kill(processes: Iterable[psutil.Process]) -> int:
    """Kill these processes, and return whether there was one."""
    killed = 0
    for process in list(processes):
        with suppress(psutil.NoSuchProcess):
            process.kill()
            killed = 1
    return killed


def kill_triggerer(airflow: RunningAirflow) -> int:
    airflow.kill("triggerer")
    airflow.start_triggerer()
    return 1


def kill_api_server(airflow: RunningAirflow) -> int:
    airflow.kill("api-server")
    airflow.start_api_server()
    return 1


KILLS: dict[str, Callable[[RunningAirflow], int]] = {
    "task": kill_tasks,
    "worker": kill_workers,
    "triggerer": kill_triggerer,
    "api-server": kill_api_server,
}


def created(sandbox: Sandbox) -> int:
    return sum(r["operation"] == "create_post" for r in sandbox.requests())


def start(airflow: RunningAirflow, dag_id: str) -> tuple[str, Run] | None:
    """Start a run with a text of its own; None where SQLite is still locked for a process that was killed."""
    text = f"{dag_id} {uuid.uuid4().hex[:8]}"
    with suppress(AssertionError):
        return text, airflow.trigger(dag_id, text=text)
    return None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", KILLS)
def test_each_post_exists_once_and_each_run_succeeds(
    fragile: RunningAirflow, sandbox: Sandbox, part: str, way: str, kills_table: list[tuple[str, ...]]
) -> None:
    sandbox.reset(publish_seconds=PUBLISH_SECONDS)
    kills = 0
    runs: dict[str, Run] = {}
    # A task that defers may have ended before it is struck: then with another one.
    while kills < ROUNDS and len(runs) < 2 * ROUNDS:
        # Every other kill strikes while PostBoost is creating the post; a deferred wait has no task to kill later.
        if len(runs) % 2 or (way == "killed_deferred" and part in ("task", "worker")):
            sandbox.faults({"kind": "delay", "operation": "create_post", "seconds": 1.0})
        before = created(sandbox)
        text, run = fragile.wait_for("a new run", lambda: start(fragile, way))
        runs[text] = run
        fragile.wait_for("the post to be sent", lambda before=before: created(sandbox) > before)
        kills += KILLS[part](fragile)
    sandbox.faults()
    ended = [run.wait_to_end(LONGEST_SECONDS) for run in runs.values()]
    posts = sandbox.state()["posts"]
    texts = sorted(post["text"] for post in posts)
    duplicates, losses = len(texts) - len(set(texts)), len(set(runs) - set(texts))
    kills_table.append(
        (part, way, *map(str, (kills, len(runs), len(posts), duplicates, losses, ended.count("failed"))))
    )
    assert texts == sorted(runs)
    assert set(ended) == {"success"}
    assert {post["status"] for post in posts} == {"published"}
    assert kills == ROUNDS
