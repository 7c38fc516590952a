"""Tokens that expire, and the sensor that checks them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor
from tests.airflow_stubs import use_connection

SECOND = timedelta(seconds=1)


def sensor(**options: Any) -> PostBoostTokenExpirySensor:
    return PostBoostTokenExpirySensor(task_id="guard", **options)


def in_days(days: float) -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


def use_three(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> list[str]:
    use_connection(monkeypatch, sandbox, conn_id="good", expires_on="never")
    use_connection(monkeypatch, sandbox, "expiring", conn_id="ending", expires_on=f"{in_days(3):%Y-%m-%d}")
    use_connection(monkeypatch, sandbox, "expired", conn_id="expired")
    return ["good", "ending", "expired"]
