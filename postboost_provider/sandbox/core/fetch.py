"""Download a file from a URL in a thread: only from this machine by default, and never with the caller's headers."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ipaddress
import socket
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from postboost_provider.sandbox.core.file_content import Content, ContentBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_CHUNK = 256 * 1024
_IN_URLS = "%:/?#[]@!$&'()*+,;="
_NOT_ALLOWED = (
    "The sandbox downloads only from this machine (localhost, 127.0.0.1, ::1). Turn remote_fetch_anywhere on to allow"
    " other hosts."
)


class FetchError(Exception):
    """The file could not be downloaded."""


@dataclass(slots=True)
class Source:
    """A file whose headers were received, and whose content is not read yet.

    :param size: the Content-Length; None without one.
    """

    response: Any
    deadline: float
    name: str
    mime_type: str | None
    size: int | None


def is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def is_loopback_url(text: str) -> bool:
    """Return whether the URL names this machine. Names other than localhost are not resolved."""
    return is_url(text) and _is_loopback(urlsplit(text).hostname or "")


def is_private_url(text: str) -> bool:
    """Return whether the URL names a host of a private network: an address, or a name that the Internet lacks.

    Other names are not resolved.
    """
    host = (urlsplit(text).hostname or "").rstrip(".").lower()
    address = _address(host)
    if address is not None:
        mapped = getattr(address, "ipv4_mapped", None) or address
        return not mapped.is_global or mapped.is_multicast
    return "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan", ".home.arpa"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is, also in the short and the numeric forms that resolvers accept."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


async def open_source(url: str, *, anywhere: bool, seconds: float) -> Source:
    """Request the file and return once its headers were received.

    :raises FetchError: it cannot be downloaded, or not within that many seconds.
    """
    return await in_thread(lambda: _open(url, anywhere, time.monotonic() + seconds))


async def read_source(source: Source, *, maximum: int, keep: int) -> Content:
    """Read the content.

    :raises FetchError: the connection drops, the file is too large or takes too long.
    """
    return await in_thread(lambda: _read(source, maximum, keep))


async def in_thread(function: Callable[[], T]) -> T:
    """Run a function in a daemon thread. Threads of asyncio's pool would delay stopping the sandbox."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        error: Exception | None = None
        try:
            result = function()
        except Exception as failure:  # noqa: BLE001  raised in the caller
            error = failure
        with contextlib.suppress(RuntimeError):  # the sandbox was stopped meanwhile
            loop.call_soon_threadsafe(deliver, result, error)

    threading.Thread(target=run, name="postboost-sandbox-fetch", daemon=True).start()
    return await done


@contextlib.contextmanager
def _download_errors() -> Iterator[None]:
    """Turn every failure into a :class:`FetchError`."""
    try:
        yield
    except FetchError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as failure:
        raise FetchError(f"The file could not be downloaded: {_reason(failure)}.") from failure


def _reason(failure: Exception) -> str:
    if isinstance(failure, urllib.error.HTTPError):
        return f"the server responded with {failure.code}"
    return str(getattr(failure, "reason", None) or failure or type(failure).__name__)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, anywhere: bool) -> None:
        self._anywhere = anywhere

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check(newurl, self._anywhere)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(url: str, anywhere: bool) -> None:
    if not is_url(url):
        raise FetchError("The file could not be downloaded: only http and https are supported.")
    host = urlsplit(url).hostname or ""
    if not anywhere and not _is_loopback(host):
        raise FetchError(_NOT_ALLOWED)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@_download_errors()
def _open(url: str, anywhere: bool, deadline: float) -> Source:
    _check(url, anywhere)
    handlers: list[Any] = [_Redirects(anywhere)]
    if not anywhere:
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = [("User-Agent", "PostBoost-Sandbox")]
    response = opener.open(quote(url, safe=_IN_URLS), timeout=max(0.001, deadline - time.monotonic()))
    length = response.headers.get("Content-Length", "")
    return Source(
        response=response,
        deadline=deadline,
        name=PurePosixPath(unquote(urlsplit(response.geturl()).path)).name[:255] or "file",
        mime_type=response.headers.get_content_type() if "Content-Type" in response.headers else None,
        size=int(length) if length.isdecimal() else None,
    )


@_download_errors()
def _read(source: Source, maximum: int, keep: int) -> Content:
    builder = ContentBuilder(keep)
    with source.response as response:
        if source.size is not None and source.size > maximum:
            raise FetchError(f"The file must not be greater than {maximum} bytes.")
        while chunk := response.read1(_CHUNK):
            builder.add(chunk)
            if builder.size > maximum:
                raise FetchError(f"The file must not be greater than {maximum} bytes.")
            if time.monotonic() > source.deadline:
                raise FetchError("The file could not be downloaded: it took too long.")
    if source.size is not None and builder.size != source.size:
        raise FetchError(f"The connection dropped after {builder.size} of {source.size} bytes.")
    return builder.content()
