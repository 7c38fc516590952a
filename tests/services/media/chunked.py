"""Files that go in chunks or in one request, and what of them arrived."""

from __future__ import annotations

import hashlib
import io
from collections import Counter

from postboost_provider.services.media.upload import MediaFile, read_file
from tests.remote_files import PNG

CONTENT = bytes(range(256)) * 17
CHUNK = 1000
CHUNKS = 5


def video(content: bytes = CONTENT, name: str = "clips/clip.mp4"):
    return read_file(MediaFile(name, lambda: io.BytesIO(content)))


def picture(content: bytes = PNG, name: str = "bean.png"):
    return read_file(MediaFile(name, lambda: io.BytesIO(content)))


def library(sandbox) -> list[tuple[str, int, str]]:
    return [(item["name"], item["size"], item["sha256"]) for item in sandbox.state()["media"]]


def sent(sandbox) -> Counter[str]:
    return Counter(request["operation"] for request in sandbox.requests())


def whole(content: bytes = CONTENT, name: str = "clip.mp4"):
    return (name, len(content), hashlib.sha256(content).hexdigest())
