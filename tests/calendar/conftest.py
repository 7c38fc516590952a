"""A client of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client


@pytest.fixture
def api(sandbox: Sandbox, mocker: Any) -> Iterator[PostBoostClient]:
    mocker.patch("postboost_provider.api.client.time.sleep")
    with client(sandbox) as api:
        yield api
