"""Shared by the benchmarks: a sandbox in its own process, interleaved rounds, and a table."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from postboost_provider.api.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent


@dataclass
class Server:
    """A sandbox in another process, so that its work is not measured as the client's."""

    pid: int
    base_url: str
    token: str
    workspace_uuid: str

    @property
    def url(self) -> str:
        """The URL of the workspace's operations."""
        return f"{self.base_url}/{self.workspace_uuid}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}

    def settings(self) -> ClientSettings:
        return ClientSettings(
            token=self.token, base_url=self.base_url, workspace_uuid=self.workspace_uuid, timeout_seconds=60
        )

    def control(self, what: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        where = self.base_url.removesuffix("/app/api") + f"/_sandbox/{what}"
        with urlopen(Request(where, data, {"Content-Type": "application/json"}), timeout=60) as response:
            return json.load(response)

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def make_posts(self, count: int, **body: Any) -> list[str]:
        """Create posts with different content, and return their uuids."""
        import httpx

        uuids = []
        with httpx.Client(headers=self.headers, trust_env=False, timeout=60) as http:
            accounts = http.get(f"{self.url}/accounts").json()["data"]
            account = next(a["id"] for a in accounts if a["provider"] == "twitter")
            for number in range(count):
                content = [{"body": f"Post {number}, {time.time_ns()}"}]
                version = {"account_id": 0, "is_original": True, "content": content}
                response = http.post(
                    f"{self.url}/posts", json={"versions": [version], "accounts": [account], **body}
                )
                if response.status_code != 201:
                    raise RuntimeError(f"The sandbox rejected a post: {response.text}")
                uuids.append(response.json()["uuid"])
        return uuids


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process so far (Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def sandbox(*flags: str) -> Iterator[Server]:
    """Start a sandbox on a free port, and stop it."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "postboost_provider.sandbox",
            "--port=0",
            "--json",
            "--daily-cap=1000000",
            *flags,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield Server(process.pid, said["base_url"], said["tokens"]["admin"], said["workspaces"][0]["uuid"])
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class Cost:
    """The wall-clock and CPU seconds of one round."""

    wall: float
    cpu: float


def timed(act: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def interleaved(contenders: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, Cost]:
    """Run every contender once per round in rotating order, and return the medians.

    Other work of the machine then affects all of them alike. The first round only warms up.
    """
    seen: dict[str, list[Cost]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            cost = contenders[name]()
            if number:
                seen[name].append(cost)
    return {
        name: Cost(
            statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs)
        )
        for name, costs in seen.items()
    }


def resident_mib() -> float:
    """Return the current memory of this process (Linux)."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def peak_mib() -> float:
    """Return the peak memory of this process."""
    # Kilobytes on Linux, bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], note: str = "") -> None:
    """Print a table: first column left-aligned, numbers right-aligned."""
    lines = [list(columns), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    print(f"\n{title}")
    for number, line in enumerate(lines):
        cells = [
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    if note:
        print(f"  {note}")
    sys.stdout.flush()


def ratio(ours: float, other: float) -> str:
    return f"{ours / other:.2f}"


def _text(cell: object) -> str:
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)
