"""Two rotations of one connection at once, in every order of their steps, with and without a kill.

Whatever happens, the connection has a key that works, no key is left over, nothing waits for a person, and no secret is
in a log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import TaskDeferred

from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.keys import PostBoostRotateKeyOperator
from postboost_provider.rotation.plan import ATTEMPT_TIME
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.operators.rotations import NOON, TARGET, hold_new_key, keys, works
from tests.rotation.interleaving import STORES, Attempt, Killed, Turns, turns
from tests.vault import Vault, use_vault

__all__ = ["turns"]

# Who the second one is: an attempt whose supervisor was killed and that runs on, another run, another DAG.
OTHERS = {"same run": ("dag", "run"), "other run": ("dag", "later"), "other DAG": ("other", "run")}


class World:
    def __init__(
        self, sandbox: Sandbox, vault: Vault, turns: Turns, store: Callable[[], Any], clock: Any
    ) -> None:
        self.clock = clock
        self.sandbox, self.vault, self.turns, self._store = sandbox, vault, turns, store
        self.start()

    def start(self) -> None:
        """Begin anew: the connection has a key that expires soon."""
        for key in keys(self.sandbox).values():
            if key["name"] != "Sandbox key":
                self.revoke(key["id"])
        hold_new_key(self.sandbox, self.vault)
        self.store = self._store()

    def revoke(self, key_id: int) -> None:
        from tests.clients import client

        with client(self.sandbox, "admin") as api:
            api.call("delete_api_key", parameters={"api_key_id": key_id})

    def attempt(self, name: str, dag_id: str = "dag", run_id: str = "run") -> Attempt:
        return self.turns.attempt(name, lambda: self.rotate(dag_id, run_id))

    def rotate(self, dag_id: str = "dag", run_id: str = "run") -> Any:
        task = PostBoostRotateKeyOperator(
            task_id="rotate", admin_conn_id="admin", store=self.store, grace=timedelta(0)
        )
        ctx: Any = context()
        ctx["ti"] = SimpleNamespace(**{**vars(ctx["ti"]), "dag_id": dag_id, "run_id": run_id})
        try:
            return task.execute(ctx)
        except TaskDeferred as deferred:
            waited = dict(deferred.kwargs or {})
            return {"result": "deferred", "complete": lambda: task.execute_complete(ctx, None, **waited)}

    def complete(self, *results: Any) -> None:
        """The triggerer wakes the tasks that wait for the end of the other's attempt."""
        self.clock.shift(ATTEMPT_TIME + timedelta(seconds=1))
        for result in results:
            if result["result"] == "deferred":
                assert result["complete"]()["result"] in ("rotated", "unchanged")

    def check(self, story: object) -> None:
        held = PostBoostHook(TARGET).settings()
        assert works(self.sandbox, held.token), story
        left = {key["id"]: key["name"] for key in keys(self.sandbox).values()}
        assert held.scoped_key_id in left, story
        assert len(left) == 2, (story, left)  # with the sandbox's own
        assert (held.expiry.day - NOON.date()).days >= 90, story


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    turns: Turns,
    mocker: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[World]:
    caplog.set_level(logging.DEBUG, "postboost_provider")
    mask = mocker.patch("postboost_provider.airflow_support.compat.mask_secret")
    with time_machine.travel(NOON) as clock:
        sandbox.reset()
        vault = use_vault(monkeypatch, sandbox)
        vault.put("admin", sandbox.tokens["admin"])
        make = STORES[request.param]
        yield World(sandbox, vault, turns, lambda: make(vault, turns, monkeypatch, tmp_path, TARGET), clock)
    secrets = {call.args[0] for call in mask.call_args_list}
    assert secrets
    assert not [secret for secret in secrets if secret in caplog.text]


def count_moments(world: World) -> int:
    alone = world.attempt("alone")
    alone.run()
    assert alone.result["result"] == "rotated"
    world.check("alone")
    return alone.moments


def seconds(request: pytest.FixtureRequest, first: int, count: int) -> list[int]:
    """Return where the second attempt stops: anywhere for the store that compares nothing, else a sample."""
    params = request.node.callspec.params
    step = {"file": 23}.get(params["world"], 11)  # of all orders; Airflow reads its files slowly
    if (params["world"], params["other"]) == ("function", "same run"):
        # Each order of what comes after the creation of the keys, where one can spoil the other's.
        step = 1 if first >= count // 2 else 5
    return list(range(first % step, count, step))


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("world", STORES, indirect=True)
def test_both_end_with_the_key_of_one(request: pytest.FixtureRequest, world: World, other: str) -> None:
    """The first stops at each of its moments, the second at each of its own; then the first ends, and the second."""
    count = count_moments(world)
    for first in range(count):
        for second in seconds(request, first, count):
            world.start()
            a, b = world.attempt("a"), world.attempt("b", *OTHERS[other])
            a.run(first)
            b.run(second)
            a.run()
            b.run()
            story = (first, second, a.error, b.error)
            assert (a.error, b.error) == (None, None), story
            world.complete(a.result, b.result)
            if other == "other DAG":
                # Each cleans up what it made itself, in its next run at the latest.
                world.complete(world.rotate(), world.rotate(*OTHERS[other]))
            world.check(story)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("world", STORES, indirect=True)
def test_a_kill_at_each_moment_is_healed_by_the_next_run(
    request: pytest.FixtureRequest, world: World, other: str
) -> None:
    """The first stops at each of its moments, the second is killed at each of its own, and then the first as well."""
    count = count_moments(world)
    for first in range(count):
        for second in seconds(request, first, count):
            world.start()
            a, b = world.attempt("a"), world.attempt("b", *OTHERS[other])
            a.run(first)
            b.run(second)
            a.run(first + 1)
            b.kill()
            a.kill()
            assert isinstance(a.error, (Killed, type(None)))
            story: Any = (first, second)
            for dag_id, run_id in (("dag", "next"), (OTHERS[other][0], "next"), ("dag", "last")):
                world.complete(world.rotate(dag_id, run_id))
            world.check(story)
