"""What a trigger does with its post when a person ends its task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from postboost_provider.idempotency.label import TRASH, Label
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.triggers.posts import PostBoostPostTrigger
from tests.airflow_stubs import use_connection
from tests.clients import client, posts

LABEL = str(Label("0123abcd", "0123456789ab", TRASH))


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    sandbox.reset()
    use_connection(monkeypatch, sandbox)


def make_post(sandbox: Sandbox, **body: Any) -> str:
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello"}]}]
    with client(sandbox) as api:
        return str(api.call("create_post", body={"versions": versions, "accounts": [1], **body})["uuid"])


async def on_kill(trigger: PostBoostPostTrigger) -> None:
    await trigger.on_kill()


async def on_kill_cancelled_again(trigger: PostBoostPostTrigger) -> None:
    """Airflow 3.3 cancels a trigger with each sync, also while it waits for this method; the event loop goes on."""
    before = asyncio.all_tasks()
    told = asyncio.ensure_future(trigger.on_kill())
    await asyncio.sleep(0)
    told.cancel()
    with pytest.raises(asyncio.CancelledError):
        await told
    await asyncio.gather(*(asyncio.all_tasks() - before))


def kill(
    uuid: str,
    mocker: Any,
    state: Any,
    *,
    map_index: int = -1,
    when_killed: str = "trash",
    told: Callable[[PostBoostPostTrigger], Any] = on_kill,
) -> None:
    """Let Airflow tell the trigger that a person has ended its task, which has this state since."""
    made = PostBoostPostTrigger(post_uuids=[uuid], when_killed=when_killed, trash_label=LABEL)
    # As the triggerer makes it.
    trigger = PostBoostPostTrigger(**made.serialize()[1])
    trigger._task_instance = SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=map_index)  # type: ignore[assignment]
    name = "t" if map_index < 0 else f"t_{map_index}"
    options: dict[str, Any] = {"return_value": {"r": {name: state}}}
    if isinstance(state, Exception):
        options = {"side_effect": state}
    mocker.patch.object(RuntimeTaskInstance, "get_task_states", **options)
    asyncio.run(told(trigger))


@pytest.mark.parametrize("map_index", [-1, 3])
def test_a_killed_task_trashes_its_post_once(sandbox: Sandbox, mocker: Any, map_index: int) -> None:
    uuid = make_post(sandbox)
    for _ in range(2):
        kill(uuid, mocker, "failed", map_index=map_index)
    assert [post["trashed"] for post in posts(sandbox)] == [True]
    with client(sandbox) as api:
        logged = list(api.pages("list_api_activity", parameters={"client": LABEL}))
    assert [(entry["outcome"], entry["post_uuid"]) for entry in logged] == [("deleted", uuid)]


def test_a_trigger_that_airflow_cancels_again_trashes_its_post_all_the_same(
    sandbox: Sandbox, mocker: Any
) -> None:
    kill(make_post(sandbox), mocker, "failed", told=on_kill_cancelled_again)
    assert [post["trashed"] for post in posts(sandbox)] == [True]


@pytest.mark.parametrize("state", ["success", None, "scheduled", "running", RuntimeError("no API")])
def test_a_task_that_was_not_killed_keeps_its_post(sandbox: Sandbox, mocker: Any, state: Any) -> None:
    """Clear, "mark success", and an Airflow that does not tell."""
    kill(make_post(sandbox), mocker, state)
    assert [post["trashed"] for post in posts(sandbox)] == [False]


def test_a_task_that_keeps_posts_keeps_it(sandbox: Sandbox, mocker: Any) -> None:
    kill(make_post(sandbox), mocker, "failed", when_killed="keep")
    assert [post["trashed"] for post in posts(sandbox)] == [False]


def test_a_live_post_stays(sandbox: Sandbox, mocker: Any) -> None:
    uuid = make_post(sandbox, schedule_now=True)
    sandbox.advance(60)
    kill(uuid, mocker, "failed")
    assert [post["trashed"] for post in posts(sandbox)] == [False]


def test_a_trigger_of_version_0_1_0_keeps_its_post(sandbox: Sandbox) -> None:
    trigger = PostBoostPostTrigger(post_uuids=[make_post(sandbox)])
    asyncio.run(trigger.on_kill())
    assert [post["trashed"] for post in posts(sandbox)] == [False]
