from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.api.operations import load_operations
from tests.test_package import PUBLIC

SCRIPT = Path(__file__).parents[2] / "scripts" / "refresh_operations_page.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def test_the_page_is_what_the_table_says(script: dict[str, Any]) -> None:
    assert script["render"]() == script["PAGE"].read_text(), "run python scripts/refresh_operations_page.py"


def test_every_operation_has_a_row(script: dict[str, Any]) -> None:
    lines = script["render"]().splitlines()
    assert [
        name for name in load_operations() if sum(line.startswith(f"| `{name}`") for line in lines) != 1
    ] == []


def test_what_is_named_as_an_operator_is_one(script: dict[str, Any]) -> None:
    public = {name for names in PUBLIC.values() for name in names}
    assert set(script["OPERATORS"].values()) <= public
    # What no single operation stands for: any of them, many posts, and a token that the API can't make.
    others = {"PostBoostOperator", "PostBoostPublishCalendarOperator", "PostBoostRotateTokenOperator"}
    tasks = {name for name in public if name.endswith(("Operator", "Sensor"))}
    assert tasks - others - set(script["OPERATORS"].values()) == {"PostBoostTokenExpirySensor"}
    assert set(script["OPERATORS"]) <= set(load_operations())


@pytest.mark.parametrize("drift, code", [("", 0), (" ", 1)])
def test_the_check_fails_on_drift_and_changes_nothing(script, monkeypatch, tmp_path, capsys, drift, code):
    page = tmp_path / "operations.md"
    page.write_text(script["render"]() + drift)
    monkeypatch.setitem(script["main"].__globals__, "PAGE", page)
    monkeypatch.setattr("sys.argv", ["refresh_operations_page.py", "--check"])
    assert script["main"]() == code
    assert page.read_text() == script["render"]() + drift
    assert bool(capsys.readouterr().out) == bool(code)
