"""Airflow's own connections, in its database: only below Airflow 3, where tasks may write to it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError, UnconfirmedError
from postboost_provider.rotation.stores.base import not_in_airflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postboost_provider.rotation.stores.base import Edit


class AirflowDatabaseStore:
    """Write a connection to Airflow's database, where Airflow encrypts the token and the extras."""

    def read(self, conn_id: str) -> dict[str, Any]:
        """Return the extras: see :class:`~postboost_provider.key_stores.KeyStore`."""
        with _row(conn_id) as row:
            extras: dict[str, Any] = row.extra_dejson
            return extras

    def write(self, conn_id: str, token: str | None, edit: Edit) -> None:
        """Edit extras and, where one is given, set the token: see :class:`~postboost_provider.key_stores.KeyStore`."""
        # The row is locked in between, in databases that lock rows.
        with _row(conn_id) as row:
            row.set_extra(json.dumps(edit(row.extra_dejson)))
            if token is not None:
                row.set_password(token)


@contextmanager
def _row(conn_id: str) -> Iterator[Any]:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_session() as session:
            row = session.scalar(select(Connection).where(Connection.conn_id == conn_id).with_for_update())
            if row is None:
                raise not_in_airflow(conn_id)
            yield row
    except RuntimeError as error:
        raise PostBoostConfigError(
            f"Airflow does not let this task write to its database ({error}). Use AirflowApiStore.",
            code="no_database_access",
            field="store",
        ) from error
    except SQLAlchemyError as error:
        # The error's text has the values of the statement.
        raise UnconfirmedError(
            f"Airflow's database failed ({type(error).__name__}): connection {conn_id!r} may have been written.",
            code="store_unknown",
        ) from None
