"""A connection whose scoped key is rotated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
)
from postboost_provider.operators.keys import PostBoostRotateKeyOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import client
from tests.vault import Vault

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


TARGET = "postboost_default"


def hold_new_key(sandbox: Sandbox, vault: Vault, **changes: Any) -> int:
    """Give the target a key of the admin's that ends in ten days, and return the key's id."""
    body = {
        "name": "Blog",
        "abilities": ["read", "publish"],
        "account_ids": [1, 2],
        "expires_at": f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%d}",
        **changes,
    }
    with client(sandbox, "admin") as api:
        key = api.call("create_api_key", body=body)["data"]
    vault.put(
        TARGET,
        key["token"],
        workspace_uuid=sandbox.workspaces[0]["uuid"],
        scoped_key_id=key["id"],
        client_label="blog",
    )
    return int(key["id"])


def operator(vault: Vault, **options: Any) -> PostBoostRotateKeyOperator:
    options = {"admin_conn_id": "admin", "store": vault.store, "grace": timedelta(0), **options}
    return PostBoostRotateKeyOperator(task_id="rotate", **options)


def rotate(vault: Vault, **options: Any) -> dict[str, Any]:
    return operator(vault, **options).execute(context())  # type: ignore[arg-type]


def keys(sandbox: Sandbox) -> dict[int, dict[str, Any]]:
    with client(sandbox, "admin") as api:
        return {key["id"]: key for key in api.pages("list_api_keys")}


def works(sandbox: Sandbox, token: str) -> bool:
    try:
        with client(sandbox, token) as api:
            api.call("list_accounts")
    except PostBoostError:
        return False
    return True


class Refused(Exception):
    """What a store of the user's own raises."""


def refuse(conn_id: str, token: str, extras: Any) -> None:
    raise PostBoostConfigError("The vault is sealed.", code="sealed")


def ignore(conn_id: str, token: str, extras: Any) -> None:
    """Write to somewhere that tasks do not read."""
