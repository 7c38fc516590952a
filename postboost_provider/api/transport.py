"""Send a request once and receive its response, blocking or awaited."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing, closing
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import httpx

from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
    UnconfirmedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from postboost_provider.api.requests import Request
    from postboost_provider.api.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response before it is interpreted. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


# Returns where the body of a response with that status and these headers goes; None keeps it in memory.
Into = Callable[[int, Mapping[str, str]], IO[bytes] | None]


def in_memory(status: int, headers: Mapping[str, str]) -> None:
    """Keep every body in memory."""


class Transport:
    """Send requests and wait for their responses. It may be used from several threads.

    Redirects are not followed and the environment's proxies are ignored: the token stays with its origin.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._http = httpx.Client(
            follow_redirects=False, trust_env=False, proxy=_proxy(settings), verify=_tls(settings.ca_bundle)
        )

    def close(self) -> None:
        self._http.close()

    def send(
        self, request: Request, settings: ClientSettings, deadline: float, into: Into = in_memory
    ) -> RawResponse:
        """Send once and return the response.

        :param deadline: the monotonic instant at which to give up.
        :param into: decides by status and headers where the body is written as it arrives.
        :raises UnreachableError: the request was not sent, or was a read.
        :raises UnconfirmedError: the request was sent and got no response.
        """
        with ExitStack() as opened:
            try:
                sent, limit = _build(self._http, request, settings, deadline, opened)
                response = opened.enter_context(closing(self._http.send(sent, stream=True)))
                file = into(response.status_code, response.headers)
                parts: list[bytes] = []
                write = opened.enter_context(file).write if file is not None else parts.append
                for part in response.iter_bytes():
                    write(part)
                    _check_time(limit)
            except httpx.HTTPError as error:
                raise no_response(settings, request, error) from error
        return RawResponse(response.status_code, response.headers, b"".join(parts))


class AsyncTransport:
    """Send requests from an event loop, through aiohttp: its pool does not slow down with the number in flight."""

    def __init__(self, settings: ClientSettings) -> None:
        transport = _aiohttp_transport(settings)
        self._http = httpx.AsyncClient(follow_redirects=False, trust_env=False, transport=transport)

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, request: Request, settings: ClientSettings, deadline: float) -> RawResponse:
        """Send once and return the response: :meth:`Transport.send`, awaited."""
        with ExitStack() as opened:
            try:
                sent, limit = _build(self._http, request, settings, deadline, opened)
                content = bytearray()
                async with aclosing(await self._http.send(sent, stream=True)) as response:
                    async for part in response.aiter_bytes():
                        content += part
                        _check_time(limit)
            except httpx.HTTPError as error:
                raise no_response(settings, request, error) from error
        return RawResponse(response.status_code, response.headers, bytes(content))


def _build(
    http: httpx.Client | httpx.AsyncClient,
    request: Request,
    settings: ClientSettings,
    deadline: float,
    opened: ExitStack,
) -> tuple[httpx.Request, float]:
    """Return httpx's request, and the instant to give up waiting for its response."""
    authorization = {"Authorization": f"Bearer {settings.token}"} if settings.token else {}
    # The last attempt gets at least a second. httpx's own timeout starts again with every part of a response.
    limit = max(deadline, time.monotonic() + 1.0)
    sent = http.build_request(
        request.operation.method,
        request.url,
        headers={**request.headers, **authorization},
        timeout=min(settings.timeout_seconds, limit - time.monotonic()),
        **_body_of(request, opened),
    )
    return sent, limit


def _check_time(limit: float) -> None:
    if time.monotonic() > limit:
        raise httpx.ReadTimeout("the response took longer than the deadline")


def no_response(settings: ClientSettings, request: Request, error: httpx.HTTPError) -> PostBoostError:
    """Return the error for a request without a response. Its type depends on whether the request was sent."""
    op, why = request.operation, settings.redact(f"{type(error).__name__}: {error}")
    if _was_never_sent(error):
        return UnreachableError(
            f"{op.operation}: {settings.base_url} can't be reached ({why}). Nothing was sent. Check the host of "
            f"{settings.name}, the network, and the proxy if one is needed."
        )
    if op.is_read and op.repeatable:
        return UnreachableError(
            f"{op.operation}: {settings.base_url} sent no response ({why}). Nothing was changed. Retry later."
        )
    cause = f"{op.operation}: the request was sent, but no response came ({why})"
    advice = "It may have happened. Retry the task, which checks PostBoost first, or check before you send it again."
    return UnconfirmedError(f"{cause}. {advice}", cause=cause)


def _was_never_sent(error: httpx.HTTPError) -> bool:
    if not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)):
        return False
    # httpx-aiohttp also raises a ConnectTimeout when a connection breaks after the request was sent.
    broken = ("ServerDisconnectedError", "ClientOSError", "ServerConnectionError")
    return type(error.__cause__).__name__ not in broken


def _aiohttp_transport(settings: ClientSettings) -> httpx.AsyncBaseTransport:
    # Not at module level: aiohttp takes longer to import than everything else together.
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector
    from httpx_aiohttp import AiohttpTransport

    tls = _tls(settings.ca_bundle)

    def session() -> ClientSession:
        return ClientSession(connector=TCPConnector(ssl=tls, limit=0), cookie_jar=DummyCookieJar())

    return AiohttpTransport(verify=tls, trust_env=False, proxy=_proxy(settings), client=session)


def _proxy(settings: ClientSettings) -> httpx.Proxy | None:
    # A proxy sees all of a request to http://, including the token, and a server on this machine needs none.
    if not settings.proxy or settings.base_url.startswith("http://"):
        return None
    return httpx.Proxy(settings.proxy)


def _body_of(request: Request, opened: ExitStack) -> dict[str, Any]:
    """Return httpx's arguments for the body. Files are opened from their start and closed with ``opened``."""
    if request.files is None:
        return {"content": request.content}
    files = {
        name: (part.filename, opened.enter_context(part.open()), part.mime_type)
        for name, part in request.files.items()
    }
    return {"data": dict(request.form or {}), "files": files}


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """Read httpx's certificates once for all clients: it takes longer than many requests."""
    return httpx.create_ssl_context(trust_env=False)


def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    if not ca_bundle:
        return _default_tls()
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise PostBoostConfigError(
            f"The CA bundle {ca_bundle!r} can't be read ({error.strerror or error}). Correct ca_bundle in the "
            "connection's extras, or leave it empty.",
            field="ca_bundle",
        ) from error
