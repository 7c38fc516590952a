"""One small GET, repeated: this package's clients compared with httpx and other clients.

The sandbox runs on another core and is usually the slower side. Requests per second show how long a task takes, and
CPU per request the cost of the client.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import requests
from airflow.providers.http.hooks.http import HttpHook
from httpx_aiohttp import AiohttpTransport

from benchmarks.support import Cost, Server, interleaved, ratio, sandbox, show, timed
from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REQUESTS = 100
ROUNDS = 5
IN_FLIGHT = (1, 8, 32)


def blocking(get: Callable[[], object], in_flight: int) -> Cost:
    """Time that many calls from that many threads."""
    if in_flight == 1:
        return timed(lambda: [get() for _ in range(REQUESTS)])
    with ThreadPoolExecutor(in_flight) as pool:
        # Start the threads and open the connections first, so that this is not measured.
        list(pool.map(lambda _: get(), range(in_flight)))
        return timed(lambda: list(pool.map(lambda _: get(), range(REQUESTS))))


def awaited(loop: asyncio.AbstractEventLoop, get: Callable[[], Awaitable[object]], in_flight: int) -> Cost:
    async def worker(numbers: Any) -> None:
        for _ in numbers:
            await get()

    async def run(count: int) -> None:
        numbers = iter(range(count))
        await asyncio.gather(*(worker(numbers) for _ in range(in_flight)))

    loop.run_until_complete(run(in_flight))
    return timed(lambda: loop.run_until_complete(run(REQUESTS)))


def main() -> None:
    with sandbox() as server, asyncio.Runner() as runner:
        (uuid,) = server.make_posts(1)
        for in_flight in IN_FLIGHT:
            compare(server, runner.get_loop(), uuid, in_flight)


def compare(server: Server, loop: asyncio.AbstractEventLoop, uuid: str, in_flight: int) -> None:
    url = f"{server.url}/posts/{uuid}"
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    plain: dict[str, Any] = {"headers": server.headers, "trust_env": False, "timeout": 60}
    ours = PostBoostClient(server.settings())
    ours_async = AsyncPostBoostClient(server.settings())
    http = httpx.Client(limits=limits, **plain)
    http_async = httpx.AsyncClient(limits=limits, **plain)
    http_aiohttp = httpx.AsyncClient(transport=AiohttpTransport(limits=limits), **plain)
    session = requests.Session()
    session.trust_env = False
    session.headers.update(server.headers)
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=in_flight))
    where = {"parameters": {"post_uuid": uuid}}

    async def aget(client: httpx.AsyncClient) -> object:
        return (await client.get(url)).json()

    contenders: dict[str, Callable[[], Cost]] = {
        "PostBoostClient": partial(blocking, lambda: ours.call("get_post", **where), in_flight),
        "httpx.Client": partial(blocking, lambda: http.get(url).json(), in_flight),
        "requests.Session": partial(blocking, lambda: session.get(url, timeout=60).json(), in_flight),
        "AsyncPostBoostClient": partial(
            awaited, loop, lambda: ours_async.call("get_post", **where), in_flight
        ),
        "httpx.AsyncClient": partial(awaited, loop, lambda: aget(http_async), in_flight),
        "httpx with httpx-aiohttp": partial(awaited, loop, lambda: aget(http_aiohttp), in_flight),
    }
    if in_flight == 1:
        contenders["HttpHook.run"] = partial(blocking, http_hook(server, uuid), 1)
    try:
        found = interleaved(contenders, ROUNDS)
    finally:
        ours.close()
        http.close()
        session.close()
        for closing in (ours_async.close(), http_async.aclose(), http_aiohttp.aclose()):
            loop.run_until_complete(closing)
    rows = []
    for name, cost in found.items():
        peer = found[
            "AsyncPostBoostClient" if "async" in name.lower() or "aiohttp" in name else "PostBoostClient"
        ]
        rows.append(
            (
                name,
                ratio(REQUESTS / peer.wall, REQUESTS / cost.wall),
                ratio(peer.cpu, cost.cpu),
                f"{REQUESTS / cost.wall:.0f}",
                f"{cost.cpu / REQUESTS * 1000:.2f}",
            )
        )
    show(
        f"GET of one post, {in_flight} in flight ({REQUESTS} requests, median of {ROUNDS} rounds)",
        ("", "ours/it: rate", "ours/it: CPU", "per second", "CPU ms each"),
        rows,
    )


def http_hook(server: Server, uuid: str) -> Callable[[], object]:
    """Return a GET with the HTTP provider's hook, which opens a session per call."""
    logging.getLogger("airflow").setLevel(logging.ERROR)
    scheme, _, rest = server.base_url.partition("://")
    host, _, port = rest.partition("/")[0].rpartition(":")
    os.environ["AIRFLOW_CONN_POSTBOOST_BENCH"] = json.dumps(
        {"conn_type": "http", "schema": scheme, "host": host, "port": int(port)}
    )
    hook = HttpHook("GET", "postboost_bench")
    path = f"app/api/{server.workspace_uuid}/posts/{uuid}"
    return lambda: hook.run(path, headers=server.headers).json()


if __name__ == "__main__":
    main()
