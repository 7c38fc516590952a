"""The few Airflow names that differ between versions and that the compat provider's floor lacks."""

from __future__ import annotations

import importlib
from typing import Any


def mask_secret(secret: str) -> None:
    """Mask the value in the logs of this process from now on."""
    masker: Any
    try:
        masker = importlib.import_module("airflow.sdk.log")
    except ImportError:
        masker = importlib.import_module("airflow.utils.log.secrets_masker")
    masker.mask_secret(secret)
