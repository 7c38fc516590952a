"""The main job, on the sandbox: publish a content calendar with Airflow, again, and through a kill.

Two sandboxes and two Airflow databases, so that both stories run side by side:

1. The DAG publishes the calendar, waits until each post is live and reports. Then it runs again.
2. The DAG is killed half way. Then it runs again.

Neither posts anything twice. Exit code 0 only if that was seen in the sandboxes.
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
TEXTS = [row["text"] for row in csv.DictReader(CALENDAR.read_text(encoding="utf-8").splitlines())]
ROWS = len(TEXTS)
# A log line of Airflow: time, level, event, logger. What tasks print comes as it is.
LOG_LINE = re.compile(r"^\S+Z \[(\w+)\s*\] (.*?)\s+\[([\w.]+)\]")
TASK_START = re.compile(r"\[DAG TEST\] starting task_id=(\w+)")
BOLD, DIM, RED, END = ("\033[1m", "\033[2m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 4


@dataclass
class Stage:
    """A sandbox and an Airflow of its own."""

    name: str
    home: Path
    sandbox: dict[str, Any]
    env: dict[str, str]

    @property
    def control(self) -> str:
        return str(self.sandbox["base_url"]).removesuffix("/app/api") + "/_sandbox"

    def ask(self, what: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = Request(f"{self.control}/{what}", data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def posts(self) -> list[str]:
        """Return the text of every post that the sandbox holds."""
        return [post["text"] for post in self.ask("state")["posts"]]


class DagRun:
    """An ``airflow dags test`` in a process group of its own, writing to a log file."""

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
        end(self.process)

    def lines(self) -> Iterator[str]:
        """Give the log's lines as they come, until the run ends."""
        with self.log.open() as log:
            while True:
                if line := log.readline():
                    yield line.rstrip("\n")
                elif self.process.poll() is not None:
                    yield from (rest.rstrip("\n") for rest in log)
                    return
                else:
                    time.sleep(0.05)


class KilledAndRepeated:
    """A run that is killed without warning as soon as a third of its rows are out, and then repeated."""

    def __init__(self, where: Stage, first_day: date) -> None:
        self._where = where
        self._first_day = first_day
        self._killed = DagRun(where, "killed", first_day)
        self._reached = 0
        self._repeat: DagRun | None = None
        self._thread = threading.Thread(target=self._kill_and_repeat, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for run in (self._killed, self._repeat):
            if run is not None:
                end(run.process)

    def wait(self) -> tuple[DagRun, int, DagRun]:
        """Return the killed run, how many posts it had made, and the run that repeats it."""
        self._thread.join(timeout=120)
        if self._repeat is None:
            raise SystemExit(
                f"The run to be killed did not get that far: see {self._killed.log.relative_to(ROOT)}."
            )
        return self._killed, self._reached, self._repeat

    def _kill_and_repeat(self) -> None:
        process = self._killed.process
        while process.poll() is None:
            if len(self._where.posts()) >= ROWS // 3:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._reached = len(self._where.posts())
                self._where.ask("faults", [])
                self._repeat = DagRun(self._where, "repeated", self._first_day)
                return
            time.sleep(0.1)


def main() -> int:
    began = time.monotonic()
    say(
        f"{BOLD}{ROWS} rows of a content calendar, a local PostBoost, a real Airflow.{END} This takes a minute."
    )
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    first_day = datetime.now(UTC).date() + timedelta(days=1)
    with ExitStack() as stack:
        week, kill = (stack.enter_context(stage(name)) for name in ("week", "kill"))
        prepare_databases(week, kill)
        # Slow enough to be caught half way, and the answer to one create is lost on top.
        kill.ask(
            "faults",
            [
                {"operation": "create_post", "kind": "drop_after", "count": 1, "after": 4},
                {"operation": "create_post", "kind": "delay", "seconds": 0.3, "count": ROWS},
            ],
        )

        title("1. The DAG runs: check the token, publish, wait until every post is live, report")
        run = stack.enter_context(DagRun(week, "first", first_day))
        aside = stack.enter_context(KilledAndRepeated(kill, first_day))
        show(run)
        check(run.process.wait() == 0, "the run succeeded", run)
        check(sorted(week.posts()) == sorted(TEXTS), f"{ROWS} rows are {len(week.posts())} posts", run)

        again = stack.enter_context(DagRun(week, "second", first_day))
        title("2. The same DAG runs again")
        show(again, only="publish")
        check(again.process.wait() == 0, "the run succeeded", again)
        check(sorted(week.posts()) == sorted(TEXTS), "nothing went out twice", again)

        title("3. Elsewhere the DAG was killed half way (SIGKILL), and one answer of PostBoost's was lost")
        killed, reached, repeat = aside.wait()
        check(
            killed.process.wait() == -signal.SIGKILL, f"it was killed after {reached} of {ROWS} posts", killed
        )
        check(0 < reached < ROWS, "that is half way", killed)
        say("   It ran again:")
        show(repeat, only="publish")
        check(repeat.process.wait() == 0, "the run succeeded", repeat)
        check(
            sorted(kill.posts()) == sorted(TEXTS),
            f"{ROWS} rows are {ROWS} posts: none twice, none lost",
            repeat,
        )
    say("")
    say("What ran: dags_examples/publish_content_calendar.py with dags_examples/content_calendar.csv.")
    say("Next: docs/quickstart.md; `make sandbox` starts the local PostBoost for your own DAGs.")
    say(f"Demo passed: {ROWS} posts, each once, in {time.monotonic() - began:.0f} s")
    return 0


def show(run: DagRun, only: str | None = None) -> None:
    """Print what the tasks say, and leave out what Airflow says about itself."""
    task = ""
    for line in run.lines():
        if started := TASK_START.search(line):
            task = started[1]
            if only in (None, task):
                say(f"{BOLD}   {task}{END}")
        elif only in (None, task) and (said := message_of(line)):
            say(f"     {said}")


def message_of(line: str) -> str | None:
    entry = LOG_LINE.match(line)
    if entry is None:
        # What a task prints: the report's table.
        return line if "://" in line and line[:1].isalpha() else None
    level, event, logger = entry.groups()
    if "postboost_provider" not in logger or event.startswith(("Success criteria", "Done. Returned")):
        return None
    return event if level == "info" else f"{level}: {event}"


def check(holds: bool, what: str, run: DagRun) -> None:
    if not holds:
        tail = "\n".join(run.log.read_text(errors="replace").splitlines()[-30:])
        raise SystemExit(f"{RED}   ✗ not so: {what}{END}\nThe end of {run.log.relative_to(ROOT)}:\n{tail}")
    say(f"   ✓ {what}")


def title(text: str) -> None:
    say(f"\n{BOLD}{text}{END}")


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def stage(name: str) -> Iterator[Stage]:
    """Start a sandbox and describe an Airflow that knows it."""
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
            raise SystemExit("The sandbox did not start; the lines above say why.")
        sandbox = json.loads(line)
        connection = {
            "conn_type": "postboost",
            "host": sandbox["base_url"],
            "password": sandbox["tokens"]["member"],
            "extra": {"workspace_uuid": sandbox["workspaces"][0]["uuid"], "expires_on": "never"},
        }
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "POSTBOOST"))}
        made = Stage(name, home, sandbox, mine)
        made.env |= {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags_examples"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_POSTBOOST_DEFAULT": json.dumps(connection),
            "POSTBOOST_SANDBOX_CONTROL": made.control,
            "TMPDIR": str(home),
        }
        yield made
    finally:
        end(process)


def prepare_databases(first: Stage, *others: Stage) -> None:
    """Make Airflow's database once, and give each stage a copy."""
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, env=first.env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Airflow's database could not be made:\n{done.stdout}{done.stderr}")
    for other in others:
        shutil.copy(first.home / "airflow.db", other.home / "airflow.db")


def end(process: subprocess.Popen[Any]) -> None:
    """End a process group that this demo started, by its own pid."""
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
