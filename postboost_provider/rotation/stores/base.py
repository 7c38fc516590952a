"""The interface of a key store. A store decides nothing: it writes what it is told, or raises an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Edit = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class KeyStore(Protocol):
    """A place that a connection can be written to."""

    def read(self, conn_id: str) -> Mapping[str, Any]:
        """Return the extras of the connection as they are stored; the values of secret ones may be ``***``.

        :raises PostBoostConfigError: the connection does not exist there, or can't be read.
        :raises UnreachableError: retryable.
        """

    def write(self, conn_id: str, token: str | None, edit: Edit) -> None:
        """Replace the connection's extras with what ``edit`` returns for them, and the token if one is given.

        Give ``edit`` the extras as they are stored right before the write, if possible under a lock: it compares them
        with what the rotation has seen, and raises an error if another rotation was faster. Then write nothing, and let
        the error pass. Tasks read the new values at once.

        :raises PostBoostConfigError: the store refused, and nothing was written.
        :raises UnreachableError: nothing was written; retryable.
        :raises UnconfirmedError: it may have been written.
        """


def not_in_airflow(conn_id: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"Airflow's database has no connection {conn_id!r}: it is stored elsewhere, such as in a secrets backend. Give the "
        "store that writes there.",
        code="no_connection",
        field="store",
    )
