"""Fetch a file from a URL, in a thread: from this machine only, and never with anything the caller sent."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ipaddress
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

from postboost_provider.sandbox.core.content import Content, Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_PIECE = 256 * 1024
_IN_URLS = "%:/?#[]@!$&'()*+,;="
_NOT_ALLOWED = "The sandbox fetches from this machine only (localhost, 127.0.0.1, ::1), unless remote_fetch_anywhere is on."


class FetchError(Exception):
    """Say why the file could not be had."""


@dataclass(slots=True)
class Source:
    """A file whose headers are there, and whose content is still to be read.

    :param size: what the server says; None where it does not say.
    """

    answer: Any
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
    """Judge by what is written: a name other than localhost is not looked up."""
    return is_url(text) and _is_loopback(urlsplit(text).hostname or "")


async def open_source(url: str, *, anywhere: bool, seconds: float) -> Source:
    """Ask for the file and return once its headers are there.

    :raises FetchError: it cannot be had, or not within that many seconds.
    """
    return await in_thread(lambda: _open(url, anywhere, time.monotonic() + seconds))


async def read_source(source: Source, *, most: int, keep: int) -> Content:
    """Read all of it.

    :raises FetchError: it breaks off, is too large or takes too long.
    """
    return await in_thread(lambda: _read(source, most, keep))


async def in_thread(act: Callable[[], T]) -> T:
    """Run it in a thread that does not hold up the end of the sandbox, as those of asyncio's pool would."""
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
            result = act()
        except Exception as failure:  # noqa: BLE001  raised in the one who waits for it
            error = failure
        with contextlib.suppress(RuntimeError):  # the sandbox has ended meanwhile
            loop.call_soon_threadsafe(deliver, result, error)

    threading.Thread(target=run, name="postboost-sandbox-fetch", daemon=True).start()
    return await done


@contextlib.contextmanager
def _fetching() -> Iterator[None]:
    """Say of whatever goes wrong that the file could not be had."""
    try:
        yield
    except FetchError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as failure:
        raise FetchError(f"The file could not be downloaded: {_reason(failure)}.") from failure


def _reason(failure: Exception) -> str:
    if isinstance(failure, urllib.error.HTTPError):
        return f"the server answered {failure.code}"
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


@_fetching()
def _open(url: str, anywhere: bool, deadline: float) -> Source:
    _check(url, anywhere)
    handlers: list[Any] = [_Redirects(anywhere)]
    if not anywhere:
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = [("User-Agent", "PostBoost-Sandbox")]
    answer = opener.open(quote(url, safe=_IN_URLS), timeout=max(0.001, deadline - time.monotonic()))
    length = answer.headers.get("Content-Length", "")
    return Source(
        answer=answer,
        deadline=deadline,
        name=PurePosixPath(unquote(urlsplit(answer.geturl()).path)).name[:255] or "file",
        mime_type=answer.headers.get_content_type() if "Content-Type" in answer.headers else None,
        size=int(length) if length.isdecimal() else None,
    )


@_fetching()
def _read(source: Source, most: int, keep: int) -> Content:
    intake = Intake(keep)
    with source.answer as answer:
        if source.size is not None and source.size > most:
            raise FetchError(f"The file must not be greater than {most} bytes.")
        while piece := answer.read1(_PIECE):
            intake.add(piece)
            if intake.size > most:
                raise FetchError(f"The file must not be greater than {most} bytes.")
            if time.monotonic() > source.deadline:
                raise FetchError("The file could not be downloaded: it took too long.")
    if source.size is not None and intake.size != source.size:
        raise FetchError(f"The download broke off after {intake.size} of {source.size} bytes.")
    return intake.content()
