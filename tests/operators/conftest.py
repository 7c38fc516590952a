"""A connection whose scoped key is to be rotated, and time that passes while a post is waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.naps import pass_at_once
from tests.operators.rotations import (
    NOON,
    hold_new_key,
)
from tests.vault import Vault, use_vault


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON) as traveller:
        yield traveller


@pytest.fixture
def vault(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, clock: time_machine.Traveller, mocker: Any
) -> Vault:
    sandbox.reset()
    mocker.patch("postboost_provider.airflow_support.compat.mask_secret")
    found = use_vault(monkeypatch, sandbox)
    found.put("admin", sandbox.tokens["admin"])
    hold_new_key(sandbox, found)
    return found


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> list[float]:
    """Let a nap of the operator or of the trigger move its clock and the sandbox's, and note how long each was."""
    use_connection(monkeypatch, sandbox)

    def nap(seconds: float) -> None:
        assert len(taken) < 50, "the wait does not end"
        sandbox.advance(seconds)

    taken = pass_at_once(mocker, nap)
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    mocker.patch("postboost_provider.triggers.shared_poller.GATHER_SECONDS", 0)
    for module in ("posts", "post_wait"):
        clock = mocker.patch(f"postboost_provider.operators.{module}.datetime", wraps=datetime)
        clock.now.side_effect = lambda zone: datetime.now(zone) + timedelta(seconds=sum(taken))
    return taken


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Sandbox:
    use_connection(monkeypatch, sandbox)
    return sandbox


PANEL_VARIANTS: list[dict[str, Any]] = [{}, {"put_owner": "drop"}, {"member_again": 201}]


@pytest.fixture(params=PANEL_VARIANTS, ids=str)
def panel(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> Sandbox:
    sandbox.reset(**request.param)
    use_connection(monkeypatch, sandbox, "admin")
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    return sandbox
