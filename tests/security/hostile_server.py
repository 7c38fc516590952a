"""A server on loopback that goes wrong in every way, often with the token that it was sent in its response."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

Answer = Callable[[str], bytes]


def _reply(status: str, body: bytes, kind: str = "application/json", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def _json(status: str, body: Any, *headers: str) -> bytes:
    return _reply(status, json.dumps(body).encode(), "application/json", *headers)


def _escaped(status: str, token: str) -> bytes:
    """Return JSON that writes every character of the token as an escape."""
    written = "".join(f"\\u{ord(char):04x}" for char in f"Bearer {token}")
    return _reply(status, f'{{"message": "You sent {written}", "code": "{written}"}}'.encode())


OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
# What the server makes of a request, by name, from the token that it was sent.
FAILURES: dict[str, Answer] = {
    "401": lambda t: _json("401 Unauthorized", {"message": "Unauthenticated."}),
    "401 echo": lambda t: _json("401 Unauthorized", {"message": f"Not valid: Bearer {t}"}),
    "401 echo, escaped": lambda t: _escaped("401 Unauthorized", t),
    "401 echo of a part": lambda t: _json("401 Unauthorized", {"message": f"Not valid: {t[:12]}..."}),
    "403": lambda t: _json("403 Forbidden", {"message": f"No: {t}", "code": "insufficient_scope"}),
    "403 page": lambda t: _reply("403 Forbidden", f"<h1>Blocked</h1>Bearer {t}".encode(), "text/html"),
    "404 echo": lambda t: _json("404 Not Found", {"message": f"Nothing here for {t}"}),
    "409 echo": lambda t: _json("409 Conflict", {"message": t, "code": t, "existing_post_uuid": t}),
    "422 echo": lambda t: _json("422 Unprocessable", {"message": t, "errors": {t: [t], "name": t}}),
    "422 echo, URL-encoded": lambda t: _json("422 Unprocessable", {"message": quote(t, safe="")}),
    "422 echo, base64": lambda t: _json(
        "422 Unprocessable", {"message": base64.b64encode(f"Bearer {t}".encode()).decode()}
    ),
    "429 echo": lambda t: _json("429 Too Many", {"message": t, "code": t, "limit": t, "used": t}),
    "500 echo": lambda t: _json("500 Server Error", {"message": t, "run_id": t, "exception": t}),
    "503 echo": lambda t: _json("503 Unavailable", {"retry_after": t}, f"Retry-After: {t}"),
    "success false": lambda t: _json("200 OK", {"success": False, "message": t}),
    "success echo": lambda t: _json("200 OK", {"data": [{"id": 1, "uuid": t, "name": f"Bearer {t}"}], "uuid": t}),
    "success echo, escaped": lambda t: _escaped("200 OK", t),
    "garbage": lambda t: _reply("200 OK", b"\x00\xff\x1b[31m" + t.encode(), "text/html"),
    "deep": lambda t: _reply("200 OK", b"[" * 3000 + f'"{t}"'.encode() + b"]" * 3000),
    "status line": lambda t: f"HTTX/1.1 200 {t}\r\n\r\n".encode(),
    "status": lambda t: f"HTTP/1.1 {t} OK\r\n\r\n".encode(),
    "header": lambda t: f"{OK}{t} no colon here\r\n\r\n".encode(),
    "control character in a header": lambda t: f"{OK}X-A: {t}\x00b\r\n\r\n".encode(),
    "chunk": lambda t: f"{OK}Transfer-Encoding: chunked\r\n\r\n{t}\r\n{{}}\r\n0\r\n\r\n".encode(),
    "length": lambda t: f"{OK}Content-Length: {t}\r\n\r\n{{}}".encode(),
    "cut off": lambda t: f'{OK}Content-Length: 900\r\n\r\n{{"message": "{t}'.encode(),
    "compression": lambda t: f"{OK}Content-Encoding: {t}\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
    "gzip": lambda t: _reply("422 No", gzip.compress(json.dumps({"message": t}).encode()), "application/json", "Content-Encoding: gzip"),
    "redirect": lambda t: _reply("302 Found", b"", "text/html", f"Location: https://elsewhere.invalid/?t={t}"),
    "reason": lambda t: _json(f"418 {t}", {"message": ""}),
    "nothing": lambda t: b"",
}  # fmt: skip

# Nothing of ours has the token in a variable then. What a server echoes is, until it is redacted.
WITHOUT_ECHO = ("401", "nothing")


class HostileServer:
    """Answers every request alike: ``answer`` may be changed at any time. ``seen`` are the heads of the requests."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.answer: Answer | None = None
        self.seen: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._respond, args=(connection,), daemon=True).start()

    def _respond(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(2)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (part := connection.recv(65536)):
                    return
                head += part
            self.seen.append(head)
            if self.answer is not None:
                connection.sendall(self.answer(self.token))
                connection.shutdown(socket.SHUT_WR)
            # Without an answer: silence, until the client gives up.
            while connection.recv(65536):
                pass


@contextmanager
def hostile_server(token: str) -> Iterator[HostileServer]:
    server = HostileServer(token)
    try:
        yield server
    finally:
        server.close()
