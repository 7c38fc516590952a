"""Run a sandbox in a background thread: for tests, notebooks and the command line."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from postboost_provider.sandbox.core.settings import Settings
from postboost_provider.sandbox.server.app import API, build_app
from postboost_provider.sandbox.server.control import CONTROL
from postboost_provider.sandbox.server.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

T = TypeVar("T")

SAVED_EVERY_TICKS = 20


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # of httptools if installed, else of h11
    """Pass the connection's transport to the application, which drops it if a fault requires that."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Keep the event loop, so that other threads can run functions between requests, and do periodic work."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._service.resume()
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Run ten times a second: deliver webhooks while no requests arrive, and save the data."""
        if self._service.has_webhooks:
            self._service.advance_and_notify()
        if counter % SAVED_EVERY_TICKS == 0:
            self._service.save()
        return await super().on_tick(counter)


class Sandbox:
    """A local PostBoost. Use it in a ``with`` block; its methods can be called from any thread.

    :param host: the address to listen on.
    :param port: 0 is any free port.
    :param state: a file that keeps all data, tokens included, across restarts. It is written every two seconds and at
        the end. Settings are not kept.
    :param settings: the names and values of :class:`postboost_provider.sandbox.core.settings.Settings`.
    :raises OSError: the port is in use.
    :raises SavedStateError: the state file was not written by this version of the sandbox.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, state: str | Path | None = None, **settings: Any
    ) -> None:
        self._service = Service(Settings().changed(settings), Path(state) if state else None)
        self._host, self._port = host, port
        self.tokens: dict[str, str] = dict(self._service.tokens)
        self.workspaces: list[dict[str, str]] = self._service.workspaces()

    def __enter__(self) -> Self:
        self._socket = _listen(self._host, self._port)
        config = uvicorn.Config(
            build_app(self._service, self._host),
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_level="critical",  # the pipeline logs errors of handlers
            access_log=False,
            date_header=False,  # the app sets it by the sandbox's clock
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config, self._service)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="postboost-sandbox", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The sandbox did not start. See its log for the reason.")
            time.sleep(0.002)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._service.save()

    @property
    def base_url(self) -> str:
        return f"{self._origin}{API}"

    @property
    def page_url(self) -> str:
        """The page that shows the sandbox's data."""
        return f"{self._origin}/"

    @property
    def control_url(self) -> str:
        return f"{self._origin}{CONTROL}"

    def reset(self, **settings: Any) -> None:
        """Start over with the initial settings and these changes. Tokens stay valid."""
        self._run_in_server(lambda: self._service.reset(settings))

    def change(self, **settings: Any) -> None:
        """Change settings and keep all data."""
        self._run_in_server(lambda: self._service.change(settings))

    def change_account(self, account_id: int, **values: Any) -> None:
        """Change ``authorized``, ``has_token``, ``reconnect_code``, ``expires_in_seconds``, ``daily_cap`` or
        ``last_error`` of an account.
        """
        self._run_in_server(lambda: self._service.change_account(account_id, values))

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self._run_in_server(lambda: self._service.advance(seconds))

    def seed(self, **wanted: Any) -> dict[str, int]:
        """Add the given numbers of sample ``posts``, ``media``, ``tags`` and ``workspaces``, and return them."""
        return self._run_in_server(lambda: self._service.seed(wanted))

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace all faults; without arguments, clear them."""
        self._run_in_server(lambda: self._service.set_faults(rules))

    def state(self) -> dict[str, Any]:
        """Return clock, counts, summaries of posts and media, settings and remaining faults."""
        return self._run_in_server(self._service.state)

    def requests(self) -> list[dict[str, Any]]:
        """Return the API requests since the last reset, oldest first."""
        return self._run_in_server(self._service.requests)

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the webhook deliveries since the last reset, oldest first."""
        return self._run_in_server(self._service.deliveries)

    def resend(self, delivery_id: str) -> None:
        """Deliver an event again with the same id, like "resend" in PostBoost."""
        self._run_in_server(lambda: self._service.resend(delivery_id))

    @property
    def _origin(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._socket.getsockname()[1]}"

    def _run_in_server(self, function: Callable[[], T]) -> T:
        """Run a function in the server's event loop."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._server.loop).result()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
