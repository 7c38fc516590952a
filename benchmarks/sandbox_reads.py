"""The sandbox's ``GET posts/{uuid}`` compared with a bare Starlette route that returns the same bytes.

Each server runs in its own process, and the same client calls both in turn over persistent connections.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.support import ROOT, cpu_seconds, ratio, sandbox, show

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTS = 100
CLIENTS = 4
REQUESTS = 1000
ROUNDS = 7
GOAL = 0.5
OURS, BARE_ROUTE = "the sandbox", "a bare Starlette route"

BARE = """
import json, socket, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

post = json.loads(sys.stdin.readline())

async def response(request):
    return JSONResponse(post)

app = Starlette(routes=[Route("/app/api/{workspace_uuid}/posts/{post_uuid}", response)])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", ws="none")
uvicorn.Server(config).run([listener])
"""


@contextmanager
def bare_route(post: object) -> Iterator[tuple[int, int]]:
    """Start a Starlette application with one route, and return its port and process."""
    process = subprocess.Popen(
        [sys.executable, "-c", BARE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(post) + "\n")
        process.stdin.flush()
        yield int(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        process.wait()


def ask(port: int, paths: list[str], headers: dict[str, str]) -> float:
    """Return the requests per second."""
    gate = threading.Barrier(CLIENTS + 1)

    def one(paths: list[str]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        gate.wait()
        for path in paths:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            response.read()
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = [pool.submit(one, paths[number::CLIENTS]) for number in range(CLIENTS)]
        gate.wait()
        began = time.perf_counter()
        for each in done:
            each.result()
        return len(paths) / (time.perf_counter() - began)


def main() -> None:
    with sandbox() as server:
        parts = urlsplit(server.url)
        uuids = server.make_posts(POSTS)
        paths = [f"{parts.path}/posts/{uuids[number % POSTS]}" for number in range(REQUESTS)]
        connection = HTTPConnection("127.0.0.1", parts.port)
        connection.request("GET", paths[0], headers=server.headers)
        post = json.load(connection.getresponse())
        with bare_route(post) as (port, pid):
            servers = {OURS: (parts.port or 0, server.pid), BARE_ROUTE: (port, pid)}
            speed: dict[str, list[float]] = {name: [] for name in servers}
            cpu = dict.fromkeys(servers, 0.0)
            for number in range(ROUNDS + 1):
                for name in sorted(servers, reverse=bool(number % 2)):
                    port, pid = servers[name]
                    before = cpu_seconds(pid)
                    found = ask(port, paths, server.headers)
                    if number:  # the first round warms up
                        speed[name].append(found)
                        cpu[name] += cpu_seconds(pid) - before
    medians = {name: statistics.median(found) for name, found in speed.items()}
    show(
        f"GET posts/{{uuid}}, {CLIENTS} connections (median of {ROUNDS} rounds of {REQUESTS})",
        ("", "requests per second", "to bare", "goal", "server's CPU", "CPU to bare"),
        [
            (
                name,
                found,
                ratio(found, medians[BARE_ROUTE]),
                GOAL if name == OURS else "",
                f"{cpu[name] / (ROUNDS * REQUESTS) * 1e6:.0f} us",
                ratio(cpu[name], cpu[BARE_ROUTE]),
            )
            for name, found in medians.items()
        ],
        "Requests per second include the client's own time, which is the same for both; the CPU time does not.",
    )


if __name__ == "__main__":
    main()
