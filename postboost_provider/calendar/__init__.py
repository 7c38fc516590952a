"""A content calendar: its rows, one run over them, and the report of it. No Airflow in here."""

from __future__ import annotations
