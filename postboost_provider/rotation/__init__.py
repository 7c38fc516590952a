"""The rotation of a scoped key, without Airflow."""

from __future__ import annotations
