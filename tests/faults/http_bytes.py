"""HTTP/1.1 as bytes on a socket: just enough for a proxy, and nothing of the client's or the server's own code."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

END = b"\r\n\r\n"


class GoneError(Exception):
    """The other side closed the connection, or broke it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response, as it was received."""

    raw: bytes
    start: str
    headers: dict[str, str]
    body: bytes

    @property
    def method(self) -> str:
        return self.start.split(" ")[0]

    @property
    def path(self) -> str:
        return self.start.split(" ")[1]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def is_keyed(self) -> bool:
        return "idempotency-key" in self.headers

    @property
    def wants_close(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


def receive(sock: socket.socket, *, has_body: bool = True) -> Message:
    """Receive one message.

    :param has_body: False for the response to a HEAD request.
    """
    raw = b""
    while END not in raw:
        raw += _more(sock)
    head, _, body = raw.partition(END)
    start, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while not (body.endswith(b"0" + END) and (len(body) == 5 or body[-7:-5] == b"\r\n")):
            body += _more(sock)
        return Message(head + END + body, start, headers, body)
    length = int(headers.get("content-length") or 0) if has_body else 0
    while len(body) < length:
        body += _more(sock)
    return Message(head + END + body, start, headers, body)


def _more(sock: socket.socket) -> bytes:
    try:
        data = sock.recv(262_144)
    except OSError as error:
        raise GoneError from error
    if not data:
        raise GoneError
    return data


def response(status: int, body: Any, content_type: str = "application/json", **headers: str) -> bytes:
    """Return the bytes of a response. A body that is not text or bytes is sent as JSON."""
    data = (
        body
        if isinstance(body, bytes)
        else body.encode()
        if isinstance(body, str)
        else json.dumps(body).encode()
    )
    lines = [f"HTTP/1.1 {status} Canned", f"content-type: {content_type}", f"content-length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + END + data


def page(status: int) -> bytes:
    """Return the page of a gateway or a firewall."""
    return response(
        status, f"<html><body><h1>{status}</h1><p>Request blocked.</p></body></html>", "text/html"
    )
