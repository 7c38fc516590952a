"""A large file in chunks: how fast it goes and what memory that takes, next to a loop of raw httpx over the same chunks."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.support import Cost, Server, interleaved, peak_mib, ratio, resident_mib, sandbox, show, timed
from postboost_provider.api import media
from postboost_provider.api.client import PostBoostClient

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
SIZE = 64 * MIB
ROUNDS = 3


def main() -> None:
    with sandbox() as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with path.open("wb") as stream:
            for _ in range(SIZE // MIB):
                stream.write(os.urandom(MIB))
        # Ours first: a process's peak never falls again.
        before = resident_mib()
        ours(server, path)
        grown = {"ours": peak_mib() - before}
        contenders: dict[str, Callable[[], Cost]] = {
            "ours": lambda: timed(partial(ours, server, path)),
            "raw httpx": lambda: timed(partial(raw, server, path)),
        }
        cost = interleaved(contenders, ROUNDS)
    floor = cost["raw httpx"]
    rows = [
        (
            name,
            ratio(found.wall, floor.wall),
            ratio(found.cpu, floor.cpu),
            f"{SIZE / MIB / found.wall:.0f}",
            f"{grown[name]:.0f}" if name in grown else "",
        )
        for name, found in cost.items()
    ]
    show(
        f"A file of {SIZE // MIB} MiB in chunks (median of {ROUNDS} rounds)",
        ("", "it/floor: time", "it/floor: CPU", "MiB per second", "peak memory grew by, MiB"),
        rows,
        "Ours reads samples of the file first, to know it again, and looks at what it became.",
    )


def ours(server: Server, path: Path) -> None:
    server.control("reset", {})
    file = media.MediaFile(str(path), lambda: path.open("rb"))
    with PostBoostClient(server.settings()) as api:
        media.bring(api, media.read_file(file, quick=True))


def raw(server: Server, path: Path) -> None:
    server.control("reset", {})
    where = f"{server.url}/media/chunked"
    with httpx.Client(headers=server.headers, trust_env=False, timeout=60) as http, path.open("rb") as file:
        begin = {"filename": path.name, "mime_type": "video/mp4", "total_size": path.stat().st_size}
        session = http.post(f"{where}/initiate", json=begin).json()
        index = 0
        while chunk := file.read(session["chunk_size"]):
            http.post(
                f"{where}/{session['upload_uuid']}/upload",
                data={"chunk_index": index},
                files={"chunk": (path.name, chunk)},
            ).raise_for_status()
            index += 1
        http.post(f"{where}/{session['upload_uuid']}/complete", json={}).raise_for_status()


if __name__ == "__main__":
    main()
