"""Replace the scoped key of a connection: the steps without Airflow, and the stores that write connections."""

from __future__ import annotations
