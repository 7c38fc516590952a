"""A user's type checker accepts what the README, the docs and the examples show, as far as Airflow's own types let it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.test_docs import PAGES, ROOT, blocks

# Airflow's types: what a task returned is an XComArg, also where another @task function or a mapped task gets it, and the
# operators of @task.postboost are functions with the arguments of their body.
AIRFLOWS_OWN = re.compile(
    r"""Argument 1 has incompatible type "XComArg"; expected "list\[|Too few arguments  \[call-arg\]"""
    r"""|publish_content_calendar.py:\d+: error: Value of type "XComArg" is not indexable"""
)
IDIOMS = """
from typing import Any

from airflow.sdk import DAG, task

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

with DAG("idioms", schedule=None):

    @task
    def read_rows() -> list[dict[str, Any]]:
        return []

    @task
    def write() -> str:
        return "text"

    publish = PostBoostPublishCalendarOperator(task_id="publish", rows=read_rows())
    PostBoostPostSensor(task_id="all", post_uuids=publish.output["post_uuids"])
    post = PostBoostCreatePostOperator(task_id="post", text=write(), accounts=write(), media=publish.output)
    PostBoostPostSensor(task_id="one", post_uuids=[post.output["uuid"]])
"""


def check(*files: Path) -> list[str]:
    """Return mypy's errors in these files."""
    options = ("--python-version=3.11", "--check-untyped-defs", "--no-error-summary", "--hide-error-context")
    quiet = (
        "--ignore-missing-imports",
        "--follow-imports=silent",
        "--config-file=",
        f"--cache-dir={ROOT}/.mypy_cache",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *quiet, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_a_type_checker_accepts_the_docs_and_the_examples_and_still_finds_a_mistake(tmp_path: Path) -> None:
    files = [*(ROOT / "dags_examples").glob("*.py"), tmp_path / "idioms.py", tmp_path / "mistake.py"]
    (tmp_path / "idioms.py").write_text(IDIOMS)
    (tmp_path / "mistake.py").write_text(IDIOMS.replace('post_uuids=[post.output["uuid"]]', "post_uuids=7"))
    for page in PAGES:
        if code := "\n".join(blocks(page, "python")):
            files.append(tmp_path / f"{page.stem.replace('-', '_').lower()}_page.py")
            files[-1].write_text(code.replace("from __future__ import annotations\n", ""))
    found = check(*files)
    assert len([line for line in found if "mistake.py" in line]) == 1
    assert [line for line in found if "mistake.py" not in line and not AIRFLOWS_OWN.search(line)] == []
