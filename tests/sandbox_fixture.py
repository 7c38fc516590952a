"""Fixtures: one sandbox for the session, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postboost_provider.sandbox.server import Sandbox


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Sandbox]:
    """A running sandbox. What tests do to it stays; use ``sandbox`` to start fresh."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Sandbox:
    """The running sandbox with fresh state, the real time, no faults and the default settings."""
    sandbox_server.reset()
    return sandbox_server
