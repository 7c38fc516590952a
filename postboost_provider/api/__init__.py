"""The PostBoost API, without Airflow."""

from __future__ import annotations
