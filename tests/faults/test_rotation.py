"""120 days with keys of 30 days: every rotation is killed before and after each of its steps, and nobody sees a 401."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import TaskDeferred

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.settings import ClientSettings
from postboost_provider.api.transport import Transport
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.keys import PostBoostRotateKeyOperator
from postboost_provider.rotation.plan import ATTEMPT_TIME
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import client
from tests.vault import Vault, use_vault

START = datetime(2026, 12, 1, 4, tzinfo=UTC)
DAYS = 120
GRACE = timedelta(minutes=10)
THRESHOLD = timedelta(days=14)
TARGET = "postboost_default"


class Killed(BaseException):
    """The process is gone: no ``except Exception`` sees it."""


class Killer:
    """Kills an attempt before or after one of its requests and writes."""

    def __init__(self) -> None:
        self._left: int | None = None

    def arm(self, moments: int | None) -> None:
        """Kill after so many moments; None does not kill."""
        self._left = moments

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            done = act(*args, **kwargs)
            self._pass()
            return done

        return wrapped

    def _pass(self) -> None:
        if self._left == 0:
            raise Killed
        if self._left is not None:
            self._left -= 1


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    found = Killer()
    monkeypatch.setattr(Transport, "send", found.around(Transport.send))
    return found


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> Iterator[Vault]:
    mocker.patch("postboost_provider.airflow_support.compat.mask_secret")
    with time_machine.travel(START):
        sandbox.reset()
        found = use_vault(monkeypatch, sandbox)
        found.put("admin", sandbox.tokens["admin"])
        with client(sandbox, "admin") as api:
            body = {"name": "Blog", "abilities": ["read", "publish"], "expires_at": "2026-12-31"}
            key = api.call("create_api_key", body=body)["data"]
        uuid = sandbox.workspaces[0]["uuid"]
        extras = {"workspace_uuid": uuid, "scoped_key_id": key["id"], "expires_on": "2026-12-31"}
        found.put(TARGET, key["token"], **extras)
        yield found


class World:
    """A DAG that rotates daily, and a pipeline that uses the connection whenever it likes."""

    def __init__(self, sandbox: Sandbox, vault: Vault, killer: Killer, clock: time_machine.Traveller) -> None:
        self._sandbox, self._vault, self._killer, self._clock = sandbox, vault, killer, clock
        self.kills = 0
        self.most_keys = 0

    @property
    def key_id(self) -> int:
        return int(self._vault.extras(TARGET)["scoped_key_id"])

    def day(self, day: date) -> str:
        """Run the day's DAG until it succeeds, and return what it did.

        The first attempt is killed at its first moment, the second at its second and so on, until the connection has the
        new key; then from the first moment on again, until the old key is revoked.
        """
        task = PostBoostRotateKeyOperator(
            task_id="rotate",
            admin_conn_id="admin",
            store=self._killer.around(self._vault.store),
            valid_days=30,
            rotate_when_less_than=THRESHOLD,
            grace=GRACE,
        )
        ctx: Any = context()
        ctx["ti"].run_id = f"scheduled__{day}"
        # The DAG runs at four: two weeks before 00:00 UTC are over on the same date.
        is_due = date.fromisoformat(self._vault.extras(TARGET)["expires_on"]) - day <= THRESHOLD
        began_before, results = self.read(), set()
        moments = 0
        while True:
            before = self.key_id
            self._killer.arm(moments if is_due else None)
            try:
                results.add(self._attempt(task, ctx, began_before))
                return "rotated" if is_due else results.pop()
            except Killed:
                self.kills += 1
                # A retry that comes sooner waits for that long before it revokes what this attempt has created.
                self._clock.shift(ATTEMPT_TIME + timedelta(seconds=1))
            finally:
                self._killer.arm(None)
            self.work(self.read())
            self.most_keys = max(self.most_keys, self.count_keys())
            moments = moments + 1 if self.key_id == before else 0

    def _attempt(self, task: PostBoostRotateKeyOperator, ctx: Any, began_before: ClientSettings) -> str:
        try:
            return str(task.execute(ctx)["result"])
        except TaskDeferred as deferred:
            kwargs = dict(deferred.kwargs or {})
        # Triggerer and scheduler are between; and what read the old key works on through the grace.
        self._clock.shift(GRACE)
        left, self._killer._left = self._killer._left, None
        self.work(began_before)
        self._killer._left = left
        return str(task.execute_complete(ctx, None, **kwargs)["result"])

    def read(self) -> ClientSettings:
        return PostBoostHook(TARGET).settings()

    def count_keys(self) -> int:
        """Return how many keys there are beside the sandbox's own."""
        with client(self._sandbox, "admin") as api:
            return len(list(api.pages("list_api_keys"))) - 1

    def work(self, settings: ClientSettings) -> None:
        """Send a request with a connection that was read earlier, without reading it again after a 401."""
        with PostBoostClient(settings) as api:
            api.call("list_tags")


@pytest.mark.parametrize(
    "variant",
    [
        {"expired_keys": expired, "listed_keys": listed}
        for expired, listed in itertools.product(("listed", "hidden"), ("workspace", "caller"))
    ],
    ids=lambda v: "-".join(v.values()),
)
def test_nobody_ever_sees_a_401(
    sandbox: Sandbox, vault: Vault, killer: Killer, variant: dict[str, Any]
) -> None:
    sandbox.change(**variant)
    rotations, refused = [], 0
    with time_machine.travel(START) as clock:
        world = World(sandbox, vault, killer, clock)
        for number in range(DAYS):
            clock.move_to(START + timedelta(days=number))
            day = (START + timedelta(days=number)).date()
            seen, key_id = len(sandbox.requests()), world.key_id
            world.work(world.read())
            world.day(day)
            world.work(world.read())
            if world.key_id != key_id:
                rotations.append(number)
            refused += sum(r["status"] == 401 for r in sandbox.requests()[seen:])
            assert world.count_keys() == 1  # nothing is left over at the end of any day
    assert refused == 0
    assert rotations == [16, 32, 48, 64, 80, 96, 112]
    # Before and after each request and write of each rotation.
    assert world.kills >= 7 * 20
    # However often an attempt was killed: the old key and its successor, never a third.
    assert world.most_keys == 2
