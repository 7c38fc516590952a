"""The workflows run what the Makefile has, with no more rights than they need."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[0].split())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(workflow: dict[str, Any]) -> list[str]:
    """Return each command with each combination of its job's matrix."""
    found = []
    for job in workflow["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        for values in itertools.product(*matrix.values()):
            for command in (step["run"] for step in job["steps"] if "run" in step):
                for name, value in zip(matrix, values, strict=True):
                    command = command.replace(f"${{{{ matrix.{name} }}}}", value)
                found.append(command)
    return found


def test_the_make_targets_that_workflows_name_exist() -> None:
    named = {
        target
        for path in WORKFLOWS
        for command in commands(load(path))
        for target in re.findall(r"\bmake (\S+)", command)
    }
    assert named <= TARGETS, named - TARGETS
    assert {"test", "matrix-one", "demo", "live", "fuzz", "docs", "installed", "audit", "sbom"} <= named
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in TARGETS)


def test_the_matrix_is_that_of_the_package() -> None:
    jobs = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    (older,) = re.findall(r"^OLDER := (.+)$", MAKEFILE, re.MULTILINE)
    assert jobs["airflow"]["strategy"]["matrix"]["airflow"] == older.split()
    classifiers = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pythons = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', classifiers)
    assert jobs["test"]["strategy"]["matrix"]["python"] == pythons


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_its_jobs_end(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow["on"]
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    for step in steps(workflow):
        assert re.search(r"@(v\d+|release/v\d+)$", step.get("uses", "@v0")), step
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        # What others can name, such as a branch or a title, must not become part of a script.
        assert set(re.findall(r"\$\{\{ (\w+)\.", step.get("run", ""))) <= {"matrix"}, step


def test_only_the_release_may_sign_and_only_its_last_job_publishes() -> None:
    rights = {
        (path.stem, name): set(job.get("permissions", {})) - {"contents"}
        for path in WORKFLOWS
        for name, job in load(path)["jobs"].items()
    }
    assert {job: right for job, right in rights.items() if right} == {
        ("release", "build"): {"id-token", "attestations"},
        ("release", "publish"): {"id-token"},
    }


def test_dependabot_knows_its_ecosystems() -> None:
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}
