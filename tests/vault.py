"""A place for connections that Airflow reads from and a store writes to, in memory: a secrets backend for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, Connection

from postboost_provider.sandbox.server import Sandbox


class Vault:
    """Connections by id. ``store`` is what the rotation writes with."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._base_url = sandbox.base_url
        self._base_urls: dict[str, str] = {}
        self._connections: dict[str, tuple[str, dict[str, Any]]] = {}
        self.writes: list[dict[str, Any]] = []

    def put(self, conn_id: str, token: str, **extras: Any) -> None:
        self._connections[conn_id] = (token, extras)

    def token(self, conn_id: str) -> str:
        return self._connections[conn_id][0]

    def extras(self, conn_id: str) -> dict[str, Any]:
        return self._connections[conn_id][1]

    def store(self, conn_id: str, token: str, extras: Mapping[str, Any]) -> None:
        self.writes.append(dict(extras))
        self.put(conn_id, token, **extras)

    def get_connection(self, conn_id: str) -> Connection:
        if conn_id not in self._connections:
            raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")
        token, extras = self._connections[conn_id]
        return Connection(
            conn_id=conn_id,
            conn_type="postboost",
            host=self._base_urls.get(conn_id, self._base_url),
            password=token,
            extra=json.dumps(extras),
        )


def use_vault(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Vault:
    """Have Airflow read its connections from a vault."""
    vault = Vault(sandbox)
    monkeypatch.setattr(BaseHook, "get_connection", vault.get_connection)
    return vault
