"""A calendar of a thousand rows: created, then reused by the next run, compared with a minimal loop (the floor).

The floor posts the same bodies with raw httpx: without idempotency keys, labels or reads.
"""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.support import Cost, Server, ratio, sandbox, show, timed
from postboost_provider.api.client import PostBoostClient
from postboost_provider.calendar.csv import number_rows, read_rows
from postboost_provider.calendar.run import CalendarRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postboost_provider.api.responses import Response
    from postboost_provider.calendar.csv import Row
    from postboost_provider.calendar.report import Report

ROWS = 1000
ROUNDS = 3
# Latency of a real network, which loopback lacks.
ROWS_FAR_AWAY = 100
LATENCY = 0.05


def main() -> None:
    with sandbox() as server:
        near = compare(server, ROWS, ROUNDS)
        show(
            f"A calendar of {ROWS} rows (median of {ROUNDS} rounds)",
            ("", "it/floor: time", "it/floor: CPU", "rows per second", "requests per row"),
            near,
        )
        far = compare(server, ROWS_FAR_AWAY, 1, LATENCY)
        show(
            f"The same, {ROWS_FAR_AWAY} rows with {LATENCY * 1000:.0f} ms for every request",
            ("", "it/floor: time", "it/floor: CPU", "rows per second", "requests per row"),
            far,
        )


class Recorder(PostBoostClient):
    """Keep the bodies of created posts, for the floor to post."""

    bodies: list[Any]

    def send(self, operation: str, **call: Any) -> Response:
        if operation == "create_post":
            self.bodies.append(call["body"])
        return super().send(operation, **call)


def compare(server: Server, count: int, rounds: int, latency: float = 0.0) -> list[tuple[object, ...]]:
    """Time each contender from an empty sandbox, and return the rows of a table."""
    rows = make_rows(count)
    bodies: list[Any] = []
    uuids: list[str] = []

    def publish(result: str) -> None:
        with Recorder(server.settings()) as api:
            api.bodies = []
            report = run_calendar(api, rows)
            bodies[:] = api.bodies or bodies
        uuids[:] = report.post_uuids()
        if report.counts() != {result: count}:
            raise RuntimeError(f"{report.describe_counts()}\n{report.describe_bad()}")

    def post() -> None:
        with httpx.Client(headers=server.headers, trust_env=False, timeout=60) as http:
            for body in bodies:
                http.post(f"{server.url}/posts", json=body).json()

    def get() -> None:
        with httpx.Client(headers=server.headers, trust_env=False, timeout=60) as http:
            for uuid in uuids:
                http.get(f"{server.url}/posts/{uuid}").json()

    # The floor of creating comes last: it resets the sandbox.
    steps: dict[str, tuple[Callable[[], None], bool]] = {
        "created": (partial(publish, "created"), True),
        "adopted": (partial(publish, "adopted"), False),
        "floor of adopting: raw GETs": (get, False),
        "floor of creating: raw POSTs": (post, True),
    }
    seen: dict[str, list[Cost]] = {name: [] for name in steps}
    sent: dict[str, int] = {}
    for _ in range(rounds):
        for name, (act, is_reset) in steps.items():
            if is_reset:
                server.control("reset", {})
            server.control(
                "faults", [{"kind": "delay", "seconds": latency, "count": 10**6}] if latency else []
            )
            before = len(server.control("requests")["requests"])
            seen[name].append(timed(act))
            sent[name] = len(server.control("requests")["requests"]) - before
    cost = {
        name: Cost(statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs))
        for name, costs in seen.items()
    }
    table = []
    for name, found in cost.items():
        floor = cost["floor of adopting: raw GETs" if "adopt" in name else "floor of creating: raw POSTs"]
        table.append(
            (
                name,
                ratio(found.wall, floor.wall),
                ratio(found.cpu, floor.cpu),
                count / found.wall,
                f"{sent[name] / count:.2f}",
            )
        )
    return table


def make_rows(count: int) -> list[Row]:
    begin = datetime.now(UTC) + timedelta(days=1)
    rows = [
        {
            "key": f"row-{number}",
            "publish_at": (begin + timedelta(minutes=number)).isoformat(timespec="minutes"),
            "accounts": "twitter:northwind",
            "text": f"Row {number} of the calendar",
        }
        for number in range(count)
    ]
    return read_rows(number_rows(rows), None)


def run_calendar(api: PostBoostClient, rows: Sequence[Row]) -> Report:
    run = CalendarRun(api, "benchmark", find_media=_no_media, clock=lambda: datetime.now(UTC), on_past="skip")
    return run.run(rows)


def _no_media(name: str) -> Any:
    raise AssertionError(name)


if __name__ == "__main__":
    main()
