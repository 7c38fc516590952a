"""How much of a response the clients keep in memory."""

from __future__ import annotations

import gzip
import io
import tracemalloc

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import UnexpectedResponseError
from postboost_provider.api.transport import MAX_RESPONSE_BYTES
from tests.api.support import BODIES

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def compressed(size: int, kind: str = "gzip") -> bytes:
    body = gzip.compress(b'{"data": [' + b" " * size + b"]}")
    return OK + f"Content-Encoding: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oh"])
@pytest.mark.parametrize("operation", ["create_post", "list_tags"])
def test_a_response_that_is_too_large_is_a_typed_error(serve, call, status, operation):
    """200 MB in 0.2 MB, compressed."""
    served = serve(compressed(200_000_000).replace(b"200 OK", status))
    tracemalloc.start()
    with pytest.raises(UnexpectedResponseError) as caught:
        call(served, operation, **BODIES[operation])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code == "too_large"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert peak < 3 * MAX_RESPONSE_BYTES


def test_a_compressed_response_below_the_limit_is_read(serve, call):
    assert call(serve(compressed(1_000_000)), "list_tags") == {"data": []}


def test_a_compression_that_was_not_asked_for_is_a_typed_error(serve, call):
    with pytest.raises(UnexpectedResponseError) as caught:
        call(serve(compressed(10, "zstd")), "list_tags")
    assert caught.value.code == "not_decodable"


def test_a_file_of_any_size_is_written(serve):
    written = io.BytesIO()
    with PostBoostClient(serve(compressed(MAX_RESPONSE_BYTES)), attempts=1) as api:
        api.download("list_tags", lambda: written)
        assert written.closed
