"""A hundred thousand posts through a list, compared with a loop of raw httpx over the same pages.

The posts are the sandbox's, fifty per page as in PostBoost. A minimal server returns prepared pages, so that the server
is not measured.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.support import ROOT, Cost, peak_mib, resident_mib, sandbox, show, timed
from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POSTS = 100_000
PER_PAGE = 50
PAGES = POSTS // PER_PAGE
# Turns are short, so other work of the machine affects all contenders alike.
TURN = 20
ROUNDS = PAGES // TURN


def main() -> None:
    with sandbox() as server:
        (uuid,) = server.make_posts(1)
        with httpx.Client(headers=server.headers, trust_env=False) as http:
            post = http.get(f"{server.url}/posts/{uuid}").json()
    with pages_of(post) as base_url, tempfile.TemporaryDirectory() as folder:
        settings = ClientSettings(token="unused", base_url=base_url, workspace_uuid="w")
        with PostBoostClient(settings) as api, httpx.Client(trust_env=False) as http:
            # Ours first: a process's peak memory never falls.
            few, many = grown(api, 10), grown(api, PAGES)
            contenders: dict[str, Callable[[], Cost]] = {
                "pages()": lambda: timed(lambda: ours(api, TURN)),
                "raw httpx": lambda: timed(lambda: raw(http, f"{base_url}/w/posts", TURN)),
                "saved as JSON lines": lambda: timed(lambda: saved(api, Path(folder) / "posts.jsonl", TURN)),
            }
            turns = taken_in_turns(contenders)
    rows = []
    for name, costs in turns.items():
        # The median of the ratios to the raw loop's turn next to it.
        pairs = list(zip(turns["raw httpx"], costs, strict=True))
        wall = statistics.median(cost.wall for cost in costs)
        rows.append(
            (
                name,
                f"{statistics.median(raw.wall / cost.wall for raw, cost in pairs):.2f}",
                f"{statistics.median(raw.cpu / cost.cpu for raw, cost in pairs):.2f}",
                f"{TURN * PER_PAGE / wall:.0f}",
                f"{wall / TURN * 1000:.2f}",
            )
        )
    show(
        f"{POSTS:,} posts, {PER_PAGE} a page of {len(json.dumps(post)) * PER_PAGE // 1024} KiB (median of {ROUNDS} turns)",
        ("", "its rate/raw", "its CPU rate/raw", "posts per second", "ms per page"),
        rows,
        f"Peak memory of pages() grew by {few:.1f} MiB over the first 10 pages, and by {many:.1f} MiB over {PAGES:,} more. "
        "Goal: 0.9 of the raw loop's rate, in constant memory.",
    )


def taken_in_turns(contenders: dict[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
    """Return the times of each contender; the order rotates between rounds."""
    found: dict[str, list[Cost]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(ROUNDS):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(contenders[name]())
    return found


def ours(api: PostBoostClient, pages: int) -> None:
    count = 0
    for _ in api.pages("list_posts", parameters={"page": PAGES - pages + 1}):
        count += 1
    assert count == pages * PER_PAGE


def raw(http: httpx.Client, url: str, pages: int) -> None:
    count, page, last = 0, PAGES - pages + 1, PAGES
    while page <= last:
        response = http.get(url, params={"page": page}, headers={"Authorization": "Bearer unused"})
        response.raise_for_status()
        payload = response.json()
        for _ in payload["data"]:
            count += 1
        page, last = page + 1, payload["meta"]["last_page"]
    assert count == pages * PER_PAGE


def saved(api: PostBoostClient, path: Path, pages: int) -> None:
    """Do what PostBoostOperator does with all_pages and save_to, which also writes JSON."""
    with path.open("wb") as file:
        for post in api.pages("list_posts", parameters={"page": PAGES - pages + 1}):
            file.write(json.dumps(post, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")


def grown(api: PostBoostClient, pages: int) -> float:
    before = max(resident_mib(), peak_mib())
    ours(api, pages)
    return max(0.0, peak_mib() - before)


@contextmanager
def pages_of(post: dict[str, Any]) -> Iterator[str]:
    """Serve pages of that post from another process, and yield the URL."""
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
