from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "refresh_operations.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.fixture(scope="module")
def rows(script: dict[str, Any]) -> list[dict[str, Any]]:
    return script["read_sdk"]()


def test_the_table_is_what_the_official_sdk_says(script, rows):
    assert script["TABLE"] == ROOT / "postboost_provider" / "api" / "operations.json"
    assert script["render"](rows) == script["TABLE"].read_text(), "run python scripts/refresh_operations.py"


def test_the_sdk_has_222_operations_13_with_a_key_and_no_name_twice(rows):
    assert len(rows) == 222
    assert sum(row["idempotency_key"] for row in rows) == 13
    assert len({row["operation"] for row in rows}) == 222


@pytest.mark.parametrize("drift, code", [("", 0), (" ", 1)])
def test_the_check_fails_on_drift_and_changes_nothing(
    script, rows, monkeypatch, tmp_path, capsys, drift, code
):
    table = tmp_path / "operations.json"
    table.write_text(script["render"](rows) + drift)
    main = script["main"]
    monkeypatch.setitem(main.__globals__, "TABLE", table)
    monkeypatch.setitem(main.__globals__, "read_sdk", lambda: rows)
    monkeypatch.setattr(sys, "argv", ["refresh_operations.py", "--check"])
    assert main() == code
    assert table.read_text() == script["render"](rows) + drift
    assert ("operations.json" in capsys.readouterr().out) == bool(code)


def test_without_check_the_table_is_written(script, rows, monkeypatch, tmp_path):
    table = tmp_path / "operations.json"
    main = script["main"]
    monkeypatch.setitem(main.__globals__, "TABLE", table)
    monkeypatch.setitem(main.__globals__, "read_sdk", lambda: rows)
    monkeypatch.setattr(sys, "argv", ["refresh_operations.py"])
    assert main() == 0
    assert table.read_text() == script["render"](rows)
