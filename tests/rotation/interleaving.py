"""Rotations in threads that take turns: each stops before a request, a read or a write, and goes on when it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from airflow.providers.common.compat.sdk import BaseHook
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from postboost_provider.api.transport import Transport
from postboost_provider.rotation.stores import airflow_database
from postboost_provider.rotation.stores.airflow_api import AirflowApiStore
from postboost_provider.rotation.stores.airflow_database import AirflowDatabaseStore
from postboost_provider.rotation.stores.env_file import EnvFileStore
from tests.vault import Vault


class Killed(BaseException):
    """The process is gone: no ``except Exception`` sees it."""


class Attempt:
    """A rotation in a thread, which waits before each of its moments until it is told to go on."""

    def __init__(self, name: str, rotate: Callable[[], Any]) -> None:
        self.name, self.moments = name, 0
        self.result: Any = None
        self.error: BaseException | None = None
        self._rotate = rotate
        self._until: int | None = 0
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._killed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def has_ended(self) -> bool:
        return self._thread.ident is not None and not self._thread.is_alive()

    def run(self, until: int | None = None) -> None:
        """Go on until before the moment with this number, or to the end."""
        if self.has_ended:
            return
        self._until = until
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        assert self._stopped.acquire(timeout=30), "the attempt hangs"
        if self.result is not None or self.error is not None:
            self._thread.join(10)

    def kill(self) -> None:
        self._killed = True
        self.run()

    def moment(self) -> None:
        if self._killed:
            raise Killed
        if self._until is not None and self.moments >= self._until:
            self._stopped.release()
            self._go.acquire()
            if self._killed:
                raise Killed
        self.moments += 1

    def _run(self) -> None:
        try:
            if self._until == 0:
                self.moment()
            self.result = self._rotate()
        except BaseException as error:  # noqa: BLE001
            self.error = error
        self._stopped.release()


class Turns:
    """The attempts by the names of their threads. Others do not stop."""

    def __init__(self) -> None:
        self._attempts: dict[str, Attempt] = {}

    def attempt(self, name: str, rotate: Callable[[], Any]) -> Attempt:
        self._attempts[name] = Attempt(name, rotate)
        return self._attempts[name]

    def moment(self) -> None:
        found = self._attempts.get(threading.current_thread().name)
        if found is not None:
            found.moment()

    def before(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.moment()
            return act(*args, **kwargs)

        return wrapped


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    found = Turns()
    monkeypatch.setattr(Transport, "send", found.before(Transport.send))
    return found


def function_store(vault: Vault, turns: Turns, *_: Any) -> Any:
    """A function of the user's own, which compares nothing."""
    return turns.before(vault.store)


def file_store(vault: Vault, turns: Turns, monkeypatch: pytest.MonkeyPatch, folder: Path, target: str) -> Any:
    path = folder / "connections.env"
    path.write_text(f"{target}={vault.get_connection(target).get_uri()}\n")
    backend = LocalFilesystemBackend(connections_file_path=str(path))
    in_vault = vault.get_connection

    def get(conn_id: str) -> Any:
        if conn_id != target:
            return in_vault(conn_id)
        turns.moment()
        return backend.get_connection(conn_id)

    monkeypatch.setattr(BaseHook, "get_connection", staticmethod(get))
    # It compiles a pattern of all secrets so far, for each of thousands of reads.
    monkeypatch.setattr("airflow.models.connection.mask_secret", lambda *_: None)
    return _Stepped(EnvFileStore(path), turns)


def api_store(vault: Vault, turns: Turns, monkeypatch: pytest.MonkeyPatch, _: Path, target: str) -> Any:
    """Airflow's API, which can't compare: a moment passes between its read and its write."""

    def ask(self: Any, method: str, conn_id: str, **request: Any) -> httpx.Response:
        turns.moment()
        token, extras = vault.token(conn_id), vault.extras(conn_id)
        if method == "PATCH":
            body = request["json"]
            vault.put(conn_id, body.get("password", token), **json.loads(body["extra"]))
        return httpx.Response(200, json={"extra": json.dumps(extras)})

    monkeypatch.setattr(AirflowApiStore, "_ask", ask)
    return AirflowApiStore()


def database_store(vault: Vault, turns: Turns, monkeypatch: pytest.MonkeyPatch, _: Path, target: str) -> Any:
    """Airflow's database, which locks the row."""

    @contextmanager
    def row(conn_id: str) -> Iterator[Any]:
        turns.moment()
        changed: dict[str, Any] = {"token": vault.token(conn_id), "extras": vault.extras(conn_id)}
        yield SimpleNamespace(
            extra_dejson=dict(changed["extras"]),
            set_extra=lambda text: changed.update(extras=json.loads(text)),
            set_password=lambda token: changed.update(token=token),
        )
        vault.put(conn_id, changed["token"], **changed["extras"])

    monkeypatch.setattr(airflow_database, "_row", row)
    return AirflowDatabaseStore()


class _Stepped:
    """A store with a moment before each of its reads and writes."""

    def __init__(self, store: Any, turns: Turns) -> None:
        self._store, self._turns = store, turns

    def read(self, conn_id: str) -> Mapping[str, Any]:
        self._turns.moment()
        found: Mapping[str, Any] = self._store.read(conn_id)
        return found

    def write(self, conn_id: str, token: str | None, edit: Any) -> None:
        self._turns.moment()
        self._store.write(conn_id, token, edit)


STORES = {
    "function": function_store,
    "file": file_store,
    "api": api_store,
    "database": database_store,
}
