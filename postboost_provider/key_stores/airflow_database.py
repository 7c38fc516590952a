"""The public import path of ``AirflowDatabaseStore``."""

from __future__ import annotations

from postboost_provider.rotation.stores.airflow_database import AirflowDatabaseStore

__all__ = ["AirflowDatabaseStore"]
