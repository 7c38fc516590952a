"""A calendar of which nothing was sent says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client, posts
from tests.failures import fails
from tests.operators.calendars import publish, row

FAR = (datetime.now(UTC) + timedelta(days=200)).strftime("%Y-%m-%d %H:%M")
PAST = "2020-01-01 10:00"


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


@pytest.mark.parametrize(
    "rows", [[], [row(publish_at=PAST)], [row(publish_at=FAR), row("b", publish_at=PAST)]]
)
def test_the_task_is_skipped_with_its_report(rows: list[dict[str, Any]]) -> None:
    ctx = context()
    with pytest.raises(AirflowSkipException):
        publish(rows, ctx)
    assert ctx["pushed"]["post_uuids"] == []
    assert [r["result"] for r in ctx["pushed"]["return_value"]["rows"]] == ["skipped"] * len(rows)


def test_it_is_green_or_fails_where_its_author_wants_that() -> None:
    ctx = context()
    assert publish([row(publish_at=PAST)], ctx, on_nothing_sent="warn")["counts"] == {"skipped": 1}
    ctx = context()
    with fails(field="on_nothing_sent", code="nothing_sent"):
        publish([row(publish_at=PAST)], ctx, on_nothing_sent="fail")
    assert ctx["pushed"]["return_value"]["counts"] == {"skipped": 1}
    with fails(field="on_nothing_sent"):
        publish([row()], on_nothing_sent="never")


def test_a_post_that_is_created_or_found_is_something(sandbox: Sandbox) -> None:
    rows = [row(), row("b", publish_at=PAST)]
    for result in ("created", "adopted"):
        assert publish(rows, on_nothing_sent="fail")["counts"] == {result: 1, "skipped": 1}
    with client(sandbox) as api:
        where = {"post_uuid": posts(sandbox)[0]["uuid"]}
        api.send("delete_post", parameters=where, body={"trash": False})
    with pytest.raises(AirflowSkipException):
        publish(rows)


def test_what_its_author_accepts_is_no_failure() -> None:
    assert publish([row(text="x" * 3000)], on_row_error="ignore")["counts"] == {"failed": 1}
    assert publish([row()], dry_run=True, on_nothing_sent="fail")["counts"] == {"skipped": 1}
