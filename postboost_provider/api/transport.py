"""One attempt: a request out, an answer in. The only file with httpx, blocking and awaiting."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
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
    from postboost_provider.api.requests import ClientSettings, Request


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, not yet understood. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


# Where the body of an answer of that status and with these headers goes; None keeps it in memory.
Into = Callable[[int, Mapping[str, str]], IO[bytes] | None]


def in_memory(status: int, headers: Mapping[str, str]) -> None:
    """Keep every answer's body in memory."""


class Transport:
    """Send requests that block. It may be used from several threads.

    Redirects are not followed and the environment's proxies are ignored: the token stays with its origin.
    """

    def __init__(self, settings: ClientSettings) -> None:
        self._http = httpx.Client(
            follow_redirects=False, trust_env=False, proxy=_proxy(settings), verify=_tls(settings.ca_bundle)
        )

    def close(self) -> None:
        self._http.close()

    def send(self, request: Request, settings: ClientSettings, ends: float, into: Into = in_memory) -> Answer:
        """Send once and return the answer.

        :param ends: the monotonic instant at which to give up.
        :param into: says by status and headers where the answer's body goes, part by part as it comes, instead of
            into the answer that is returned.
        :raises UnreachableError: it was not sent, or was a read.
        :raises UnconfirmedError: it was sent, and no answer came.
        """
        with ExitStack() as opened:
            try:
                sent, limit = _build(self._http, request, settings, ends, opened)
                response = opened.enter_context(closing(self._http.send(sent, stream=True)))
                file = into(response.status_code, response.headers)
                parts: list[bytes] = []
                write = opened.enter_context(file).write if file is not None else parts.append
                for part in response.iter_bytes():
                    write(part)
                    _check_time(limit)
            except httpx.HTTPError as error:
                raise unanswered(settings, request, error) from error
        return Answer(response.status_code, response.headers, b"".join(parts))


class AsyncTransport:
    """Send requests from an event loop, through aiohttp: its pool does not slow down with the number in flight."""

    def __init__(self, settings: ClientSettings) -> None:
        self._http = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, transport=_aiohttp_transport(settings)
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, request: Request, settings: ClientSettings, ends: float) -> Answer:
        """Send once and return the answer: :meth:`Transport.send`, awaited."""
        with ExitStack() as opened:
            try:
                sent, limit = _build(self._http, request, settings, ends, opened)
                response = await self._http.send(sent, stream=True)
                try:
                    content = bytearray()
                    async for part in response.aiter_bytes():
                        content += part
                        _check_time(limit)
                finally:
                    await response.aclose()
            except httpx.HTTPError as error:
                raise unanswered(settings, request, error) from error
        return Answer(response.status_code, response.headers, bytes(content))


def _build(
    http: httpx.Client | httpx.AsyncClient,
    request: Request,
    settings: ClientSettings,
    ends: float,
    opened: ExitStack,
) -> tuple[httpx.Request, float]:
    """Return httpx's request, and the instant to give its answer up."""
    # The last attempt gets a second at least; httpx's own timeout starts anew with every part of an answer.
    limit = max(ends, time.monotonic() + 1.0)
    sent = http.build_request(
        request.operation.method,
        request.url,
        headers={**request.headers, **_authorization(settings)},
        timeout=min(settings.timeout_seconds, limit - time.monotonic()),
        **_body_of(request, opened),
    )
    return sent, limit


def _authorization(settings: ClientSettings) -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.token}"} if settings.token else {}


def _check_time(limit: float) -> None:
    if time.monotonic() > limit:
        raise httpx.ReadTimeout("the answer took longer than the deadline")


def unanswered(settings: ClientSettings, request: Request, error: httpx.HTTPError) -> PostBoostError:
    """Return the error for a request that got no answer: what that means depends on whether it was sent."""
    op, why = request.operation, settings.redact(f"{type(error).__name__}: {error}")
    if _was_never_sent(error):
        return UnreachableError(
            f"{op.operation}: {settings.base_url} cannot be reached ({why}). Nothing was sent. Check the host of "
            f"{settings.name}, the network, and its proxy if it needs one."
        )
    if op.is_read and op.repeatable:
        return UnreachableError(f"{op.operation}: {settings.base_url} gave no answer ({why}). Try again.")
    return UnconfirmedError(
        f"{op.operation}: sent, but no answer came ({why}). It may have happened: look in PostBoost before sending "
        "it again, or run the task again, which looks first.",
        cause=why,
    )


def _was_never_sent(error: httpx.HTTPError) -> bool:
    if not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)):
        return False
    # httpx-aiohttp calls a connection that broke off after the request was sent a ConnectTimeout, too.
    return type(error.__cause__).__name__ not in (
        "ServerDisconnectedError",
        "ClientOSError",
        "ServerConnectionError",
    )


def _aiohttp_transport(settings: ClientSettings) -> httpx.AsyncBaseTransport:
    # Not at module level: aiohttp takes longer to import than everything else together, at every parse of a DAG.
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector
    from httpx_aiohttp import AiohttpTransport

    tls = _tls(settings.ca_bundle)

    def session() -> ClientSession:
        return ClientSession(connector=TCPConnector(ssl=tls, limit=0), cookie_jar=DummyCookieJar())

    return AiohttpTransport(verify=tls, trust_env=False, proxy=_proxy(settings), client=session)


def _proxy(settings: ClientSettings) -> httpx.Proxy | None:
    # A proxy sees everything of a request to http://, the token too; what is on this machine needs none.
    if not settings.proxy or settings.base_url.startswith("http://"):
        return None
    return httpx.Proxy(settings.proxy)


def _body_of(request: Request, opened: ExitStack) -> dict[str, Any]:
    """Return httpx's arguments for the body; files are opened from their start and closed with ``opened``."""
    if request.files is None:
        return {"content": request.content}
    files = {
        name: (part.filename, opened.enter_context(part.open()), part.mime_type)
        for name, part in request.files.items()
    }
    return {"data": dict(request.form or {}), "files": files}


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """Read the certificates that come with httpx once for all clients: it takes longer than many a request."""
    return httpx.create_ssl_context(trust_env=False)


def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    if not ca_bundle:
        return _default_tls()
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise PostBoostConfigError(
            f"The CA bundle {ca_bundle!r} cannot be read ({error.strerror or error}). Correct ca_bundle in the "
            "connection's extras, or leave it empty."
        ) from error
