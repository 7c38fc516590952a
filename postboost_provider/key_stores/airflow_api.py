"""The public import path of ``AirflowApiStore``."""

from __future__ import annotations

from postboost_provider.rotation.stores.airflow_api import AirflowApiStore

__all__ = ["AirflowApiStore"]
