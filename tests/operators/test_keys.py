"""The rotation of a scoped key: what it does, what it refuses, and that it leaves no trace of what it refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from airflow.providers.common.compat.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from postboost_provider.api.errors import (
    NotFinishedError,
    UnconfirmedError,
)
from postboost_provider.operators.keys import PostBoostRotateKeyOperator
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.rotation.plan import ATTEMPT_TIME, Key, reference
from postboost_provider.rotation.stores.env_file import EnvFileStore
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import settings
from tests.operators.rotations import (
    NOON,
    TARGET,
    hold_new_key,
    keys,
    operator,
    rotate,
    works,
)
from tests.vault import Vault

VARIANTS: list[dict[str, Any]] = [
    {"expired_keys": expired, "listed_keys": listed}
    for expired in ("listed", "hidden")
    for listed in ("workspace", "caller")
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: "-".join(v.values()))
def test_the_connection_gets_a_key_of_the_same_powers_and_the_old_one_goes(
    sandbox: Sandbox, vault: Vault, variant: dict[str, Any]
) -> None:
    sandbox.change(**variant)
    old_id, old_token = vault.extras(TARGET)["scoped_key_id"], vault.token(TARGET)
    done = rotate(vault, valid_days=30)
    new_token, extras = vault.token(TARGET), vault.extras(TARGET)
    assert (works(sandbox, new_token), works(sandbox, old_token)) == (True, False)
    key = keys(sandbox)[done["key_id"]]
    assert (key["abilities"], key["account_ids"], key["expires_at"]) == (
        ["read", "publish"],
        [1, 2],
        "2026-12-31",
    )
    assert done == {
        "result": "rotated",
        "key_id": key["id"],
        "expires_on": "2026-12-31",
        "why": "it was created in this run",
    }
    assert (extras["scoped_key_id"], extras["expires_on"]) == (key["id"], "2026-12-31")
    assert extras["client_label"] == "blog"
    assert old_id not in keys(sandbox)


def test_on_most_days_it_checks_and_changes_nothing(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    rotate(vault, valid_days=30)
    for day in (2, 17):
        clock.move_to(NOON + timedelta(days=day - 1, hours=-11))
        sent = len(sandbox.requests())
        assert rotate(vault, valid_days=30)["result"] == "unchanged"
        assert [r["operation"] for r in sandbox.requests()[sent:]] == ["list_api_keys"]
    # Two weeks before 00:00 UTC of its last day.
    clock.move_to(NOON + timedelta(days=16))
    ctx = context()
    ctx["ti"].run_id = "another"
    assert operator(vault, valid_days=30).execute(ctx)["result"] == "rotated"  # type: ignore[arg-type]


def test_without_a_threshold_it_rotates_once_in_every_run(sandbox: Sandbox, vault: Vault) -> None:
    found = []
    for run in ("monday", "monday", "tuesday"):
        ctx = context()
        ctx["ti"].run_id = run
        found.append(operator(vault, rotate_when_less_than=None).execute(ctx)["result"])  # type: ignore[arg-type]
    assert found == ["rotated", "unchanged", "rotated"]
    assert len(keys(sandbox)) == 2  # with the sandbox's own


def test_a_key_that_never_expires_is_kept_unless_every_run_rotates(sandbox: Sandbox, vault: Vault) -> None:
    hold_new_key(sandbox, vault, expires_at=None)
    assert rotate(vault) == {
        "result": "unchanged",
        "key_id": vault.extras(TARGET)["scoped_key_id"],
        "expires_on": "never",
        "why": "it never expires",
    }
    assert rotate(vault, rotate_when_less_than=None)["result"] == "rotated"


def test_the_old_key_works_through_the_grace(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    old_token = vault.token(TARGET)
    with pytest.raises(TaskDeferred) as deferred:
        rotate(vault, grace=timedelta(hours=2))
    assert deferred.value.trigger.serialize()[1]["moment"] >= NOON + timedelta(hours=2)
    kwargs = deferred.value.kwargs
    assert works(sandbox, old_token)
    assert works(sandbox, vault.token(TARGET))
    assert not any(secret in repr(kwargs) for secret in (old_token, vault.token(TARGET)))
    clock.shift(timedelta(hours=2))
    done = operator(vault, grace=timedelta(hours=2)).execute_complete(context(), None, **kwargs)  # type: ignore[arg-type]
    assert done["result"] == "rotated"
    assert not works(sandbox, old_token)


def test_a_key_that_is_over_already_is_replaced_and_not_waited_for(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    clock.shift(timedelta(days=30))
    done = rotate(vault, grace=timedelta(hours=1), valid_days=30)
    assert done["result"] == "rotated"
    assert works(sandbox, vault.token(TARGET))


def test_an_expired_key_that_is_not_listed_says_what_to_do(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    sandbox.change(expired_keys="hidden")
    clock.shift(timedelta(days=30))
    with pytest.raises(AirflowFailException, match="has expired.*Create a new key"):
        rotate(vault)


def test_a_key_can_be_named_once_for_a_connection_that_does_not_say_which_it_holds(
    sandbox: Sandbox, vault: Vault
) -> None:
    del vault.extras(TARGET)["scoped_key_id"]
    assert rotate(vault, key="Blog")["result"] == "rotated"
    assert rotate(vault, key="Blog")["result"] == "unchanged"


def test_a_connection_in_a_file_of_airflows_local_secrets_backend_is_rotated_there(
    sandbox: Sandbox, vault: Vault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "connections.env"
    path.write_text(f"other=http://x\n{TARGET}={vault.get_connection(TARGET).get_uri()}\n")
    backend = LocalFilesystemBackend(connections_file_path=str(path))
    in_vault = vault.get_connection
    monkeypatch.setattr(
        BaseHook,
        "get_connection",
        staticmethod(lambda conn_id: backend.get_connection(conn_id) or in_vault(conn_id)),
    )
    old = vault.token(TARGET)
    assert rotate(vault, store=EnvFileStore(path))["result"] == "rotated"
    connection = backend.get_connection(TARGET)
    assert connection is not None
    assert works(sandbox, str(connection.password))
    assert not works(sandbox, old)
    # To the vault, which the file shadows, nothing can be written that tasks see.
    ctx = context()
    ctx["ti"].run_id = "another"
    with pytest.raises(AirflowFailException, match="is in its store"):
        operator(vault, rotate_when_less_than=None).execute(ctx)  # type: ignore[arg-type]


class Elsewhere:
    """A store of its own, which tasks do not read."""

    def __init__(self, **extras: Any) -> None:
        self.writes: list[dict[str, Any]] = [extras]

    def read(self, conn_id: str) -> dict[str, Any]:
        return self.writes[-1]

    def write(self, conn_id: str, token: str | None, edit: Any) -> None:
        assert token is None
        self.writes.append(dict(edit(self.writes[-1])))


def test_what_a_secrets_backend_shadows_is_left_or_put_back_as_it_was(sandbox: Sandbox, vault: Vault) -> None:
    other = Elsewhere(scoped_key_id=7)
    with pytest.raises(AirflowFailException, match="is in its store"):
        rotate(vault, store=other)
    assert other.writes == [{"scoped_key_id": 7}]
    same = Elsewhere(**{**vault.extras(TARGET), "client_label": "a stale copy"})
    with pytest.raises(AirflowFailException, match="is in its store"):
        rotate(vault, store=same)
    assert len(same.writes) == 3
    assert same.writes[0] == same.writes[-1]


def test_a_write_of_the_store_whose_response_was_lost_is_recognized(sandbox: Sandbox, vault: Vault) -> None:
    token = vault.token(TARGET)

    def store(conn_id: str, new: str, extras: Any) -> None:
        vault.store(conn_id, new, extras)
        if new != token:
            raise TimeoutError

    assert rotate(vault, store=store)["result"] == "rotated"
    assert works(sandbox, vault.token(TARGET))


def test_the_error_of_a_store_does_not_carry_the_key_on(sandbox: Sandbox, vault: Vault) -> None:
    given: list[str] = []

    def store(conn_id: str, new: str, extras: Any) -> None:
        given.append(new)
        if len(given) == 1:
            vault.store(conn_id, new, extras)
        else:
            raise ValueError(f"can't write {new}")

    with pytest.raises(UnconfirmedError, match=r"ValueError: can't write \*\*\*") as caught:
        rotate(vault, store=store)
    assert caught.value.__cause__ is None
    assert given[-1] not in str(caught.value)


def test_a_write_that_somebody_else_overwrites_revokes_nothing(sandbox: Sandbox, vault: Vault) -> None:
    token, extras = vault.token(TARGET), dict(vault.extras(TARGET))

    def store(conn_id: str, new: str, changed: Any) -> None:
        vault.store(conn_id, new, changed)
        if new != token:
            vault.put(TARGET, token, **extras)

    with pytest.raises(NotFinishedError, match="has written to it too"):
        rotate(vault, store=store)
    assert works(sandbox, token)


def test_the_old_key_stays_when_the_connection_was_changed_during_the_grace(
    sandbox: Sandbox, vault: Vault
) -> None:
    old_token, old = vault.token(TARGET), dict(vault.extras(TARGET))
    with pytest.raises(TaskDeferred) as deferred:
        rotate(vault, grace=timedelta(hours=1))
    vault.put(TARGET, old_token, **{**vault.extras(TARGET), "scoped_key_id": old["scoped_key_id"] + 1})
    with pytest.raises(AirflowFailException, match="the token was replaced"):
        operator(vault).execute_complete(context(), None, **deferred.value.kwargs)  # type: ignore[arg-type]
    assert works(sandbox, old_token)


def test_a_leftover_that_somebody_uses_is_not_revoked(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    """Two Airflows with the same DAG and the same key: each takes the other's new key for a left over one."""
    token, extras = vault.token(TARGET), dict(vault.extras(TARGET))
    with pytest.raises(TaskDeferred):
        rotate(vault, grace=timedelta(days=1))
    other = vault.token(TARGET)
    clock.shift(timedelta(hours=2))
    assert works(sandbox, other)
    vault.put(TARGET, token, **extras)
    with pytest.raises(AirflowFailException, match="another Airflow rotates the same key"):
        rotate(vault)
    assert works(sandbox, other)


def test_a_key_whose_response_was_lost_is_revoked_by_the_next_attempt(
    sandbox: Sandbox, vault: Vault, clock: time_machine.Traveller
) -> None:
    before = len(keys(sandbox))
    sandbox.faults({"kind": "drop_after", "operation": "create_api_key"})
    with pytest.raises(UnconfirmedError):
        rotate(vault)
    assert len(keys(sandbox)) == before + 1
    clock.shift(ATTEMPT_TIME + timedelta(seconds=1))
    assert rotate(vault)["result"] == "rotated"
    assert len(keys(sandbox)) == before


def test_the_new_key_is_masked_before_anything_else_and_is_nowhere_to_be_seen(
    sandbox: Sandbox, vault: Vault, mocker: Any, caplog: Any, capsys: Any
) -> None:
    caplog.set_level("DEBUG")
    mask = mocker.patch("postboost_provider.airflow_support.compat.mask_secret")
    ctx = context()
    done = operator(vault).execute(ctx)  # type: ignore[arg-type]
    secret = vault.token(TARGET)
    assert [call.args for call in mask.call_args_list] == [(secret,)]
    said = repr(done) + repr(ctx["pushed"]) + caplog.text + capsys.readouterr().out
    assert secret not in said
    assert reference(secret) in vault.extras(TARGET)["rotation"]
    assert PostBoostRotateKeyOperator.template_fields == ("key", "admin_conn_id", "postboost_conn_id")


@pytest.mark.parametrize("listed", [None, "read", []])
def test_a_key_whose_abilities_are_not_listed_is_rotated_only_with_abilities(
    sandbox: Sandbox, vault: Vault, mocker: Any, listed: Any
) -> None:
    """Without its abilities, the new key could have fewer."""
    real = Key.read.__func__  # type: ignore[attr-defined]
    mocker.patch.object(Key, "read", lambda row: real(Key, {**row, "abilities": listed}))
    before = keys(sandbox).keys()
    with pytest.raises(PostBoostFailException) as caught:
        rotate(vault)
    error = caught.value.error
    assert (error.code, error.field) == ("unknown_abilities", "abilities")
    assert keys(sandbox).keys() == before


def test_a_new_key_that_lacks_an_ability_is_revoked_again(
    sandbox: Sandbox, vault: Vault, mocker: Any
) -> None:
    real = Key.read.__func__  # type: ignore[attr-defined]

    def read(row: dict[str, Any]) -> Key:
        fewer = {"abilities": row["abilities"][:1]} if "token" in row else {}
        return real(Key, {**row, **fewer})  # type: ignore[no-any-return]

    mocker.patch.object(Key, "read", read)
    before, token = keys(sandbox).keys(), vault.token(TARGET)
    with pytest.raises(PostBoostFailException) as caught:
        rotate(vault)
    error = caught.value.error
    assert (error.code, error.field) == ("fewer_abilities", "abilities")
    assert (keys(sandbox).keys(), vault.token(TARGET)) == (before, token)
    # With the argument that allows it.
    assert rotate(vault, abilities=["read"])["result"] == "rotated"
    assert keys(sandbox)[vault.extras(TARGET)["scoped_key_id"]]["abilities"] == ["read"]


def test_a_new_key_for_other_accounts_is_revoked_again(sandbox: Sandbox, vault: Vault, mocker: Any) -> None:
    real = Key.read.__func__  # type: ignore[attr-defined]
    more = {"account_ids": None}
    mocker.patch.object(Key, "read", lambda row: real(Key, {**row, **(more if "token" in row else {})}))
    before = keys(sandbox).keys()
    with pytest.raises(PostBoostFailException) as caught:
        rotate(vault)
    error = caught.value.error
    assert error.code == "other_accounts"
    assert keys(sandbox).keys() == before


def test_a_key_without_the_ability_to_read_is_rotated_too(sandbox: Sandbox, vault: Vault) -> None:
    hold_new_key(sandbox, vault, abilities=["publish"], account_ids=None)
    assert rotate(vault)["result"] == "rotated"
    assert settings(sandbox, vault.token(TARGET)).token != sandbox.tokens["scoped"]
    assert keys(sandbox)[vault.extras(TARGET)["scoped_key_id"]]["abilities"] == ["publish"]
