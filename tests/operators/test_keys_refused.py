"""What can't be rotated, and a key that no store took: nothing is made, or nothing is left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.api.errors import (
    PostBoostConfigError,
    UnconfirmedError,
    UnreachableError,
)
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.rotation.plan import ATTEMPT_TIME, reference
from postboost_provider.sandbox.server import Sandbox
from tests.clients import promote_member
from tests.operators.rotations import (
    TARGET,
    Refused,
    hold_new_key,
    ignore,
    keys,
    refuse,
    rotate,
    works,
)
from tests.vault import Vault


def _no_connection(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"postboost_conn_id": "typo"}


def _in_environment(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("AIRFLOW_CONN_POSTBOOST_DEFAULT", "postboost://:x@")
    return {}


def _token_in_environment(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault._connections.pop(TARGET)
    monkeypatch.setenv("POSTBOOST_API_TOKEN", "x")
    return {}


def _scoped_admin(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault.put("admin", sandbox.tokens["scoped"])
    return {}


def _member_admin(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault.put("admin", sandbox.tokens["member"])
    return {}


def _other_user(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    promote_member(sandbox)
    vault.put("admin", sandbox.tokens["member"])
    return {}


def _other_users_key_unseen(
    sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    sandbox.change(listed_keys="caller")
    return _other_user(sandbox, vault, monkeypatch)


def _access_token(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault.put(TARGET, sandbox.tokens["member"], workspace_uuid=sandbox.workspaces[0]["uuid"])
    return {}


def _another_keys_token(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault.put(TARGET, sandbox.tokens["scoped"], **vault.extras(TARGET))
    return {}


def _revoked_token(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault.put(TARGET, "no-such-token", **vault.extras(TARGET))
    return {}


def _replaced_by_hand(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault.extras(TARGET)["rotation"] = (
        f"{vault.extras(TARGET)['scoped_key_id']}/{reference('other')}/2026-11-01T00:00:00+00:00"
    )
    return {}


def _unknown_key(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault.extras(TARGET)["scoped_key_id"] = 999
    return {}


def _same_name(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    hold_new_key(sandbox, vault)
    del vault.extras(TARGET)["scoped_key_id"]
    return {"key": "Blog"}


def _other_server(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    vault._base_urls["admin"] = sandbox.base_url.replace("127.0.0.1", "localhost")
    return {}


def _no_workspace(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    del vault.extras(TARGET)["workspace_uuid"]
    return {}


def _sealed(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"store": refuse}


def _shadowed(sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"store": ignore}


def test_a_key_can_not_rotate_itself(vault: Vault) -> None:
    with pytest.raises(PostBoostFailException, match="admin_conn_id"):
        rotate(vault, admin_conn_id=TARGET)


def _options(**options: Any) -> Any:
    return lambda sandbox, vault, monkeypatch: options


@pytest.mark.parametrize(
    ("arrange", "code", "field"),
    [
        (_no_connection, "unknown_connection", "postboost_conn_id"),
        (_in_environment, "in_environment", "postboost_conn_id"),
        (_token_in_environment, "in_environment", "postboost_conn_id"),
        (_scoped_admin, "not_an_admin", "admin_conn_id"),
        (_member_admin, "not_an_admin", "admin_conn_id"),
        (_other_user, "other_user", "admin_conn_id"),
        (_other_users_key_unseen, "unknown_key", "scoped_key_id"),
        (_access_token, "missing", "scoped_key_id"),
        (_another_keys_token, "wrong_key", "scoped_key_id"),
        (_revoked_token, "wrong_key", "scoped_key_id"),
        (_replaced_by_hand, "wrong_key", "scoped_key_id"),
        (_unknown_key, "unknown_key", "scoped_key_id"),
        (_same_name, "several", "key"),
        (_other_server, "other_server", "admin_conn_id"),
        (_no_workspace, "missing", "workspace_uuid"),
        (_sealed, "sealed", None),
        (_shadowed, "shadowed", "store"),
        (_options(valid_days=0), "not_a_number", "valid_days"),
        (_options(valid_days=-30), "not_a_number", "valid_days"),
        (_options(valid_days="30"), "not_a_number", "valid_days"),
        (_options(valid_days=10), "too_short", "valid_days"),
        (_options(grace=60), "not_a_duration", "grace"),
        (_options(rotate_when_less_than=14), "not_a_duration", "rotate_when_less_than"),
    ],
)
def test_what_can_not_be_rotated_is_refused_before_anything_is_made(
    sandbox: Sandbox,
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
    arrange: Any,
    code: str,
    field: str | None,
) -> None:
    options = arrange(sandbox, vault, monkeypatch)
    made = [r["operation"] for r in sandbox.requests() if r["operation"] == "create_api_key"]
    before = keys(sandbox).keys()
    with pytest.raises(PostBoostFailException) as caught:
        rotate(vault, **options)
    assert isinstance(error := caught.value.error, PostBoostConfigError)
    assert (error.code, error.field) == (code, field)
    assert [r["operation"] for r in sandbox.requests() if r["operation"] == "create_api_key"] == made
    assert keys(sandbox).keys() == before
    assert not any(token in str(caught.value) for token in sandbox.tokens.values())


def test_a_key_of_another_user_that_only_the_response_shows_is_revoked_again(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    """The target's token has expired, so PostBoost does not say whose it was."""
    clock.shift(timedelta(days=30))
    promote_member(sandbox)
    vault.put("admin", sandbox.tokens["member"])
    before, token = keys(sandbox).keys(), vault.token(TARGET)
    with pytest.raises(PostBoostFailException, match="Max Member.*Ada Admin"):
        rotate(vault)
    assert keys(sandbox).keys() == before
    assert vault.token(TARGET) == token


@pytest.mark.parametrize(
    ("error", "raised", "left"),
    [
        (PostBoostConfigError("no"), PostBoostFailException, 0),
        (UnreachableError("no"), UnreachableError, 0),
        (UnconfirmedError("maybe"), UnconfirmedError, 1),
        (Refused("what did you do with it?"), UnconfirmedError, 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_key_that_the_store_refused_is_revoked_and_one_that_it_may_have_is_left_to_the_next_attempt(
    sandbox: Sandbox,
    vault: Vault,
    clock: time_machine.Traveller,
    error: Exception,
    raised: type[Exception],
    left: int,
) -> None:
    before, token = keys(sandbox).keys(), vault.token(TARGET)

    def store(conn_id: str, new: str, extras: Any) -> None:
        if new != token:
            raise error
        vault.store(conn_id, new, extras)

    with pytest.raises(raised):
        rotate(vault, store=store)
    assert len(keys(sandbox)) - len(before) == left
    assert works(sandbox, vault.token(TARGET))
    clock.shift(ATTEMPT_TIME + timedelta(seconds=1))
    assert rotate(vault)["result"] == "rotated"
    assert len(keys(sandbox)) == len(before)


def test_in_check_mode_a_key_is_not_rotated(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, vault: Vault
) -> None:
    before, token = keys(sandbox), vault.token(TARGET)
    monkeypatch.setenv("POSTBOOST_MODE", "check")
    with pytest.raises(AirflowSkipException, match="check"):
        rotate(vault)
    assert keys(sandbox).keys() == before.keys()
    assert vault.token(TARGET) == token
