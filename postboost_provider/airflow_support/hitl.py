"""Airflow's human-in-the-loop operator, and what a person chose in its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException

try:
    from airflow.providers.standard.operators.hitl import HITLOperator
except (ImportError, AirflowOptionalProviderFeatureException) as error:
    raise AirflowOptionalProviderFeatureException(
        "Operators that ask a person need Airflow 3.1 or newer, with a recent apache-airflow-providers-standard."
    ) from error

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HITLOperator", "read_choice"]


def read_choice(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the option that a person chose, and the person's name."""
    (chosen,) = event["chosen_options"]
    return chosen, (event.get("responded_by_user") or {}).get("name") or "Somebody"
