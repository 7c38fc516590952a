"""What a file contains, as a hash: the same content is the same upload, wherever it lies."""

from __future__ import annotations

import hashlib
import os
from typing import IO

READ_BYTES = 1024 * 1024
SAMPLES = 16
SAMPLE_BYTES = 256 * 1024


def digest_content(stream: IO[bytes]) -> tuple[str, int]:
    """Read a file from its start to its end, and return the SHA-256 of its content and its size."""
    digest, size = hashlib.sha256(), 0
    while data := stream.read(READ_BYTES):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


def sample_content(stream: IO[bytes], least: int) -> tuple[str, int] | None:
    """Return a hash of a large file's size, start, end and of places between, and its size.

    Reading a gigabyte twice takes a sixth of what sending it over a fast network takes, and on object storage it is a
    second download. Samples do not prove that two files are one; they tell whether a file is still what it was when an
    earlier try of the same task has read it.

    :param least: smaller files are worth being read.
    :returns: None for a smaller file, and for a stream that can't be read out of order.
    """
    try:
        size = stream.seek(0, os.SEEK_END)
        if size < max(least, SAMPLES * SAMPLE_BYTES):
            stream.seek(0)
            return None
        digest = hashlib.sha256(f"samples of {size}\n".encode())
        for number in range(SAMPLES):
            stream.seek((size - SAMPLE_BYTES) * number // (SAMPLES - 1))
            digest.update(stream.read(SAMPLE_BYTES))
    except (AttributeError, OSError, ValueError):
        return None
    return digest.hexdigest(), size
