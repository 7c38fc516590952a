"""A connection whose key another rotation has revoked, and keys of attempts that may still run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from airflow.sdk.exceptions import TaskDeferred

from postboost_provider.api.errors import UnconfirmedError
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.rotation.plan import ATTEMPT_TIME, note
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import client
from tests.operators.rotations import NOON, TARGET, keys, operator, rotate, works
from tests.vault import Vault


def revoke(sandbox: Sandbox, key_id: int) -> None:
    with client(sandbox, "admin") as api:
        api.call("delete_api_key", parameters={"api_key_id": key_id})


def test_a_key_that_a_rotation_revoked_is_replaced(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    old_token, old = vault.token(TARGET), vault.extras(TARGET)["scoped_key_id"]
    assert rotate(vault)["result"] == "rotated"
    # A slow attempt writes the old key over the new one, which has revoked it.
    stale = {**vault.extras(TARGET), "scoped_key_id": old, "rotation": note(old, old_token, NOON, None)}
    vault.put(TARGET, old_token, **stale)
    assert not works(sandbox, old_token)
    clock.shift(ATTEMPT_TIME + timedelta(seconds=1))
    assert rotate(vault)["result"] == "rotated"
    assert works(sandbox, vault.token(TARGET))
    key = keys(sandbox)[vault.extras(TARGET)["scoped_key_id"]]
    assert (key["abilities"], key["account_ids"]) == (["read", "publish"], [1, 2])
    assert len(keys(sandbox)) == 2  # with the sandbox's own


def test_a_key_that_a_person_revoked_is_not_replaced(sandbox: Sandbox, vault: Vault) -> None:
    rotate(vault)
    revoke(sandbox, vault.extras(TARGET)["scoped_key_id"])
    with pytest.raises(PostBoostFailException) as caught:
        rotate(vault)
    assert caught.value.error.code == "unknown_key"
    assert len(keys(sandbox)) == 1


def test_the_key_of_an_attempt_that_may_still_run_is_revoked_when_it_can_not(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    sandbox.faults({"kind": "drop_after", "operation": "create_api_key"})
    with pytest.raises(UnconfirmedError):
        rotate(vault)
    with pytest.raises(TaskDeferred) as deferred:
        rotate(vault)
    assert deferred.value.trigger.serialize()[1]["moment"] >= NOON + ATTEMPT_TIME
    assert works(sandbox, vault.token(TARGET))
    assert len(keys(sandbox)) == 4
    clock.shift(ATTEMPT_TIME + timedelta(seconds=1))
    kwargs: Any = deferred.value.kwargs
    assert operator(vault).execute_complete(context(), None, **kwargs)["result"] == "rotated"  # type: ignore[arg-type]
    assert works(sandbox, vault.token(TARGET))
    assert len(keys(sandbox)) == 2
