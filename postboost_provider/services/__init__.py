"""What PostBoost does besides publishing, without Airflow."""

from __future__ import annotations
