"""Runs of a backfill, and runs that were due long ago: nothing old is published unless its author wants that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.post_actions import (
    PostBoostRetryPostOperator,
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import posts
from tests.failures import fails
from tests.operators.calendars import publish, row
from tests.operators.posting import SOON, run

NOW = {"publish": "now"}
QUEUE = {"publish": "queue"}
SCHEDULE = {"publish": "schedule", "publish_at": SOON, "timezone": "UTC"}
DRAFT = {"publish": "draft"}


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


def in_run(kind: str, days_ago: float = 0, **more: Any) -> dict[str, Any]:
    """Return the context of a task of a run of that kind, which was due some days ago."""
    due = datetime.now(UTC) - timedelta(days=days_ago)
    dag_run = SimpleNamespace(run_type=SimpleNamespace(value=kind), run_after=due, clear_number=0)
    return context(dag_run=dag_run, data_interval_end=due, logical_date=due, **more)


@pytest.mark.parametrize("options", [NOW, QUEUE, SCHEDULE], ids=["now", "queue", "schedule"])
def test_a_backfill_publishes_nothing_unless_told_to(sandbox: Sandbox, options: dict[str, Any]) -> None:
    ctx = in_run("backfill")
    with pytest.raises(AirflowSkipException, match="on_backfill"):
        run(ctx, **options)
    assert "uuid" not in ctx["pushed"]
    with fails(field="on_backfill", code="stale_run"):
        run(in_run("backfill"), on_backfill="fail", **options)
    assert posts(sandbox) == []
    assert run(in_run("backfill"), on_backfill="run", **options)["result"] == "created"
    # What is published is found, whatever on_backfill is.
    for choice in ("skip", "fail"):
        assert run(in_run("backfill"), on_backfill=choice, **options)["result"] == "adopted"
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("kind", ["scheduled", "manual", "operator_triggered", "asset_triggered"])
@pytest.mark.parametrize("options", [NOW, QUEUE], ids=["now", "queue"])
def test_a_run_of_long_ago_publishes_nothing_at_once(
    sandbox: Sandbox, options: dict[str, Any], kind: str
) -> None:
    with pytest.raises(AirflowSkipException, match="max_age"):
        run(in_run(kind, 1.1), **options)
    with fails(field="on_backfill", code="stale_run"):
        run(in_run(kind, 3), on_backfill="fail", **options)
    assert posts(sandbox) == []
    assert run(in_run(kind, 0.9), **options)["result"] == "created"
    assert run(in_run(kind, 3), **options)["result"] == "adopted"


def test_its_author_decides_how_old_a_run_may_be(sandbox: Sandbox) -> None:
    with pytest.raises(AirflowSkipException):
        run(in_run("scheduled", 0.5), max_age=3600, **NOW)
    assert run(in_run("scheduled", 3), max_age=timedelta(days=4), **NOW)["result"] == "created"
    later = {**NOW, "text": "Later", "idempotency_salt": "2"}
    assert run(in_run("scheduled", 900), on_backfill="run", **later)["result"] == "created"
    assert len(posts(sandbox)) == 2
    with fails(field="max_age"):
        run(max_age="a day")
    with fails(field="on_backfill"):
        run(on_backfill="no")


def test_a_dag_decides_for_all_of_its_tasks(sandbox: Sandbox) -> None:
    defaults = {"on_backfill": "run", "max_age": 60}
    for operator in (
        PostBoostCreatePostOperator(task_id="a", text="Hello", accounts=[1], default_args=defaults),
        PostBoostPublishCalendarOperator(task_id="b", rows=[], default_args=defaults),
        PostBoostSchedulePostOperator(task_id="c", post_uuid="p", default_args=defaults),
        PostBoostOperator(task_id="d", operation="list_tags", default_args=defaults),
    ):
        assert (operator.on_backfill, operator.max_age) == ("run", 60)


def test_a_time_of_its_own_and_a_draft_are_not_affected_by_age(sandbox: Sandbox) -> None:
    assert run(in_run("scheduled", 100), **SCHEDULE)["status"] == "scheduled"
    other = {"text": "Draft", "idempotency_salt": "2"}
    assert run(in_run("backfill", 100), **DRAFT, **other)["status"] == "draft"


@pytest.mark.parametrize("kind", ["manual", "operator_triggered", "dataset_triggered"])
def test_a_run_that_was_triggered_is_as_old_as_its_own_date(sandbox: Sandbox, kind: str) -> None:
    """Airflow 2 gives a manual run of a monthly DAG the interval that ended weeks ago."""
    ctx = in_run(kind)
    ctx["data_interval_end"] -= timedelta(days=30)
    assert run(ctx, **NOW)["result"] == "created"
    ctx = {**in_run(kind), "logical_date": None, "data_interval_end": None}
    assert run(ctx, **NOW)["result"] == "adopted"
    assert len(posts(sandbox)) == 1


def test_a_run_that_is_cleared_after_95_days_publishes_nothing(sandbox: Sandbox) -> None:
    assert run(in_run("scheduled"), **NOW)["result"] == "created"
    ctx = in_run("scheduled")
    sandbox.advance(95 * 86400)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=95), tick=True):
        ctx["ti"].try_number = 2
        # PostBoost has forgotten the post.
        with fails(field="on_unknown"):
            run(ctx, **NOW)
        with pytest.raises(AirflowSkipException, match="max_age"):
            run(ctx, on_unknown="publish", **NOW)
        # The first attempt of a task that was added to the DAG since.
        ctx["ti"].try_number = 1
        with pytest.raises(AirflowSkipException, match="max_age"):
            run(ctx, idempotency_salt="2", **NOW)
    assert len(posts(sandbox)) == 1


def test_the_rows_of_a_backfill_are_skipped_and_say_why(sandbox: Sandbox) -> None:
    rows = [row("a"), row("b", mode="queue"), row("c", mode="draft", publish_at="")]
    ctx = in_run("backfill")
    done = publish(rows, ctx)
    assert done["counts"] == {"created": 1, "skipped": 2}
    assert "backfill" in done["rows"][0]["why"]
    assert [p["status"] for p in posts(sandbox)] == ["draft"]
    ctx = in_run("backfill")
    with fails(code="bad_rows"):
        publish(rows, ctx, on_backfill="fail")
    assert ctx["pushed"]["return_value"]["counts"] == {"adopted": 1, "failed": 2}
    with pytest.raises(AirflowSkipException):
        publish(rows[:2], in_run("backfill"))
    assert publish(rows, in_run("backfill"), on_backfill="run")["counts"] == {"created": 2, "adopted": 1}
    assert publish(rows, in_run("backfill"))["counts"] == {"adopted": 3}


def test_the_rows_of_an_old_run_go_out_at_their_own_times_only(sandbox: Sandbox) -> None:
    rows = [row("a"), row("b", mode="queue"), row("c", mode="now")]
    done = publish(rows, in_run("scheduled", 3))
    assert [r["result"] for r in done["rows"]] == ["created", "skipped", "skipped"]
    assert "max_age" in done["rows"][1]["why"]
    assert publish(rows, in_run("scheduled"))["counts"] == {"created": 2, "adopted": 1}


def test_a_row_that_may_have_been_forgotten_is_a_failure_and_not_skipped(sandbox: Sandbox) -> None:
    """A backfill that is cleared after 95 days does not say that a row was never published."""
    ctx = in_run("backfill", 95)
    ctx["ti"].try_number = 2
    with fails(code="bad_rows"):
        publish([row("a")], ctx)
    assert "on_unknown" in ctx["pushed"]["return_value"]["rows"][0]["why"]
    with pytest.raises(AirflowSkipException):
        publish([row("a")], ctx, on_unknown="publish")
    assert posts(sandbox) == []


@pytest.mark.parametrize("options", [NOW, QUEUE, SCHEDULE], ids=["now", "queue", "schedule"])
def test_a_draft_of_an_earlier_attempt_is_not_published_either(
    sandbox: Sandbox, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = in_run("scheduled")
    monkeypatch.setenv("POSTBOOST_MODE", "draft")
    made = run(ctx, **options)
    monkeypatch.delenv("POSTBOOST_MODE")
    # Cleared by a backfill, in live mode.
    with pytest.raises(AirflowSkipException, match="on_backfill"):
        run(in_run("backfill"), **options)
    assert [p["status"] for p in posts(sandbox)] == ["draft"]
    assert run(in_run("backfill"), text="Edited", **DRAFT)["result"] == "updated"
    done = run(in_run("backfill"), text="Edited", on_backfill="run", **options)
    assert (done["uuid"], done["result"]) == (made["uuid"], "updated")
    assert [p["status"] for p in posts(sandbox)] != ["draft"]


def test_a_row_that_is_a_draft_is_not_published_either(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTBOOST_MODE", "draft")
    assert publish([row("a")], in_run("backfill"), on_backfill="run")["counts"] == {"created": 1}
    # Its words may change: it stays a draft.
    edited = [row("a", text="Edited")]
    assert publish(edited, in_run("backfill"))["counts"] == {"updated": 1}
    monkeypatch.delenv("POSTBOOST_MODE")
    with pytest.raises(AirflowSkipException):
        publish(edited, in_run("backfill"))
    assert [p["status"] for p in posts(sandbox)] == ["draft"]
    assert publish(edited, in_run("scheduled"))["counts"] == {"updated": 1}
    assert [p["status"] for p in posts(sandbox)] == ["scheduled"]


def test_in_draft_mode_an_old_run_makes_no_drafts_of_what_it_would_not_publish(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("POSTBOOST_MODE", "draft")
    with pytest.raises(AirflowSkipException, match="backfill"):
        run(in_run("backfill"), **NOW)
    with pytest.raises(AirflowSkipException):
        publish([row("a")], in_run("backfill"))
    assert posts(sandbox) == []


@pytest.mark.parametrize("how", ["now", "queue", "at"])
def test_an_old_run_does_not_publish_a_draft(sandbox: Sandbox, how: Any) -> None:
    uuid = run()["uuid"]
    at = {"publish_at": SOON, "timezone": "UTC"} if how == "at" else {}

    def act(ctx: dict[str, Any], **options: Any) -> Any:
        operator = PostBoostSchedulePostOperator(task_id="t", post_uuid=uuid, how=how, **at, **options)
        return operator.execute(ctx)  # type: ignore[arg-type]

    with pytest.raises(AirflowSkipException, match="on_backfill"):
        act(in_run("backfill"))
    with fails(field="on_backfill"):
        act(in_run("backfill"), on_backfill="fail")
    if how != "at":
        with pytest.raises(AirflowSkipException, match="max_age"):
            act(in_run("scheduled", 3))
    assert [p["status"] for p in posts(sandbox)] == ["draft"]
    done = act(in_run("backfill"), on_backfill="run")
    assert done["status"] != "draft"
    assert act(in_run("backfill"))["uuid"] == uuid


def test_an_old_run_does_not_publish_a_draft_by_changing_it(sandbox: Sandbox) -> None:
    uuid = run()["uuid"]

    def change(changes: dict[str, Any], **options: Any) -> Any:
        operator = PostBoostUpdatePostOperator(task_id="t", post_uuid=uuid, changes=changes, **options)
        return operator.execute(in_run("backfill"))  # type: ignore[arg-type]

    with pytest.raises(AirflowSkipException, match="on_backfill"):
        change({"queue": True})
    assert change({"text": "Edited"})["status"] == "draft"
    assert change({"queue": True}, on_backfill="run")["status"] == "scheduled"
    assert change({"text": "Edited again"})["status"] == "scheduled"


def test_a_backfill_does_not_send_a_failed_post_again(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = run(**SCHEDULE)["uuid"]
    sandbox.advance(3 * 86400)
    retry = lambda **o: PostBoostRetryPostOperator(task_id="t", post_uuid=uuid, **o).execute(  # type: ignore[arg-type]
        in_run("backfill")
    )
    with pytest.raises(AirflowSkipException):
        retry()
    assert retry(on_backfill="run") == ["twitter:northwind"]


def test_any_operation_that_publishes_is_not_sent(sandbox: Sandbox) -> None:
    version = {"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}
    body = {"versions": [version], "accounts": [1], "tags": []}

    def create(ctx: dict[str, Any], **more: Any) -> Any:
        options = {"on_backfill": more.pop("on_backfill", "skip")}
        operator = PostBoostOperator(task_id="t", operation="create_post", body={**body, **more}, **options)
        return operator.execute(ctx)  # type: ignore[arg-type]

    for ctx in (in_run("backfill"), in_run("scheduled", 3)):
        with pytest.raises(AirflowSkipException):
            create(ctx, schedule_now=True)
    assert posts(sandbox) == []
    made = create(in_run("backfill"), schedule_now=True, on_backfill="run")
    assert create(in_run("backfill"), schedule_now=True)["uuid"] == made["uuid"]
    tag = PostBoostOperator(task_id="tag", operation="create_tag", body={"name": "a", "hex_color": "#112233"})
    assert tag.execute(in_run("backfill", 100))["name"] == "a"  # type: ignore[arg-type]
