"""A connection as tasks read it, and the store that it is written to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, UnconfirmedError
from postboost_provider.connection.form import TOKEN_VARIABLE
from postboost_provider.connection.read import read_connection, read_environment
from postboost_provider.rotation.stores import default_store
from postboost_provider.rotation.target import ConnectionContents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.rotation.stores.base import Edit, KeyStore


class TargetConnection:
    """Read through Airflow, again each time, and write through a store, or a function of connection id, token and extras."""

    def __init__(
        self, conn_id: str, store: KeyStore | Callable[[str, str, dict[str, Any]], None] | None
    ) -> None:
        self._conn_id = conn_id
        self._store = default_store() if store is None else store

    def read(self) -> ConnectionContents:
        """Return what a task reads now.

        :raises PostBoostConfigError: it does not exist, is defined in the environment, or has no token.
        """
        variable = f"AIRFLOW_CONN_{self._conn_id.upper()}"
        if variable in os.environ:
            raise _defined_in(variable, self._conn_id)
        try:
            connection = BaseHook.get_connection(self._conn_id)
        except AirflowNotFoundException:
            read_environment(self._conn_id)
            raise _defined_in(TOKEN_VARIABLE, self._conn_id) from None
        extras = connection.extra_dejson
        settings, _ = read_connection(connection, extras, f"connection {self._conn_id!r}")
        return ConnectionContents(settings, extras)

    def stored(self) -> Mapping[str, Any] | None:
        """Return the extras that the store has; None where the store is a function, which can't read."""
        return None if callable(self._store) else self._store.read(self._conn_id)

    def write(self, token: str | None, edit: Edit) -> None:
        """Write to the store: see :class:`~postboost_provider.rotation.target.Target`."""
        if not callable(self._store):
            self._store.write(self._conn_id, token, edit)
            return
        found = self.read()
        token, extras = found.settings.token if token is None else token, edit(found.extras)
        try:
            self._store(self._conn_id, token, dict(extras))
        except PostBoostError:
            raise
        except Exception as error:  # noqa: BLE001  # the function is the user's own
            seen = str(error).replace(token, "***")
            raise UnconfirmedError(
                f"The store of connection {self._conn_id!r} failed ({type(error).__name__}: {seen}), and may have written it. "
                "A store that refuses to write has to raise PostBoostConfigError.",
                field="store",
            ) from None


def _defined_in(variable: str, conn_id: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"Connection {conn_id!r} is defined by {variable} in the environment, which a task can't change for other tasks. "
        "Move it to Airflow's connections, to a secrets backend, or to a file of the local filesystem secrets backend.",
        code="in_environment",
        field="postboost_conn_id",
    )
