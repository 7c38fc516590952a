"""Waits of the triggerer: requests, CPU, memory and blocked time of the event loop per wait.

All posts have the same scheduled time. The waits poll when they start, sleep until the scheduled time, and poll until
the posts are live. The goal is at most 3 requests per post however long the wait, and 10,000 waits within one
core and 300 MiB, with no step of the loop over 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import math
import os
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.log import configure_logging

from benchmarks.support import Server, peak_mib, ratio, resident_mib, sandbox, show
from postboost_provider.polling import poller as poller_module, post_lists as lists_module
from postboost_provider.triggers import shared_poller as shared_module
from postboost_provider.triggers.posts import PostBoostPostTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Seconds to publish in the sandbox, and the poll interval: short, to finish soon.
PUBLISH_SECONDS = 2.0
POLL_INTERVAL = 5.0
LATENCY = 0.05
POSTS = 500
POSTS_PER_SANDBOX = 2000


class Monitor:
    """Measure how long the loop is blocked: how late a short sleep ends, and the CPU time meanwhile.

    The first also counts time that other processes took; the second is the loop's own work.
    """

    NAP = 0.005

    def __init__(self) -> None:
        self.naps: list[tuple[float, float, float]] = []
        self.collected = 0.0
        self._collecting = 0.0
        gc.callbacks.append(self._note_collection)

    def _note_collection(self, phase: str, _info: Mapping[str, int]) -> None:
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self.collected = max(self.collected, time.thread_time() - self._collecting)

    async def run(self) -> None:
        while True:
            asked, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(self.NAP)
            late = time.perf_counter() - asked - self.NAP
            self.naps.append((asked, late, time.thread_time() - cpu))

    def rows(self, when: str, since: float, until: float) -> list[tuple[str, ...]]:
        """Return the rows of a table: the longest block by wall clock and by CPU."""
        naps = [nap for nap in self.naps if since <= nap[0] < until] or [(0.0, 0.0, 0.0)]
        late, cpu = (max(nap[at] for nap in naps) * 1000 for at in (1, 2))
        return [
            (f"longest block {when}, ms", f"{late:.0f}", "50", ratio(late, 50)),
            (f"longest block {when}, ms of CPU", f"{cpu:.0f}", "50", ratio(cpu, 50)),
        ]


class ShiftedClock:
    """The poller's clock, moved forward like the sandbox's, so that the scheduled time is less than a minute away."""

    shift = timedelta()

    @classmethod
    def time(cls) -> float:
        return time.time() + cls.shift.total_seconds()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--waits", type=int, default=1000, help="Number of waits (default: 1000). 10000 take a few minutes."
    )
    count = parser.parse_args(arguments).waits
    with open(os.devnull, "wb") as nowhere, ExitStack() as started:
        # Log lines are rendered as JSON, as in the triggerer, and discarded.
        configure_logging(json_output=True, log_level="INFO", output=nowhere)
        # Otherwise Airflow would also log the error that ends this process.
        sys.excepthook = sys.__excepthook__
        # Requests take longer in a sandbox with more posts, which must not be measured.
        servers = {
            f"postboost_{number}": started.enter_context(sandbox(f"--publish-seconds={PUBLISH_SECONDS}"))
            for number in range(math.ceil(count / POSTS_PER_SANDBOX))
        }
        for conn_id, server in servers.items():
            connect(server, conn_id)
        wait_for(servers, count)
        configure_logging(log_level="ERROR")
    if count <= POSTS_PER_SANDBOX:
        with sandbox() as server:
            connect(server, "postboost_0")
            lists_or_gets(server)


def connect(server: Server, conn_id: str) -> None:
    """Define Airflow's connection to the sandbox."""
    os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(
        {
            "conn_type": "postboost",
            "host": server.base_url,
            "password": server.token,
            "extra": {"workspace_uuid": server.workspace_uuid, "timeout_seconds": 60},
        }
    )


def wait_for(servers: Mapping[str, Server], count: int) -> None:
    due = (datetime.now(UTC) + timedelta(days=1)).replace(second=0, microsecond=0)
    planned = {"schedule": True, "timezone": "UTC", "date": f"{due:%Y-%m-%d}", "time": f"{due:%H:%M}"}
    share = math.ceil(count / len(servers))
    with ThreadPoolExecutor(len(servers)) as pool:
        made = list(pool.map(lambda server: server.make_posts(share, **planned), servers.values()))
    posts = [(conn_id, uuid) for conn_id, uuids in zip(servers, made, strict=True) for uuid in uuids][:count]
    ahead = timedelta(seconds=15 + count / 500)
    ShiftedClock.shift = due - ahead - datetime.now(UTC)
    poller_module.time = ShiftedClock  # type: ignore[assignment]
    for server in servers.values():
        server.control("clock", {"advance_seconds": ShiftedClock.shift.total_seconds()})
    # Freeze what Airflow has loaded: each full garbage collection would scan it for 100 ms.
    gc.collect()
    gc.freeze()
    before = resident_mib()
    monitor = Monitor()
    events: list[dict[str, Any]] = []
    began, cpu = time.perf_counter(), time.process_time()

    async def one(conn_id: str, uuid: str) -> None:
        trigger = PostBoostPostTrigger(
            post_uuids=uuid,
            postboost_conn_id=conn_id,
            poll_interval=POLL_INTERVAL,
            started_at=(datetime.now(UTC) + ShiftedClock.shift).isoformat(),
        )
        async for event in trigger.run():
            events.append(event.payload)

    async def everything() -> None:
        watch = asyncio.create_task(monitor.run())
        waits = []
        for post in posts:
            waits.append(asyncio.create_task(one(*post)))
            # The triggerer also starts them one by one.
            await asyncio.sleep(0)
        await asyncio.gather(*waits)
        watch.cancel()

    asyncio.run(everything())
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert all(event["status"] == "settled" for event in events), events[0]
    log = [request for server in servers.values() for request in server.control("requests")["requests"]]
    reads = Counter(r["operation"] for r in log if r["method"] == "GET" and r["operation"] != "list_accounts")
    due_at = began + ahead.total_seconds()
    show(
        f"{count} posts with the same scheduled time, after {ahead.total_seconds():.0f} s, and a wait for each",
        ("", "seen", "goal", "seen/goal"),
        [
            ("requests per post", f"{reads.total() / count:.2f}", "3", ratio(reads.total() / count, 3)),
            ("CPU, share of one core", f"{cpu / wall:.2f}", "1", ratio(cpu / wall, 1)),
            ("CPU ms per wait", cpu / count * 1000, "", ""),
            ("peak memory, MiB", peak_mib(), "", ""),
            ("of it the waits', MiB", peak_mib() - before, "300", ratio(peak_mib() - before, 300)),
            *monitor.rows("at the start", began, began + 10),
            *monitor.rows("while all sleep", began + 10, due_at - 1),
            *monitor.rows("when published", due_at - 1, float("inf")),
            ("longest garbage collection, ms of CPU", f"{monitor.collected * 1000:.0f}", "", ""),
        ],
        f"Requests: {', '.join(f'{n} {name}' for name, n in reads.items())}.",
    )


def lists_or_gets(server: Server) -> None:
    """Poll some of a workspace's posts, with lists while they find enough of them, or only with gets."""
    uuids = server.make_posts(POSTS)
    rows = []
    for latency in (0.0, LATENCY):
        server.control("faults", [{"kind": "delay", "seconds": latency, "count": 10**6}] if latency else [])
        for every in (1, 3, 6, 12):
            wanted = uuids[::every]
            found = {limit: poll_posts(server, wanted, limit) for limit in (1, 4, 8, 16, 10**9)}
            gets, _ = found[10**9]
            rows.append(
                (
                    f"{50 // every} of 50, {latency * 1000:.0f} ms away",
                    *(f"{ratio(wall, gets)} ({sent})" for wall, sent in found.values()),
                )
            )
    show(
        f"Polls of posts among {POSTS}: time relative to gets only (requests), by GETS_PER_LIST",
        ("awaited", "1", "4", "8", "16", "gets only"),
        rows,
        f"GETS_PER_LIST is {lists_module.GETS_PER_LIST}. Median of 3.",
    )


def poll_posts(server: Server, uuids: list[str], gets_per_list: int) -> tuple[float, int]:
    """Return the seconds and the number of requests of a poll."""
    default = lists_module.GETS_PER_LIST
    lists_module.GETS_PER_LIST = gets_per_list
    try:

        async def poll() -> float:
            async with shared_module.shared_poller("postboost_0") as shared:
                await shared.read(uuids[:1])
                began = time.perf_counter()
                await shared.read(uuids)
                return time.perf_counter() - began - shared_module.GATHER_SECONDS

        before = len(server.control("requests")["requests"])
        took = [asyncio.run(poll()) for _ in range(3)]
        sent = len(server.control("requests")["requests"]) - before
    finally:
        lists_module.GETS_PER_LIST = default
    return statistics.median(took), round(sent / 3) - 1


if __name__ == "__main__":
    main()
