"""What tests of the client and of what is built on it share: a clock, PostBoost responding as configured, clients."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import respx
import tenacity

from postboost_provider.api import client as client_module, retry, transport
from postboost_provider.api.client import PostBoostClient
from postboost_provider.polling import poller
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.media import chunked_upload as uploads, upload as media
from tests.api.support import BASE, settings
from tests.services.media.chunked import CHUNK

TLS = ssl.create_default_context()


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the client, its retries and the poller. Nothing is random: pauses are half of the longest."""
    clock = Clock()
    monkeypatch.setattr(client_module, "time", clock)
    monkeypatch.setattr(transport, "time", clock)
    monkeypatch.setattr(tenacity, "time", clock)
    monkeypatch.setattr(poller, "time", clock)
    monkeypatch.setattr(retry, "random", SimpleNamespace(random=lambda: 0.5))
    return clock


@pytest.fixture(autouse=True)
def _quick_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the machine's certificates once and not for every client."""
    read = transport._tls
    monkeypatch.setattr(transport, "_tls", lambda given: read(given) if given.ca_bundle else TLS)


@pytest.fixture
def postboost() -> Iterator[respx.Router]:
    """PostBoost, responding as configured; any other request is an error."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
def connect(postboost: respx.Router) -> Iterator[Callable[..., PostBoostClient]]:
    """Make a client: its options, or changes to its settings."""
    opened = []

    def connect(changes: dict[str, Any] | None = None, **options: Any) -> PostBoostClient:
        opened.append(PostBoostClient(settings(**(changes or {})), **options))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch, clock: Clock, sandbox: Sandbox) -> None:
    """Have small files go in chunks, too, to a sandbox that wants small ones."""
    monkeypatch.setattr(media, "MULTIPART_LIMIT_BYTES", 100)
    monkeypatch.setattr(uploads, "time", clock)
    sandbox.reset(chunk_size=CHUNK)
