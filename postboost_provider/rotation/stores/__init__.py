"""The places that a new key can be written to."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postboost_provider.rotation.stores.base import KeyStore


def default_store() -> KeyStore:
    """Return the store of Airflow's own connections: its REST API, or its database below Airflow 3."""
    if find_spec("airflow.sdk") is None:
        from postboost_provider.rotation.stores.airflow_database import AirflowDatabaseStore

        return AirflowDatabaseStore()
    from postboost_provider.rotation.stores.airflow_api import AirflowApiStore

    return AirflowApiStore()
