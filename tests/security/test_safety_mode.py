"""Operators and sensors in the safety modes, end to end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.post_actions import (
    PostBoostDeletePostOperator,
    PostBoostRetryPostOperator,
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sensors.posts import PostBoostPostSensor
from postboost_provider.triggers.posts import PostBoostPostTrigger
from tests.airflow_stubs import context, use_connection
from tests.clients import posts
from tests.deferrals import first_event, run_to_end
from tests.failures import fails
from tests.operators.calendars import publish, row
from tests.operators.posting import SOON, run

PUBLISH: list[dict[str, Any]] = [
    {"publish": "now"},
    {"publish": "queue"},
    {"publish": "schedule", "publish_at": SOON, "timezone": "UTC"},
]
NAMES = ["now", "queue", "schedule"]
PNG = Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png"


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Any:
    """Set the mode of the connection."""
    return lambda mode: use_connection(monkeypatch, sandbox, mode=mode)


def execute(operator: Any) -> Any:
    return run_to_end(lambda: operator, context())


def writes(sandbox: Sandbox) -> list[str]:
    names = [str(r["operation"]) for r in sandbox.requests() if r["method"] != "GET"]
    return [name for name in names if name != "validate_post"]


def statuses(sandbox: Sandbox) -> list[str]:
    return [p["status"] for p in posts(sandbox)]


@pytest.mark.parametrize("options", PUBLISH, ids=NAMES)
def test_a_post_is_a_draft_and_published_once_the_mode_is_live(
    sandbox: Sandbox, switch: Any, options: dict[str, Any]
) -> None:
    switch("draft")
    made = run(**options)
    assert (made["result"], made["status"], made["scheduled_at"]) == ("created", "draft", None)
    assert run(**options)["result"] == "adopted"
    assert run(text="Edited", **options)["result"] == "updated"
    assert [(p["status"], p["text"]) for p in posts(sandbox)] == [("draft", "Edited")]
    switch("live")
    done = run(text="Edited", **options)
    assert (done["uuid"], done["result"]) == (made["uuid"], "updated")
    assert len(posts(sandbox)) == 1
    assert statuses(sandbox) != ["draft"]


@pytest.mark.parametrize("mode", ["draft", "check"])
@pytest.mark.parametrize("options", PUBLISH, ids=NAMES)
def test_what_is_published_in_live_mode_is_neither_changed_nor_published_again(
    sandbox: Sandbox, switch: Any, options: dict[str, Any], mode: str
) -> None:
    switch("live")
    made = run(**options)
    before = writes(sandbox)
    switch(mode)
    if mode == "draft":
        assert run(**options)["uuid"] == made["uuid"]
    else:
        with pytest.raises(AirflowSkipException):
            run(**options)
    if options["publish"] == "schedule":
        with pytest.raises(AirflowSkipException):
            run(text="Edited", **options)
    assert [p["text"] for p in posts(sandbox)] == ["Hello"]
    assert writes(sandbox) == before


@pytest.mark.parametrize("options", PUBLISH, ids=NAMES)
def test_in_check_mode_a_post_is_checked_and_the_task_is_skipped(
    sandbox: Sandbox, switch: Any, options: dict[str, Any]
) -> None:
    switch("check")
    ctx = context()
    with pytest.raises(AirflowSkipException, match="check"):
        run(ctx, media=[str(PNG)], tags=["new"], wait_for_completion=True, **options)
    assert writes(sandbox) == []
    assert "uuid" not in ctx["pushed"]
    with fails(field="text"):
        run(text="x" * 3000, **options)
    assert posts(sandbox) == []


def test_the_environment_makes_it_stricter_and_never_looser(
    sandbox: Sandbox, switch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch("live")
    monkeypatch.setenv("POSTBOOST_MODE", "draft")
    assert run(publish="now")["status"] == "draft"
    monkeypatch.setenv("POSTBOOST_MODE", "Check")
    with pytest.raises(AirflowSkipException, match="POSTBOOST_MODE"):
        run(publish="now")
    switch("check")
    monkeypatch.setenv("POSTBOOST_MODE", "live")
    with pytest.raises(AirflowSkipException, match="postboost_default"):
        run(publish="now")
    monkeypatch.setenv("POSTBOOST_MODE", "chek")
    with fails(field="POSTBOOST_MODE", code="unknown_mode"):
        run(publish="now")
    assert statuses(sandbox) == ["draft"]


@pytest.mark.parametrize("deferrable", [False, True])
def test_nobody_waits_for_a_draft(sandbox: Sandbox, switch: Any, deferrable: bool) -> None:
    switch("draft")
    ctx = context()
    with pytest.raises(AirflowSkipException, match="draft"):
        run(ctx, publish="now", wait_for_completion=True, deferrable=deferrable)
    (post,) = posts(sandbox)
    assert ctx["pushed"]["uuid"] == post["uuid"]
    for uuids in ([post["uuid"]], []):
        with pytest.raises(AirflowSkipException):
            execute(PostBoostPostSensor(task_id="wait", post_uuids=uuids, deferrable=deferrable))


def test_in_live_mode_a_sensor_of_nothing_succeeds(switch: Any) -> None:
    switch("live")
    assert execute(PostBoostPostSensor(task_id="wait", post_uuids=[])) == []


def test_a_wait_that_starts_in_the_triggerer_is_skipped_too(sandbox: Sandbox, switch: Any) -> None:
    switch("draft")
    uuid = run(publish="now")["uuid"]
    for uuids in ([uuid], []):
        payload = asyncio.run(first_event(PostBoostPostTrigger(post_uuids=uuids, timeout=5, poll_interval=1)))
        with pytest.raises(AirflowSkipException, match="draft"):
            PostBoostPostSensor(task_id="wait", post_uuids=uuids).execute_complete(context(), payload)  # type: ignore[arg-type]


def test_a_calendar_becomes_drafts_and_is_published_once_the_mode_is_live(
    sandbox: Sandbox, switch: Any
) -> None:
    rows = [row("a"), row("b", mode="queue"), row("c", mode="draft", publish_at="")]
    switch("draft")
    for result in ("created", "adopted"):
        done = publish(rows)
        assert done["counts"] == {result: 3}
        assert done["post_uuids"] == []
    assert statuses(sandbox) == ["draft"] * 3
    switch("live")
    assert publish(rows)["counts"] == {"adopted": 1, "updated": 2}
    assert sorted(statuses(sandbox)) == ["draft", "scheduled", "scheduled"]
    switch("draft")
    assert publish(rows)["counts"] == {"adopted": 3}
    edited = [row("a", text="Edited"), *rows[1:]]
    done = publish(edited)
    assert done["counts"] == {"adopted": 2, "skipped": 1}
    assert "mode" in done["rows"][0]["why"]
    assert len(posts(sandbox)) == 3
    assert "Edited" not in [p["text"] for p in posts(sandbox)]


def test_in_check_mode_a_calendar_is_checked_and_the_task_is_skipped(sandbox: Sandbox, switch: Any) -> None:
    switch("check")
    ctx = context()
    with pytest.raises(AirflowSkipException, match="check"):
        publish([row("a"), row("b", tags="new")], ctx)
    assert writes(sandbox) == []
    assert ctx["pushed"]["post_uuids"] == []
    assert ctx["pushed"]["return_value"]["counts"] == {"skipped": 2}
    with fails():
        publish([row("a"), row("b", text="x" * 3000)])
    assert posts(sandbox) == []


def scheduled(**options: Any) -> dict[str, Any]:
    return run(publish="schedule", publish_at=SOON, timezone="UTC", **options)


ACTIONS: dict[str, Any] = {
    "now": lambda uuid: PostBoostSchedulePostOperator(task_id="t", post_uuid=uuid, how="now"),
    "queue": lambda uuid: PostBoostSchedulePostOperator(task_id="t", post_uuid=uuid, how="queue"),
    "any": lambda uuid: PostBoostOperator(
        task_id="t", operation="schedule_post", parameters={"post_uuid": uuid}, body={"postNow": True}
    ),
    "delete": lambda uuid: PostBoostDeletePostOperator(
        task_id="t", post_uuids=uuid, delete_mode="app_and_social"
    ),
}


@pytest.mark.parametrize("mode", ["draft", "check"])
@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_that_reaches_the_public_is_skipped(
    sandbox: Sandbox, switch: Any, name: str, mode: str
) -> None:
    switch("live")
    uuid = run()["uuid"]
    before = writes(sandbox)
    switch(mode)
    with pytest.raises(AirflowSkipException, match=mode):
        execute(ACTIONS[name](uuid))
    assert statuses(sandbox) == ["draft"]
    assert writes(sandbox) == before


def test_an_update_changes_drafts_only(sandbox: Sandbox, switch: Any) -> None:
    switch("live")
    draft, planned = run()["uuid"], scheduled(idempotency_salt="2", text="Planned")["uuid"]
    edit = lambda uuid: PostBoostUpdatePostOperator(task_id="t", post_uuid=uuid, changes={"text": "Edited"})
    switch("draft")
    assert execute(edit(draft))["status"] == "draft"
    with pytest.raises(AirflowSkipException):
        execute(edit(planned))
    switch("check")
    with pytest.raises(AirflowSkipException):
        execute(edit(draft))
    assert sorted(p["text"] for p in posts(sandbox)) == ["Edited", "Planned"]


def test_a_failed_post_is_not_sent_again(sandbox: Sandbox, switch: Any) -> None:
    switch("live")
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = scheduled()["uuid"]
    sandbox.advance(3 * 86400)
    assert statuses(sandbox) == ["failed"]
    before = writes(sandbox)
    switch("draft")
    with pytest.raises(AirflowSkipException):
        execute(PostBoostRetryPostOperator(task_id="t", post_uuid=uuid))
    assert writes(sandbox) == before


def test_any_operation_that_creates_a_post_creates_a_draft(sandbox: Sandbox, switch: Any) -> None:
    version = {"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}
    body = {"versions": [version], "accounts": [1], "tags": [], "schedule_now": True}
    create = lambda: PostBoostOperator(task_id="t", operation="create_post", body=body)
    switch("draft")
    assert execute(create())["status"] == "draft"
    switch("live")
    # What it has created is not what its author asked for, and it does not create a second post unasked.
    with fails(code="other_body"):
        execute(create())
    sandbox.advance(2 * 86400)
    later = datetime.now(UTC) + timedelta(days=2)
    with time_machine.travel(later, tick=True), fails(code="other_body"):
        execute(create())
    assert statuses(sandbox) == ["draft"]
