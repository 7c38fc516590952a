"""Two runs of a calendar at the same time: an older state of its file never replaces a newer one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import posts
from tests.failures import fails
from tests.operators.calendars import SOON, publish


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> None:
    use_connection(monkeypatch, sandbox)
    mocker.patch("postboost_provider.api.client.time.sleep")


def interrupted(path: Path, meanwhile: Callable[[], object], **options: Any) -> dict[str, Any]:
    """Publish a calendar; something happens once its file was read, and before the activity log is."""
    operator = PostBoostPublishCalendarOperator(task_id="publish", rows=str(path), **options)
    connect = operator.client

    def client() -> Any:
        meanwhile()
        return connect()

    operator.client = client  # type: ignore[method-assign]
    return operator.execute(context())  # type: ignore[arg-type]


def write(path: Path, text: str) -> Path:
    path.write_text(f"key,publish_at,timezone,accounts,text\na,{SOON},UTC,1,{text}\n", encoding="utf-8")
    return path


def test_a_file_that_was_edited_and_published_by_another_run_meanwhile_stays_so(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = write(tmp_path / "calendar.csv", "Older")

    def edit_and_publish() -> None:
        assert publish(str(write(path, "Newer")))["counts"] == {"created": 1}

    assert interrupted(path, edit_and_publish)["counts"] == {"adopted": 1}
    assert [p["text"] for p in posts(sandbox)] == ["Newer"]


def test_a_file_that_breaks_meanwhile_sends_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write(tmp_path / "calendar.csv", "Older")
    with fails(word=path.name):
        interrupted(path, path.unlink)
    with fails(word="invalid"):
        interrupted(write(path, "Older"), lambda: write(path, ""), on_row_error="fail_fast")
    assert posts(sandbox) == []
