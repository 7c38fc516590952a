"""Send a request once and receive its response, blocking or awaited."""

from __future__ import annotations

import functools
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, TypeVar

import httpx

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
    UnconfirmedError,
    UnexpectedResponseError,
    UnreachableError,
)
from postboost_provider.api.safety import check_mode

if TYPE_CHECKING:
    from postboost_provider.api.requests import Request
    from postboost_provider.api.settings import ClientSettings

T = TypeVar("T")

_sending: ContextVar[ClientSettings | None] = ContextVar("sending", default=None)


def _redact_record(record: logging.LogRecord) -> bool:
    """Redact a line of the HTTP libraries about a request of ours: they log what a server sent, perhaps an echo."""
    if settings := _sending.get():
        record.msg, record.args = settings.redact(record.getMessage()), ()
    return True


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_redact_record)

# What one response may take in memory, decompressed: far more than a list of a hundred posts.
MAX_RESPONSE_BYTES = 32 * 1024 * 1024
# Compressed bytes that are decompressed at once: gzip makes at most about 8 MB of them.
SLICE_BYTES = 8 * 1024
DECODABLE = ("", "identity", "gzip", "x-gzip", "deflate")


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response before it is interpreted. Header names are lower case. Without content, it was written to a file.

    Trackers of errors show the variables of a traceback, and a response may echo what was sent: it is not shown.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)


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
            follow_redirects=False, trust_env=False, proxy=_proxy(settings), verify=_tls(settings)
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
        step = functools.partial(_network_step, settings, request)
        with ExitStack() as opened:
            sent, limit = _build(request, settings, deadline, opened)
            response = step(lambda: self._http.send(sent, stream=True))
            opened.callback(step, response.close)
            step(lambda: _limit_decompression(response))
            # Errors of the file are not errors of the network.
            file = into(response.status_code, response.headers)
            received = _received(response, limit, in_memory=file is None)
            if file is None:
                content = step(lambda: b"".join(received))
                return RawResponse(response.status_code, response.headers, content)
            write = opened.enter_context(file).write
            while (part := step(lambda: next(received, None))) is not None:
                write(part)
        return RawResponse(response.status_code, response.headers, None)


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
            sent, limit = _build(request, settings, deadline, opened)
            content = bytearray()
            try:
                async with aclosing(await self._http.send(sent, stream=True)) as response:
                    _limit_decompression(response)
                    async for part in response.aiter_bytes():
                        content += part
                        _check_limits(limit, len(content))
                return RawResponse(response.status_code, response.headers, bytes(content))
            except Exception as error:  # noqa: BLE001  aiohttp raises more than httpx knows
                failure = no_response(settings, request, error)
        raise failure


def _build(
    request: Request, settings: ClientSettings, deadline: float, opened: ExitStack
) -> tuple[httpx.Request, float]:
    """Return httpx's request, and the instant to give up waiting for its response.

    It has no cookies, and none of httpx's default headers.

    :raises ModeError: the safety mode forbids it.
    """
    check_mode(request, settings)
    opened.callback(_sending.reset, _sending.set(settings))
    authorization = {"Authorization": f"Bearer {settings.token}"} if settings.token else {}
    # The last attempt gets at least a second. httpx's own timeout starts again with every part of a response.
    limit = max(deadline, time.monotonic() + 1.0)
    seconds = min(settings.timeout_seconds, limit - time.monotonic())
    sent = httpx.Request(
        request.operation.method,
        request.url,
        headers={"Accept-Encoding": "gzip, deflate", **request.headers, **authorization},
        extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)},
        **_body_of(request, opened),
    )
    return sent, limit


class _Sliced(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The stream of a response in small parts: httpx decompresses each part as a whole."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            yield from _slices(part)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            for piece in _slices(part):
                yield piece

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


def _slices(part: bytes) -> Iterator[bytes]:
    return (part[start : start + SLICE_BYTES] for start in range(0, len(part), SLICE_BYTES))


def _limit_decompression(response: httpx.Response) -> None:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in DECODABLE:
        # A server may have written anything here, even what it was sent.
        shown = encoding if re.fullmatch(r"[a-z0-9-]{1,16}", encoding) else "(not shown)"
        raise UnexpectedResponseError(
            f"The response is compressed as {shown}, which was not asked for. Check what is in front of PostBoost.",
            code="not_decodable",
        )
    if encoding not in ("", "identity"):
        response.stream = _Sliced(response.stream)


def _received(response: httpx.Response, limit: float, *, in_memory: bool) -> Iterator[bytes]:
    """Yield the parts of the body while they come within the limits."""
    size = 0
    for part in response.iter_bytes():
        size += len(part) if in_memory else 0
        _check_limits(limit, size)
        yield part


def _check_limits(limit: float, size: int) -> None:
    if time.monotonic() > limit:
        raise httpx.ReadTimeout("the response took longer than the deadline")
    if size > MAX_RESPONSE_BYTES:
        raise UnexpectedResponseError(
            f"The response has more than {MAX_RESPONSE_BYTES:,} bytes, the limit of what is kept in memory. Ask for less at "
            "once, or check what is in front of PostBoost.",
            code="too_large",
        )


def _network_step(settings: ClientSettings, request: Request, step: Callable[[], T]) -> T:
    """Run a step of a request. Whatever fails in it is PostBoost's error.

    Both clients raise it outside the handler, so that it has no context: the libraries' errors hold the request with
    its Authorization header.
    """
    try:
        return step()
    except Exception as error:  # noqa: BLE001
        failure = no_response(settings, request, error)
    raise failure


def no_response(settings: ClientSettings, request: Request, error: Exception) -> PostBoostError:
    """Return the error for a request without a response. Its type depends on whether the request was sent."""
    if isinstance(error, PostBoostError):
        # A limit of this module, or of the file that is sent.
        return error
    # The server may have written anything into the message, even a line break.
    op, why = request.operation, f"{type(error).__name__}: {clean_text(settings.redact(str(error))[:300])}"
    if _was_never_sent(error):
        return UnreachableError(
            f"{settings.base_url} can't be reached for {op.operation} ({why}). Nothing was sent. Check the host of "
            f"{settings.name}, the network, and the proxy if one is needed.",
            code="not_sent",
        )
    if op.is_read and op.retryable:
        return UnreachableError(
            f"{settings.base_url} sent no response to {op.operation} ({why}). Nothing was changed. Retry later.",
            code="no_response",
        )
    cause = f"The request {op.operation} was sent, but no response came ({why})"
    advice = "It may have happened. Retry the task, which checks PostBoost first, or check before you send it again."
    return UnconfirmedError(f"{cause}. {advice}", cause=cause, code="no_response")


def _was_never_sent(error: Exception) -> bool:
    if not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)):
        return False
    cause = type(error.__cause__)
    # httpx-aiohttp also raises a ConnectTimeout when a connection breaks after the request was sent.
    unsent = {"ClientConnectorError", "ClientHttpProxyError", "ConnectionTimeoutError"}
    return not cause.__module__.startswith("aiohttp") or bool(
        unsent & {kind.__name__ for kind in cause.__mro__}
    )


def _aiohttp_transport(settings: ClientSettings) -> httpx.AsyncBaseTransport:
    # Not at module level: aiohttp takes longer to import than everything else together.
    from aiohttp import ClientRequest, ClientSession, DummyCookieJar, RequestInfo, TCPConnector
    from httpx_aiohttp import AiohttpTransport
    from multidict import CIMultiDict, CIMultiDictProxy

    class Discreet(ClientRequest):
        """A request that aiohttp's errors, which asyncio logs if nobody retrieves them, show without its headers."""

        @property
        def request_info(self) -> RequestInfo:
            return super().request_info._replace(headers=CIMultiDictProxy(CIMultiDict()))

    tls = _tls(settings)

    def session() -> ClientSession:
        connector = TCPConnector(ssl=tls, limit=0)
        return ClientSession(connector=connector, cookie_jar=DummyCookieJar(), request_class=Discreet)

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


def _tls(settings: ClientSettings) -> ssl.SSLContext:
    path = settings.ca_bundle
    if not path:
        return _default_tls()
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
    # Someone may have pasted a token here.
    shown = repr(settings.redact(path)) if path.startswith(("/", ".")) and "|" not in path else "(not shown)"
    raise PostBoostConfigError(
        f"The CA bundle {shown} can't be read ({why}). Correct ca_bundle in the connection's extras to the path of a PEM "
        "file, or leave it empty.",
        field="ca_bundle",
        code="unreadable_ca_bundle",
    )
