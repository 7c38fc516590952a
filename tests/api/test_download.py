"""A response of any size is written to a file as it arrives, and an attempt that broke off leaves nothing in it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest

from postboost_provider.api.errors import NotFoundError, UnexpectedResponseError, UnreachableError
from tests.api.support import WORKSPACE

EXPORT = f"/{WORKSPACE}/reports/exports/e/download"
CALL = {"parameters": {"export_uuid": "e"}}


class Kept(io.BytesIO):
    """A file that is still readable after it was closed."""

    def close(self) -> None:
        self.content = self.getvalue()
        super().close()


class Files:
    """What is opened to be written, one for each attempt."""

    def __init__(self) -> None:
        self.opened: list[Kept] = []

    def open(self) -> Kept:
        self.opened.append(Kept())
        return self.opened[-1]


class Broken(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"half of"
        raise httpx.ReadError("connection reset")


class Large(httpx.SyncByteStream):
    """64 MB in parts, which counts the parts that were read."""

    parts = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(64):
            self.parts += 1
            yield b"x" * 2**20


def test_the_response_is_written_as_it_is(connect, postboost):
    files = Files()
    postboost.get(EXPORT).respond(content=b"\xef\xbb\xbfa,b\n", content_type="text/csv")
    connect().download("download_report_export", files.open, **CALL)
    assert [file.content for file in files.opened] == [b"\xef\xbb\xbfa,b\n"]


def test_an_attempt_that_broke_off_starts_the_file_again(connect, postboost):
    files = Files()
    postboost.get(EXPORT).mock(
        side_effect=[httpx.Response(200, stream=Broken()), httpx.Response(200, content=b"whole")]
    )
    connect().download("download_report_export", files.open, **CALL)
    assert [file.content for file in files.opened] == [b"half of", b"whole"]


def test_attempts_that_all_break_off_are_an_error(connect, postboost):
    postboost.get(EXPORT).mock(side_effect=lambda _: httpx.Response(200, stream=Broken()))
    with pytest.raises(UnreachableError) as caught:
        connect(attempts=3).download("download_report_export", Files().open, **CALL)
    assert caught.value.code == "no_response"


def test_an_error_is_read_and_not_written(connect, postboost):
    files = Files()
    postboost.get(EXPORT).respond(404, json={"message": "Not found."})
    with pytest.raises(NotFoundError):
        connect().download("download_report_export", files.open, **CALL)
    assert files.opened == []


def test_a_page_where_json_is_expected_is_an_error_and_not_written(connect, postboost):
    files = Files()
    postboost.get(f"/{WORKSPACE}/tags").respond(html="<p>Log in</p>")
    with pytest.raises(UnexpectedResponseError) as caught:
        connect(attempts=1).download("list_tags", files.open)
    assert caught.value.code == "not_json"
    assert files.opened == []


def test_what_is_large_is_never_in_memory_as_a_whole(connect, postboost):
    large = Large()
    most = 0

    class Counter(io.RawIOBase):
        written = 0

        def write(self, part):
            nonlocal most
            self.written += len(part)
            # Only what was read and is not written yet is in memory.
            most = max(most, large.parts * 2**20 - self.written)
            return len(part)

    postboost.get(EXPORT).mock(return_value=httpx.Response(200, stream=large))
    counter = Counter()
    connect().download("download_report_export", lambda: counter, **CALL)
    assert counter.written == 64 * 2**20
    assert most <= 2**20
