"""A sandbox under each of its settings, and its client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.clients import VARIANTS, client, variant_name
from tests.naps import pass_at_once


@pytest.fixture(params=VARIANTS, ids=variant_name)
def server(request: pytest.FixtureRequest, sandbox: Sandbox) -> Sandbox:
    sandbox.reset(**request.param)
    return sandbox


@pytest.fixture
def api(server: Sandbox, mocker: Any) -> Iterator[PostBoostClient]:
    mocker.patch("postboost_provider.api.client.time.sleep")
    with client(server) as api:
        yield api


@pytest.fixture
def slept(mocker: Any) -> list[float]:
    return pass_at_once(mocker, lambda _: None)
