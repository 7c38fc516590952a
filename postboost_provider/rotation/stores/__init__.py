"""Where a connection is stored, and how a new key is written there: one small interface, and the stores that have it.

A store never decides anything. It writes what it is given, or raises an error that says whether it was written.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class KeyStore(Protocol):
    """A place that a connection can be written to."""

    def read(self, conn_id: str) -> Mapping[str, Any]:
        """Return the extras of the connection as they are stored; the values of secret ones may be ``***``.

        :raises PostBoostConfigError: the connection does not exist there, or can't be read.
        :raises UnreachableError: a retry can help.
        """

    def write(self, conn_id: str, token: str | None, extras: Mapping[str, Any]) -> None:
        """Replace the extras of the connection, and its token where one is given. Tasks read the new values at once.

        :raises PostBoostConfigError: the store refused, and nothing was written.
        :raises UnreachableError: nothing was written; a retry can help.
        :raises UnconfirmedError: it may have been written.
        """


def default_store() -> KeyStore:
    """Return the store of Airflow's own connections: its REST API, or its database below Airflow 3."""
    if find_spec("airflow.sdk") is None:
        from postboost_provider.rotation.stores.airflow_database import AirflowDatabaseStore

        return AirflowDatabaseStore()
    from postboost_provider.rotation.stores.airflow_api import AirflowApiStore

    return AirflowApiStore()


def not_in_airflow(conn_id: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"Airflow's database has no connection {conn_id!r}: it is stored elsewhere, such as in a secrets backend. Give the "
        "store that writes there.",
        code="no_connection",
        field="store",
    )
