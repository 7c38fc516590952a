"""A hundred thousand posts through a list, next to a loop of raw httpx over the same pages.

The posts are the sandbox's, fifty a page as PostBoost lists them; what serves them here does nothing else, so that it is
not what is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.support import ROOT, Cost, interleaved, peak_mib, ratio, resident_mib, sandbox, show, timed
from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.contract import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POSTS = 100_000
PER_PAGE = 50
PAGES = POSTS // PER_PAGE
ROUNDS = 3


def main() -> None:
    with sandbox() as server:
        (uuid,) = server.make_posts(1)
        with httpx.Client(headers=server.headers, trust_env=False) as http:
            post = http.get(f"{server.url}/posts/{uuid}").json()
    with pages_of(post) as base_url, tempfile.TemporaryDirectory() as folder:
        settings = ClientSettings(token="unused", base_url=base_url, workspace_uuid="w")
        with PostBoostClient(settings) as api, httpx.Client(trust_env=False) as http:
            # Ours first: a process's peak never falls again.
            few, many = grown(api, 10), grown(api, PAGES)
            contenders: dict[str, Callable[[], Cost]] = {
                "pages()": lambda: timed(lambda: ours(api, PAGES)),
                "raw httpx": lambda: timed(lambda: raw(http, f"{base_url}/w/posts")),
                "saved as JSON lines": lambda: timed(lambda: saved(api, Path(folder) / "posts.jsonl")),
            }
            found = interleaved(contenders, ROUNDS)
    floor = found["raw httpx"]
    rows = [
        (
            name,
            ratio(floor.wall, cost.wall),
            ratio(floor.cpu, cost.cpu),
            f"{POSTS / cost.wall:.0f}",
            f"{cost.wall / PAGES * 1000:.2f}",
        )
        for name, cost in found.items()
    ]
    show(
        f"{POSTS:,} posts, {PER_PAGE} a page of {len(json.dumps(post)) * PER_PAGE // 1024} KiB (median of {ROUNDS} rounds)",
        ("", "its rate/raw", "its CPU rate/raw", "posts per second", "ms per page"),
        rows,
        f"Peak memory of pages() grew by {few:.1f} MiB over the first 10 pages, and by {many:.1f} MiB over {PAGES:,} more. "
        "Goal: 0.9 of the raw loop's rate, in constant memory.",
    )


def ours(api: PostBoostClient, pages: int) -> None:
    count = 0
    for _ in api.pages("list_posts", parameters={"page": PAGES - pages + 1}):
        count += 1
    assert count == pages * PER_PAGE


def raw(http: httpx.Client, url: str) -> None:
    count, page, last = 0, 1, 1
    while page <= last:
        answer = http.get(url, params={"page": page}, headers={"Authorization": "Bearer unused"})
        answer.raise_for_status()
        payload = answer.json()
        for _ in payload["data"]:
            count += 1
        page, last = page + 1, payload["meta"]["last_page"]
    assert count == POSTS


def saved(api: PostBoostClient, path: Path) -> None:
    """What PostBoostOperator does with all_pages and save_to."""
    with path.open("wb") as file:
        for post in api.pages("list_posts"):
            file.write(json.dumps(post, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def grown(api: PostBoostClient, pages: int) -> float:
    before = max(resident_mib(), peak_mib())
    ours(api, pages)
    return max(0.0, peak_mib() - before)


@contextmanager
def pages_of(post: dict[str, Any]) -> Iterator[str]:
    """Serve pages of that post from a process of its own, and give where."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.lists", "serve"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(post) + "\n")
        process.stdin.flush()
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


def serve() -> None:
    import socket

    import uvicorn

    post = json.loads(sys.stdin.readline())
    items = json.dumps([post] * PER_PAGE, separators=(",", ":"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        page = int(scope["query_string"].rpartition(b"page=")[2] or 1)
        meta = {"current_page": page, "last_page": PAGES, "per_page": PER_PAGE, "total": POSTS}
        body = f'{{"data":{items},"meta":{json.dumps(meta)}}}'.encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", lifespan="off", interface="asgi3")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
