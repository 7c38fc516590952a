"""The docs are true: code blocks run, tables are those of the code."""

from __future__ import annotations

import ast
import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from postboost_provider import __version__
from postboost_provider.api import errors
from postboost_provider.api.operations import load_operations
from postboost_provider.calendar.csv import COLUMNS, read_csv, read_rows
from postboost_provider.calendar.report import RESULTS
from postboost_provider.connection import form as connection_form
from postboost_provider.connection.assumptions import ASSUMPTIONS, NOT_PROVED
from postboost_provider.sandbox.core.settings import Settings
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.analytics import COLUMNS as ANALYTICS
from tests.airflow_stubs import use_connection

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def name(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name)
def test_python_blocks_run_from_top_to_bottom(
    page: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_connection(monkeypatch, sandbox)
    # The quick start writes a file.
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "docs"}
    with DAG("docs", schedule=None):
        for text in blocks(page, "python"):
            exec(compile(text, page.name, "exec"), namespace)


def test_every_block_says_what_it_is() -> None:
    kinds = {kind for page in PAGES for kind, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert kinds <= {"python", "json", "csv", "bash", "text"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_json_blocks_are_connections_that_can_be_read(page: Path) -> None:
    for text in blocks(page, "json"):
        connection_form.read_extras(json.loads(text)["extra"], page.name)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_calendars_in_the_docs_have_no_bad_row(page: Path) -> None:
    for text in blocks(page, "csv"):
        assert not [
            row.problems for row in read_rows(read_csv(text.encode(), page.name), None) if row.problems
        ]


def test_every_example_is_in_the_readme_and_every_operator_and_sensor_on_a_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [p.stem for p in (ROOT / "dags_examples").glob("*.py") if f"[{p.stem}]" not in readme] == []
    pages = readme + "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs").glob("*.md"))
    public = {
        found
        for kind in ("operators", "sensors")
        for module in (ROOT / "postboost_provider" / kind).glob("*.py")
        for found in re.findall(r"^class (PostBoost\w+)", module.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {found for found in public if found not in pages} == set()


def test_the_page_of_backfills_has_a_row_for_every_operator_and_sensor() -> None:
    text = (ROOT / "docs" / "backfills.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    classes = {
        found
        for kind in ("operators", "sensors")
        for module in (ROOT / "postboost_provider" / kind).glob("*.py")
        for found in re.findall(r"^class (PostBoost\w+)", module.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = [found for cell in cells for found in re.findall(r"`(PostBoost\w+)`", cell)]
    assert sorted(named) == sorted(classes)


def test_the_quick_start_shows_the_example_as_it_is() -> None:
    example = (ROOT / "dags_examples" / "token_guard.py").read_text(encoding="utf-8")
    assert example in blocks(ROOT / "docs" / "quickstart.md", "python")


def test_the_calendar_of_the_quick_start_is_published_within_minutes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (text,) = (
        text
        for text in blocks(ROOT / "docs" / "quickstart.md", "python")
        if "calendar.csv" in text and "write_text" in text
    )
    exec(compile(text, "quickstart.md", "exec"), {})
    rows = read_rows(read_csv((tmp_path / "calendar.csv").read_bytes(), "calendar.csv"), None)
    now = datetime.now(UTC)
    assert [row.problems for row in rows] == [(), ()]
    assert all(now < row.post.publish_at < now + timedelta(minutes=10) for row in rows if row.post.publish_at)
    assert all(row.post.publish_at for row in rows)


def test_the_workspace_jobs_are_those_of_the_example_that_is_run() -> None:
    example = statements((ROOT / "dags_examples" / "workspace_jobs.py").read_text(encoding="utf-8"))
    shown = statements("".join(blocks(ROOT / "docs" / "workspace.md", "python")))
    assert shown - example == set()
    assert {task for task in example if "PostBoostOperator(" in task} <= shown


def statements(text: str) -> set[str]:
    """Return what a module or a page says, however it is laid out."""
    body = ast.parse(text).body
    inside = [each for block in body if isinstance(block, ast.With) for each in block.body]
    return {ast.unparse(each) for each in (*body, *inside) if not isinstance(each, ast.With)}


def test_the_table_of_the_connection_is_the_form() -> None:
    form = connection_form
    meanings = {
        "host": f"Blank: `{form.PLACEHOLDERS['host']}`.",
        "password": "The only place for the token: Airflow masks and encrypts it.",
    }
    rows = [(form.RELABELING[n], n, meaning, form.PLACEHOLDERS[n]) for n, meaning in meanings.items()]
    rows += [(field.label, field.name, field.description, field.placeholder) for field in form.FIELDS]
    lines = [f"| {label} (`{name}`) | {meaning} | `{example}` |" for label, name, meaning, example in rows]
    table = "\n".join(["| field | meaning | example |", "| --- | --- | --- |", *lines])
    assert table in (ROOT / "docs" / "connection.md").read_text(encoding="utf-8")


def test_the_table_of_the_assumptions_is_that_of_the_proof() -> None:
    page = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
    for each in (*ASSUMPTIONS, *NOT_PROVED):
        switches = ", ".join(f"`{switch}`" for switch in each.switches)
        assert f"| `{each.name}` | {each.expected} | {each.otherwise} | {switches or '-'} |" in page
    assert len(re.findall(r"^\| `\w+` \| .+ \| .+ \| .+ \|$", page, re.MULTILINE)) == len(
        (*ASSUMPTIONS, *NOT_PROVED)
    )


def test_every_switch_of_the_sandbox_belongs_to_an_assumption_or_is_no_question_of_the_client() -> None:
    """Sizes, speeds and amounts differ from PostBoost's without any effect but on how long something takes."""
    named = {switch for each in (*ASSUMPTIONS, *NOT_PROVED) for switch in each.switches}
    amounts = re.compile(r".*(_seconds|_bytes|_limit|_cap|_credits|_anywhere|_per_minute|_size|_depth)$")
    results = {
        *("ai_image_pool", "ai_unlimited", "approval_required_for", "report_exports", "repurpose_result"),
        *("reseller_clients", "webhook_private_urls", "x_enforced"),
    }
    left = {s for s in Settings.__dataclass_fields__ if not amounts.fullmatch(s)} - named - results
    assert left == set()


def test_every_error_is_explained() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    kinds = [e for e in errors.__all__ if e not in ("PostBoostError", "PostBoostRequestError")]
    assert [e for e in kinds if f"| `{e}` |" not in page] == []
    assert all(inspect.getdoc(getattr(errors, e)) for e in errors.__all__)


def test_every_column_and_every_result_of_a_calendar_is_explained() -> None:
    page = (ROOT / "docs" / "content-calendar.md").read_text(encoding="utf-8")
    assert [c for c in (*COLUMNS, *RESULTS) if f"| `{c}` |" not in page] == []


@pytest.mark.parametrize("kind", ANALYTICS)
def test_every_column_of_the_analytics_is_explained_in_its_order(kind: str) -> None:
    page = (ROOT / "docs" / "analytics.md").read_text(encoding="utf-8")
    section = page.split(f"### {kind}\n")[1].split("\n### ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \| [\w ]+ \| .+ \|$", section, re.MULTILINE)) == ANALYTICS[kind]


def test_every_switch_of_the_sandbox_is_explained() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert [s for s in Settings.__dataclass_fields__ if f"| `{s}` |" not in page] == []


def test_the_docs_count_the_operations() -> None:
    # What the changelog says was true of its version.
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    counted = [int(found) for text in texts for found in re.findall(r"(\d+) API operations", text)]
    assert counted
    assert set(counted) == {len(load_operations())}


def test_make_targets_in_the_docs_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"make (\w+)\b", "\n".join(blocks(page, "bash"))):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
