"""Waits in a real triggerer: they start without a worker where they may, and end like those of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.clients import client
from tests.live.running import Run, RunningAirflow

pytestmark = pytest.mark.live

HOUR = 3600
# Whether a worker sends the first poll, by the task id of the wait.
WAITS = {"poked": True, "deferred": True, "triggered": False, "triggered_by_template": False}


def make(sandbox: Sandbox, text: str, **more: Any) -> str:
    content = [{"body": text, "media": []}]
    versions = [{"account_id": 0, "is_original": True, "content": content}]
    with client(sandbox) as api:
        return str(api.call("create_post", body={"versions": versions, "accounts": [1, 2], **more})["uuid"])


@pytest.fixture
def blocking_polls_fail(airflow: RunningAirflow) -> Iterator[None]:
    """Have a triggerer where each synchronous call of Airflow's SDK in the event loop raises."""
    airflow.end_triggerer()
    airflow.start_triggerer(AIRFLOW_DISABLE_GREENBACK_PORTAL="true")
    yield
    airflow.end_triggerer()
    airflow.start_triggerer()


def test_every_way_of_waiting_gives_the_same(airflow: RunningAirflow, sandbox: Sandbox) -> None:
    sandbox.reset(publish_seconds=HOUR)
    sandbox.faults({"kind": "fail_account", "account_id": 2, "message": "The session is invalid."})
    uuids = [make(sandbox, text, schedule_now=True) for text in ("A", "B")]
    draft = make(sandbox, "C")
    run = airflow.trigger("waits", uuids=uuids, draft=draft)

    for task_id, has_worker in WAITS.items():
        ti = run.wait(task_id, "deferred" if task_id != "poked" else "running")
        assert bool(ti["hostname"]) == has_worker, task_id
    run.wait_until_heard("deferred")
    for index in range(2):
        for task_id in ("mapped", "created"):
            run.wait(task_id, "deferred", map_index=index)
            run.wait_until_heard(task_id, index)
    run.wait("late", "failed")
    log = run.log("late")
    assert "AirflowSensorTimeout" in log
    assert f"post {draft} is a draft" in log

    sandbox.advance(HOUR)
    assert run.wait_to_end() == "failed"
    for task_id in WAITS:
        assert run.task(task_id)["state"] == "success"
        result = run.result(task_id)
        assert [post["uuid"] for post in result] == uuids
        assert result == run.result("poked")
        assert [a["status"] for a in result[0]["accounts"]] == ["published", "failed"]
    for index in range(2):
        assert run.result("mapped", index) == [run.result("poked")[index]]
        created = run.result("created", index)
        assert (created["result"], created["status"]) == ("created", "published")
        assert created["accounts"][0]["external_url"].startswith("https://")


def test_a_wait_survives_its_triggerer_and_blocks_no_other(
    airflow: RunningAirflow, sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    sandbox.reset(publish_seconds=HOUR)
    uuid = make(sandbox, "D", schedule_now=True)
    run: Run = airflow.trigger("wait_in_triggerer", uuid=uuid)
    run.wait("wait", "deferred")
    airflow.wait_for("the first poll", lambda: polls(sandbox) >= 1)

    request.getfixturevalue("blocking_polls_fail")
    before = polls(sandbox)
    airflow.wait_for("a poll of the next triggerer", lambda: polls(sandbox) > before)
    sandbox.advance(HOUR)
    assert run.wait_to_end() == "success"
    (post,) = run.result("wait")
    assert (post["uuid"], post["status"]) == (uuid, "published")


def polls(sandbox: Sandbox) -> int:
    return sum(r["operation"] in ("get_post", "list_posts") for r in sandbox.requests())
