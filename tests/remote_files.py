"""Files for uploads, and a server on this machine that has them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)
CLIP = bytes(range(256)) * 2000


class Source:
    """The server's requests, and a gate that delays the second half of ``/slow.mp4``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, str]] = []
        self.gate = threading.Event()


@contextmanager
def serving() -> Iterator[Source]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            source.requests.append(dict(self.headers))
            path = self.path.partition("?")[0]
            if path in ("/moved", "/away"):
                self.send_response(302)
                self.send_header("Location", "/bean.png" if path == "/moved" else "http://192.0.2.1/bean.png")
                self.end_headers()
            elif path == "/bean.png":
                self.send(PNG, "image/png", len(PNG))
            elif path == "/blob":
                self.send(PNG, None, None)
            elif path == "/clip.mp4":
                self.send(CLIP, "video/mp4", len(CLIP))
            elif path == "/endless.mp4":
                self.send(CLIP, "video/mp4", None)
            elif path == "/short.mp4":
                self.send(CLIP, "video/mp4", len(CLIP) + 1)
            elif path == "/slow.mp4":
                self.send(CLIP[:1000], "video/mp4", len(CLIP))
                self.wfile.flush()
                source.gate.wait(10)
                self.wfile.write(CLIP[1000:])
            elif path == "/page":
                self.send(b"<html>", "text/html", 6)
            else:
                self.send_error(404)

        def send(self, content: bytes, kind: str | None, length: int | None) -> None:
            self.send_response(200)
            if kind is not None:
                self.send_header("Content-Type", kind)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # the client has disconnected

    with Server(("127.0.0.1", 0), Handler) as server:
        source = Source(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield source
        source.gate.set()
        server.shutdown()
        thread.join()
