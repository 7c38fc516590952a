"""One Airflow for all of these tests; when one fails, it shows what Airflow said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.live.running import RunningAirflow

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "dags_examples"


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, sandbox_server: Sandbox) -> Iterator[RunningAirflow]:
    home = tmp_path_factory.mktemp("live")
    dags = home / "dags"
    shutil.copytree(HERE / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(EXAMPLES / "approved_announcement.py", dags)
    with RunningAirflow(home, dags) as airflow:
        airflow.connect(sandbox_server)
        yield airflow


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    airflow = getattr(item, "funcargs", {}).get("airflow")
    if report.failed and airflow is not None:
        report.sections.append(("the ends of Airflow's logs", airflow.tails()))
    return report


KILLS = pytest.StashKey[list[tuple[str, ...]]]()
HEAD = ("killed", "DAG", "kills", "runs", "posts", "duplicates", "losses", "failed runs")


@pytest.fixture(scope="session")
def kills_table(request: pytest.FixtureRequest) -> list[tuple[str, ...]]:
    """Collect the rows of the table that ends the run."""
    return request.config.stash.setdefault(KILLS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash.get(KILLS, []):
        totals = [str(sum(int(row[column]) for row in rows)) for column in range(2, len(HEAD))]
        for row in (HEAD, ("---",) * len(HEAD), *rows, ("all", "", *totals)):
            terminalreporter.write_line(f"| {' | '.join(row)} |")
