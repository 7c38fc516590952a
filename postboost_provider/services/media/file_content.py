"""What a file contains: its hash, by which the same content is the same upload, and its chunks."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Self

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READ_BYTES = 1024 * 1024
# httpx asks for 64 KiB at a time, which is slower to send.
PIECE_BYTES = 1024 * 1024
SAMPLES = 16
SAMPLE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it is declared to PostBoost, and how to read it from its start."""

    filename: str
    mime_type: str
    size: int
    open: Callable[[], IO[bytes]]


def digest_content(stream: IO[bytes]) -> tuple[str, int]:
    """Read a file from its start to its end, and return the SHA-256 of its content and its size."""
    digest, size = hashlib.sha256(), 0
    while data := stream.read(READ_BYTES):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


def sample_content(stream: IO[bytes], least: int) -> tuple[str, int] | None:
    """Return a hash of a large file's size, start, end and of samples between, and its size.

    Reading a large file twice takes long, and on object storage it is a second download. Samples do not prove that two
    files are the same. They show whether a file is still what it was when an earlier attempt of the same task read it.

    :param least: smaller files are read as a whole.
    :returns: None for a smaller file, and for a stream that can't seek.
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


class FileContent:
    """The content of a file, read from any offset. A file that can't seek is opened again to go back."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._stream: IO[bytes] | None = None
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def read(self, offset: int, size: int) -> bytes:
        """Return the next bytes from an offset, at least one."""
        stream = self._opened_at(offset)
        data = stream.read(size)
        if not data:
            raise PostBoostConfigError(
                f"{self._source.filename} had {self._source.size} bytes and now ends after {offset}: it was changed during "
                "the upload. Retry the task when the file is complete.",
                code="file_changed",
                field="media",
            )
        self._at += len(data)
        return data

    def _opened_at(self, offset: int) -> IO[bytes]:
        stream = self._stream
        if stream is not None and self._at > offset and not stream.seekable():
            self._close()
            stream = None
        if stream is None:
            stream, self._at = self._source.open(), 0
            self._stream = stream
        if self._at != offset and stream.seekable():
            stream.seek(offset)
            self._at = offset
        while self._at < offset and (skipped := stream.read(min(PIECE_BYTES, offset - self._at))):
            self._at += len(skipped)
        return stream

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class Chunk(io.RawIOBase):
    """A chunk of a file, read while it is sent: it is never in memory as a whole."""

    def __init__(self, content: FileContent, start: int, length: int) -> None:
        super().__init__()
        self._content = content
        self._start = start
        self._length = length
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence] + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, as many as are efficient to send, whatever size is asked for."""
        left = self._length - self._at
        if left <= 0:
            return b""
        data = self._content.read(self._start + self._at, min(PIECE_BYTES, left))
        self._at += len(data)
        return data


@contextmanager
def reading(path: str, field: str) -> Iterator[None]:
    """Explain a file that can't be read. Each storage raises exceptions of its own.

    :param field: the argument with the path.
    :raises PostBoostConfigError: it can't be read.
    """
    try:
        yield
    except PostBoostError:
        raise
    except Exception as error:
        raise PostBoostConfigError(
            f"{path} can't be read ({type(error).__name__}: {error}). Correct the path; for a file on object storage, "
            "install the Airflow provider of that storage, such as apache-airflow-providers-amazon[s3fs] for s3://, and "
            "set object_storage_conn_id.",
            code="unreadable_file",
            field=field,
        ) from error
