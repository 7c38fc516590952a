"""A server on loopback that sends whatever bytes it is given, and a call with either client."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient
from postboost_provider.api.settings import ClientSettings
from tests.api.support import settings

Call = Callable[..., Any]


def _serve(listener: socket.socket, response: bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(2)
            try:
                while b"\r\n\r\n" not in connection.recv(65536):
                    pass
                connection.sendall(response)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], ClientSettings]]:
    """Start servers on loopback that send the same bytes to everyone, and return the settings for one."""
    listeners = []

    def start(response: bytes) -> ClientSettings:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=_serve, args=(listener, response), daemon=True).start()
        return settings(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/app/api", timeout_seconds=5)

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _blocking(given: ClientSettings, operation: str, **call: Any) -> Any:
    with PostBoostClient(given, attempts=1) as api:
        return api.call(operation, **call)


def _awaited(given: ClientSettings, operation: str, **call: Any) -> Any:
    async def run() -> Any:
        async with AsyncPostBoostClient(given, attempts=1) as api:
            try:
                return await api.call(operation, **call)
            finally:
                await asyncio.sleep(0.01)

    return asyncio.run(run())


@pytest.fixture(params=[_blocking, _awaited], ids=["blocking", "awaited"])
def call(request: pytest.FixtureRequest) -> Call:
    found: Call = request.param
    return found
