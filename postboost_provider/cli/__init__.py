"""The commands for a terminal: ``airflow postboost ...`` and ``python -m postboost_provider ...``."""

from __future__ import annotations

from postboost_provider.cli.parser import get_cli_commands

__all__ = ["get_cli_commands"]
