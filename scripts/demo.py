"""Publish a content calendar with Airflow on the sandbox, run the DAG again, and kill it half way.

Two scenarios run side by side, each with its own sandbox and Airflow database:

1. The DAG publishes the calendar, waits until every post is live and reports. Then it runs again.
2. The DAG is killed half way. Then it runs again.

The exit code is 0 only if both sandboxes have every post exactly once.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
WORK = ROOT / ".demo"
DAG_ID = "publish_content_calendar"
CALENDAR = ROOT / "dags_examples" / "content_calendar.csv"
CALENDAR_ROWS = list(csv.DictReader(CALENDAR.read_text(encoding="utf-8").splitlines()))
TEXTS = [row["text"] for row in CALENDAR_ROWS]
ROWS, DRAFTS = len(TEXTS), sum(row["mode"] == "draft" for row in CALENDAR_ROWS)
# A log line of Airflow: time, level, event, logger. Output that tasks print has no such prefix.
LOG_LINE = re.compile(r"^\S+Z \[(\w+)\s*\] (.*?)\s+\[([\w.]+)\]")
TASK_START = re.compile(r"\[DAG TEST\] starting task_id=(\w+)")
BOLD, RED, END = ("\033[1m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 3


@dataclass
class Stage:
    """A sandbox, and the home and environment of an Airflow that uses it."""

    name: str
    home: Path
    sandbox: dict[str, Any]
    env: dict[str, str]

    @property
    def control(self) -> str:
        return str(self.sandbox["base_url"]).removesuffix("/app/api") + "/_sandbox"

    def control_request(self, name: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = Request(f"{self.control}/{name}", data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=10) as response:
            return json.load(response)

    def posts(self) -> list[str]:
        """Return the text of every post in the sandbox."""
        return [post["text"] for post in self.control_request("state")["posts"]]


class DagRun:
    """An ``airflow dags test`` in its own process group. Its output goes to a log file."""

    def __init__(self, where: Stage, name: str, first_day: date) -> None:
        self.log = where.home / f"{name}.log"
        conf = json.dumps({"first_day": str(first_day)})
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "airflow", "dags", "test", DAG_ID, "--conf", conf],
                env=where.env,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the log until the run ends."""
        with self.log.open() as log:
            while True:
                if line := log.readline():
                    yield line.rstrip("\n")
                elif self.process.poll() is not None:
                    yield from (rest.rstrip("\n") for rest in log)
                    return
                else:
                    time.sleep(0.05)


class KilledRun:
    """A run that is killed once a third of its rows are published, and then run again."""

    def __init__(self, where: Stage, first_day: date) -> None:
        self._where = where
        self._first_day = first_day
        self._killed = DagRun(where, "killed", first_day)
        self._published = self._arrived = 0
        self._second: DagRun | None = None
        self._thread = threading.Thread(target=self._kill_and_run_again, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for run in (self._killed, self._second):
            if run is not None:
                stop(run.process)

    def wait(self) -> tuple[DagRun, int, int, DagRun]:
        """Return the killed run, the number of posts when it was killed and just after, and the second run."""
        self._thread.join(timeout=120)
        if self._second is None:
            raise SystemExit(
                f"The run ended before it could be killed. See {self._killed.log.relative_to(ROOT)}."
            )
        return self._killed, self._published, self._arrived, self._second

    def _kill_and_run_again(self) -> None:
        process = self._killed.process
        while process.poll() is None:
            if len(self._where.posts()) >= ROWS // 3:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._published = len(self._where.posts())
                # A request that was under way is finished by the server, though nobody waits for its response.
                time.sleep(1)
                self._arrived = len(self._where.posts())
                self._where.control_request("faults", [])
                self._second = DagRun(self._where, "second", self._first_day)
                return
            time.sleep(0.1)


def main() -> int:
    started = time.monotonic()
    say(
        f"{BOLD}Publish a content calendar of {ROWS} rows with Airflow to a local PostBoost.{END} This takes a minute."
    )
    say(f"{DRAFTS} of the rows is a draft: it is created, but not published. {ROWS - DRAFTS} posts go live.")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    first_day = datetime.now(UTC).date() + timedelta(days=1)
    with ExitStack() as stack:
        week, kill = (stack.enter_context(stage(name)) for name in ("week", "kill"))
        prepare_databases(week, kill)
        # Creating is slow enough to be killed half way, and one response is lost.
        kill.control_request(
            "faults",
            [
                {"operation": "create_post", "kind": "drop_after", "count": 1, "after": 4},
                {"operation": "create_post", "kind": "delay", "seconds": 0.3, "count": ROWS},
            ],
        )

        title("1. Run the DAG: check the token, publish, wait until every post is live, report")
        run = stack.enter_context(DagRun(week, "first", first_day))
        killed_run = stack.enter_context(KilledRun(kill, first_day))
        show(run)
        check(run.process.wait() == 0, "the run succeeded", run)
        check(
            sorted(week.posts()) == sorted(TEXTS),
            f"PostBoost has exactly one post for each of the {ROWS} rows",
            run,
        )

        again = stack.enter_context(DagRun(week, "second", first_day))
        title("2. Run the same DAG again")
        show(again, only="publish")
        check(again.process.wait() == 0, "the run succeeded", again)
        check(sorted(week.posts()) == sorted(TEXTS), "no post was published twice", again)

        title("3. Kill another run half way (SIGKILL) and lose one response, then run it again")
        killed, published, arrived, second = killed_run.wait()
        check(
            killed.process.wait() == -signal.SIGKILL,
            f"the run was killed after {published} of {ROWS} posts",
            killed,
        )
        check(0 < published < ROWS, "some rows were published and some were not", killed)
        if arrived > published:
            say(
                f"   A request was under way: PostBoost created its post after the kill, so there are {arrived} now."
            )
        say(f'   Second run: it finds these {arrived} posts, which are "adopted", and creates the others.')
        show(second, only="publish")
        check(second.process.wait() == 0, "the run succeeded", second)
        check(
            sorted(kill.posts()) == sorted(TEXTS),
            f"PostBoost has exactly one post for each of the {ROWS} rows: no duplicates, none missing",
            second,
        )
    say("")
    say(
        "The DAG is dags_examples/publish_content_calendar.py, the calendar dags_examples/content_calendar.csv."
    )
    say("Next: read docs/quickstart.md, or run `make sandbox` to use the local PostBoost with your own DAGs.")
    say(
        f"Demo passed: {ROWS} posts, each created once, {ROWS - DRAFTS} of them published, in {time.monotonic() - started:.0f} s"
    )
    return 0


def show(run: DagRun, only: str | None = None) -> None:
    """Print the tasks' own log lines, without Airflow's."""
    task = ""
    for line in run.lines():
        if started := TASK_START.search(line):
            task = started[1]
            if only in (None, task):
                say(f"{BOLD}   {task}{END}")
        elif only in (None, task) and (message := message_of(line)):
            say(f"     {message}")


def message_of(line: str) -> str | None:
    entry = LOG_LINE.match(line)
    if entry is None:
        # Printed by a task: the report's table.
        return line if "://" in line and line[:1].isalpha() else None
    level, event, logger = entry.groups()
    if "postboost_provider" not in logger or event.startswith(("Success criteria", "Done. Returned")):
        return None
    return event if level == "info" else f"{level}: {event}"


def check(passed: bool, claim: str, run: DagRun) -> None:
    if not passed:
        tail = "\n".join(run.log.read_text(errors="replace").splitlines()[-30:])
        raise SystemExit(
            f"{RED}   ✗ failed: {claim}{END}\nLast lines of {run.log.relative_to(ROOT)}:\n{tail}"
        )
    say(f"   ✓ {claim}")


def title(text: str) -> None:
    say(f"\n{BOLD}{text}{END}")


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def stage(name: str) -> Iterator[Stage]:
    """Start a sandbox, and prepare the environment of an Airflow that uses it."""
    home = WORK / name
    home.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "postboost_provider.sandbox", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise SystemExit("The sandbox did not start. The lines above have the reason.")
        sandbox = json.loads(line)
        connection = {
            "conn_type": "postboost",
            "host": sandbox["base_url"],
            "password": sandbox["tokens"]["member"],
            "extra": {"workspace_uuid": sandbox["workspaces"][0]["uuid"], "expires_on": "never"},
        }
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "POSTBOOST"))}
        created = Stage(name, home, sandbox, env)
        created.env |= {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags_examples"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_POSTBOOST_DEFAULT": json.dumps(connection),
            "POSTBOOST_SANDBOX_CONTROL": created.control,
            "TMPDIR": str(home),
        }
        yield created
    finally:
        stop(process)


def prepare_databases(first: Stage, *others: Stage) -> None:
    """Create Airflow's database once, and copy it to the other stages."""
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, env=first.env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Airflow's database could not be created:\n{done.stdout}{done.stderr}")
    for other in others:
        shutil.copy(first.home / "airflow.db", other.home / "airflow.db")


def stop(process: subprocess.Popen[Any]) -> None:
    """Stop a process group that this demo started."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
