"""Airflow's human-in-the-loop operator, or an error that names the version it needs."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException

try:
    from airflow.providers.standard.operators.hitl import HITLOperator
except (ImportError, AirflowOptionalProviderFeatureException) as error:
    raise AirflowOptionalProviderFeatureException(
        "Operators that ask a person need Airflow 3.1 or newer, with a recent apache-airflow-providers-standard."
    ) from error

__all__ = ["HITLOperator"]
