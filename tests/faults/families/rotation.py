"""The rotation of a scoped key: the connection always has a key that works, and no key is left over."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.operators.keys import PostBoostRotateKeyOperator
from tests.faults.checker import FALSE_SUCCESS, LOSS, Rules, Verdict
from tests.faults.families.base import Family
from tests.faults.world import Outcome, World

TARGET = "rotated"
THRESHOLD = timedelta(days=14)


class Rotation(Family):
    name = "rotation"
    edits = False
    conn_prefix = "admin_"
    # What a killed process has written to the vault is gone: this one is in memory. tests/faults/test_rotation.py kills it.
    can_be_killed = False

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        expires = world.time.now() + timedelta(days=rng.choice([5, 10, 13]))
        body = {"name": "Blog", "abilities": ["read", "publish"], "expires_at": f"{expires:%Y-%m-%d}"}
        key = world.call("POST", "api-keys", body, token="admin")["data"]
        self.expires = {key["token"]: expires}
        self.grace = rng.choice([timedelta(0), timedelta(minutes=10)])
        self.store(TARGET, key["token"], {"workspace_uuid": world.workspace, "scoped_key_id": key["id"]})

    def store(self, conn_id: str, token: str, extras: Mapping[str, Any]) -> None:
        """Be the place where connections are kept."""
        self.token = token
        for lane in self.world.proxy.lanes:
            self.world.connect(f"{TARGET}@{lane.number}", token, extras, lane.number)

    def edit(self) -> None: ...

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostRotateKeyOperator(
            task_id="rotate",
            admin_conn_id=conn_id,
            postboost_conn_id=TARGET,
            rotate_when_less_than=THRESHOLD,
            valid_days=30,
            grace=self.grace,
            store=self.store,
        )

    def _keys(self) -> dict[str, Any]:
        return dict(
            self.world.in_server(
                lambda store: {k: v for k, v in store.api_keys.items() if v.name != "Sandbox key"}
            )
        )

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        now, keys, found = self.world.time.now(), self._keys(), []
        # All attempts are of one run, which rotates again only what has expired.
        least = now + (THRESHOLD if self.token in self.expires else timedelta(0))
        if self.token not in keys or keys[self.token].expires_on < least.date():
            found.append(Verdict(FALSE_SUCCESS, f"the connection's key is {keys.get(self.token)}"))
        valid = [key.id for key in keys.values() if key.expires_on is None or key.expires_on > now.date()]
        if len(valid) > 1:
            found.append(Verdict(FALSE_SUCCESS, f"the keys {valid} are left over"))
        return found

    def check_always(self) -> list[Verdict]:
        # An attempt that fails may leave a key that nobody holds. One that is green leaves none.
        keys = self._keys()
        first = next(iter(self.expires.values()))
        if self.token not in keys and datetime.now(UTC) < first:
            return [Verdict(LOSS, "the connection has a key that PostBoost does not have")]
        return []

    def count(self) -> tuple[int, int]:
        return 1, len(self._keys())

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        return self.world.time.now() > next(iter(self.expires.values())) - timedelta(days=1)
