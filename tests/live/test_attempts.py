"""What a person does to tasks of a running Airflow: ends a deferred one, clears one, and clears a list that has shifted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.live.running import Run, RunningAirflow

pytestmark = pytest.mark.live


def in_sandbox(sandbox: Sandbox) -> list[tuple[str, bool]]:
    """Return each post's text, and whether it is in the trash."""
    return sorted((post["text"], bool(post["trashed"])) for post in sandbox.state()["posts"])


def start_deferred(airflow: RunningAirflow, sandbox: Sandbox) -> Run:
    sandbox.reset()
    at = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}Z"
    run = airflow.trigger("ended_by_a_person", at=at)
    run.wait("publish", "deferred")
    run.wait_until_heard("publish")
    # It polls only when the post is due.
    airflow.wait_for("the trigger to start", lambda: "(ID " in run.log("publish"))
    return run


def test_a_deferred_task_that_is_marked_as_failed_trashes_its_post_and_publishes_it_again_when_cleared(
    airflow: RunningAirflow, sandbox: Sandbox
) -> None:
    run = start_deferred(airflow, sandbox)
    run.mark("publish", "failed")
    text = "Ended by a person"
    airflow.wait_for("the post to be in the trash", lambda: in_sandbox(sandbox) == [(text, True)])

    run.clear("publish")
    run.wait("publish", "deferred")
    assert in_sandbox(sandbox) == [(text, False), (text, True)]
    run.wait_until_heard("publish")
    run.mark("publish", "success")


@pytest.mark.parametrize("how", ["success", "clear"])
def test_a_deferred_task_that_is_not_marked_as_failed_keeps_its_post(
    airflow: RunningAirflow, sandbox: Sandbox, how: str
) -> None:
    run = start_deferred(airflow, sandbox)
    if how == "clear":
        run.clear("publish")
    else:
        run.mark("publish", how)
    airflow.wait_for(
        "the triggerer to have asked", lambda: "its task was not marked as failed" in run.log("publish")
    )
    if how == "clear":
        run.wait("publish", "deferred")
        run.wait_until_heard("publish")
        run.mark("publish", "success")
    assert in_sandbox(sandbox) == [("Ended by a person", False)]


def forget(sandbox: Sandbox) -> None:
    """Let PostBoost forget every idempotency key and its log."""

    def wipe() -> None:
        store = sandbox._service.store
        store.idempotency.clear()
        for workspace in store.workspaces.values():
            workspace.activity.clear()

    sandbox._run_in_server(wipe)
    sandbox.advance(2 * 86_400)


def test_airflow_remembers_a_post_that_postboost_has_forgotten(
    airflow: RunningAirflow, sandbox: Sandbox
) -> None:
    sandbox.reset(publish_seconds=0)
    run = airflow.trigger("remembered")
    run.wait("publish", "success")
    uuid = run.result("publish")["uuid"]
    forget(sandbox)
    run.clear("publish")
    run.wait("publish", "success")
    assert run.result("publish")["uuid"] == uuid
    assert [post["uuid"] for post in sandbox.state()["posts"]] == [uuid]


def test_without_that_memory_the_same_makes_a_second_post(airflow: RunningAirflow, sandbox: Sandbox) -> None:
    """So that the test above can fail: what it finds is Airflow's memory, and nothing else."""
    sandbox.reset(publish_seconds=0)
    run = airflow.trigger("remembered")
    run.wait("publish", "success")
    forget(sandbox)
    run.forget("publish")
    run.clear("publish")
    run.wait("publish", "success", "failed")
    assert len(sandbox.state()["posts"]) == 2


def publish_list(airflow: RunningAirflow, texts: list[str], run: Run | None = None) -> Run:
    """Run the DAG, or clear the whole run, with this list."""
    (airflow.home / "list.txt").write_text(" ".join(texts))
    if run is None:
        run = airflow.trigger("shifted")
    else:
        run.clear()
    assert run.wait_to_end() == "success"
    return run


@pytest.mark.parametrize("then", [["X", "A", "B", "C"], ["C", "A"], ["B", "C", "A", "X"]], ids="".join)
def test_a_mapped_list_that_has_shifted_publishes_only_what_is_new(
    airflow: RunningAirflow, sandbox: Sandbox, then: list[str]
) -> None:
    sandbox.reset(publish_seconds=0)
    first = ["A", "B", "C"]
    run = publish_list(airflow, first)
    assert in_sandbox(sandbox) == [(text, False) for text in first]
    uuids = {post["text"]: post["uuid"] for post in sandbox.state()["posts"]}

    run = publish_list(airflow, then, run)
    assert in_sandbox(sandbox) == [(text, False) for text in sorted({*first, *then})]
    results: list[Any] = [run.result("publish", index) for index in range(len(then))]
    uuids |= {post["text"]: post["uuid"] for post in sandbox.state()["posts"]}
    assert [result["uuid"] for result in results] == [uuids[text] for text in then]
    for index in range(len(then)):
        assert "can't be rendered" not in run.log("publish", index, try_number=2 if index < 3 else 1)
