from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from postboost_provider.services.media import file_content as content_module
from postboost_provider.services.media.file_content import digest_content, sample_content

BYTES = bytes(range(256)) * 10


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(content_module, "READ_BYTES", 30)
    monkeypatch.setattr(content_module, "SAMPLE_BYTES", 10)


@pytest.mark.parametrize("size", [0, 1, 30, 31, 256])
def test_a_content_is_known_by_its_sha_256(size):
    expected = hashlib.sha256(BYTES[:size]).hexdigest()
    assert digest_content(io.BytesIO(BYTES[:size])) == (expected, size)


@pytest.mark.parametrize("place", [0, 9, 170, len(BYTES) - 1])
def test_samples_tell_a_file_that_was_changed(tmp_path: Path, place):
    path = tmp_path / "a"
    path.write_bytes(BYTES)
    with path.open("rb") as stream:
        sampled = sample_content(stream, 100)
    assert sampled == sample_content(io.BytesIO(BYTES), 100)
    assert sampled
    assert sampled[1] == len(BYTES)
    changed = BYTES[:place] + b"?" + BYTES[place + 1 :]
    assert sample_content(io.BytesIO(changed), 100) != sampled
    assert sample_content(io.BytesIO(BYTES + b"?"), 100) != sampled


def test_a_small_file_is_not_sampled_and_is_at_its_start_again():
    stream = io.BytesIO(BYTES)
    assert sample_content(stream, len(BYTES) + 1) is None
    assert stream.read() == BYTES


def test_a_stream_that_can_not_go_back_is_not_sampled():
    class Forward(io.RawIOBase):
        pass

    assert sample_content(Forward(), 100) is None  # type: ignore[arg-type]
