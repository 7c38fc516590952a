"""The content of an uploaded file: all of a small one, hash and size of a large one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_START = 64
_TRAILER = b"<!-- encoded again by the sandbox -->"  # a comment, for the sake of SVG


@dataclass(frozen=True, slots=True)
class Content:
    """An uploaded file.

    :param start: its first bytes, which identify the file type.
    :param data: all of it; None if it was larger than the setting ``keep_media_bytes``.
    """

    size: int
    sha256: str
    start: bytes
    data: bytes | None


class ContentBuilder:
    """Receives a file chunk by chunk, and hashes each at once so that a large file is never in memory."""

    def __init__(self, keep: int) -> None:
        self.size = 0
        self._keep = keep
        self._digest = hashlib.sha256()
        self._start = b""
        self._data: bytearray | None = bytearray()

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._digest.update(chunk)
        if len(self._start) < _START:
            self._start += chunk[: _START - len(self._start)]
        if self._data is not None:
            if self.size > self._keep:
                self._data = None
            else:
                self._data += chunk

    def content(self) -> Content:
        data = None if self._data is None else bytes(self._data)
        return Content(self.size, self._digest.hexdigest(), self._start, data)


def reencoded(content: Content) -> Content:
    """Return an image with other bytes and another size, as a service has it that compresses images again.

    Image viewers ignore what follows the end of an image.
    """
    builder = ContentBuilder(content.size + len(_TRAILER))
    builder.add(content.data if content.data is not None else content.sha256.encode())
    builder.add(_TRAILER)
    changed = builder.content()
    return Content(
        content.size + len(_TRAILER),
        changed.sha256,
        content.start,
        changed.data if content.data is not None else None,
    )


def content_of(data: bytes, keep: int) -> Content:
    builder = ContentBuilder(keep)
    builder.add(data)
    return builder.content()
