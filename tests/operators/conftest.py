"""A connection whose scoped key is to be rotated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from postboost_provider.sandbox.server import Sandbox
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
    mocker.patch("postboost_provider._compat.mask_secret")
    found = use_vault(monkeypatch, sandbox)
    found.put("admin", sandbox.tokens["admin"])
    hold_new_key(sandbox, found)
    return found
