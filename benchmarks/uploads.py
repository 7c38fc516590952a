"""Speed and memory of a large chunked upload, compared with a loop of raw httpx over the same chunks."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

import httpx

from benchmarks.support import Cost, Server, interleaved, peak_mib, ratio, resident_mib, sandbox, show, timed
from postboost_provider.api.client import PostBoostClient
from postboost_provider.services.media import upload as media

MIB = 1024 * 1024
SIZE = 64 * MIB
ROUNDS = 5
LARGE = 1024 * MIB


def main() -> None:
    with sandbox() as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with path.open("wb") as stream:
            for _ in range(SIZE // MIB):
                stream.write(os.urandom(MIB))
        # Ours first: a process's peak memory never falls.
        os.truncate(path, LARGE)
        with path.open("rb") as stream:
            while stream.read(MIB):
                pass  # fill the disk cache for both contenders
        before = resident_mib()
        large = timed(partial(ours, server, path))
        grown = peak_mib() - before
        raw_large = timed(partial(raw, server, path))
        os.truncate(path, SIZE)
        small = interleaved(
            {
                "ours": lambda: timed(partial(ours, server, path)),
                "raw httpx": lambda: timed(partial(raw, server, path)),
            },
            ROUNDS,
        )
    columns = ("", "rate: it/floor", "CPU: it/floor", "MiB per second", "peak memory grew by, MiB")
    note = "Goal: at least 0.9 of the floor's rate. Ours also reads samples of the file, to recognize it in a later attempt."
    title = f"A file of {SIZE // MIB} MiB in chunks (median of {ROUNDS} rounds)"
    show(title, columns, table(small["ours"], small["raw httpx"], SIZE, ""), note)
    title = f"A file of {LARGE // MIB} MiB in chunks (one round)"
    show(title, columns, table(large, raw_large, LARGE, f"{grown:.0f}"), "Goal: at most 32 MiB.")


def table(our: Cost, floor: Cost, size: int, grown: str) -> list[tuple[str, ...]]:
    return [
        (
            name,
            ratio(floor.wall, cost.wall),
            ratio(cost.cpu, floor.cpu),
            f"{size / MIB / cost.wall:.0f}",
            memory,
        )
        for name, cost, memory in (("ours", our, grown), ("raw httpx", floor, ""))
    ]


def ours(server: Server, path: Path) -> None:
    server.control("reset", {})
    file = media.MediaFile(str(path), lambda: path.open("rb"))
    with PostBoostClient(server.settings()) as api:
        media.upload_media(api, media.read_file(file, quick=True))


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
