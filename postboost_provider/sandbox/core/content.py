"""What an uploaded file contained: kept while it is small, of a larger one only its hash and size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_START = 64


@dataclass(frozen=True, slots=True)
class Content:
    """A file that has arrived.

    :param start: its first bytes, which say what kind of file it is.
    :param kept: all of it; None where it was larger than the setting ``keep_media_bytes``.
    """

    size: int
    sha256: str
    start: bytes
    kept: bytes | None


class Intake:
    """Takes a file in, piece by piece: each is hashed at once, so that no large file is ever in memory."""

    def __init__(self, keep: int) -> None:
        self.size = 0
        self._keep = keep
        self._digest = hashlib.sha256()
        self._start = b""
        self._kept: bytearray | None = bytearray()

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._digest.update(piece)
        if len(self._start) < _START:
            self._start += piece[: _START - len(self._start)]
        if self._kept is not None:
            if self.size > self._keep:
                self._kept = None
            else:
                self._kept += piece

    def content(self) -> Content:
        kept = None if self._kept is None else bytes(self._kept)
        return Content(self.size, self._digest.hexdigest(), self._start, kept)


def content_of(whole: bytes, keep: int) -> Content:
    intake = Intake(keep)
    intake.add(whole)
    return intake.content()
