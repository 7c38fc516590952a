"""Files by path or URI: a file is replaced whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.airflow_support.storage import locate, replacing


@pytest.fixture(params=["{tmp}/new/file", "file://{tmp}/new/file", "memory://bucket/new/file"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    memory = MemoryFileSystem()
    memory.store.clear()
    attach("memory", fs=memory)
    return str(request.param).format(tmp=tmp_path)


def around(path: str) -> list[str]:
    return [found.name for found in locate(path, None).parent.iterdir()]


def test_a_file_is_there_when_it_is_whole(path: str) -> None:
    with replacing(path, None) as open_file:
        with open_file() as file:
            file.write(b"first attempt, which broke off")
        with open_file() as file:
            file.write(b"whole")
        assert not locate(path, None).exists()
    assert locate(path, None).read_bytes() == b"whole"
    assert around(path) == ["file"]


def test_a_file_that_was_there_is_replaced(path: str) -> None:
    for content in (b"old", b"new"):
        with replacing(path, None) as open_file, open_file() as file:
            file.write(content)
    assert locate(path, None).read_bytes() == b"new"


def test_what_fails_leaves_what_was_there(path: str) -> None:
    with replacing(path, None) as open_file, open_file() as file:
        file.write(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path, None) as open_file:
        with open_file() as file:
            file.write(b"half")
        raise KeyboardInterrupt
    assert locate(path, None).read_bytes() == b"old"
    assert around(path) == ["file"]


def test_nothing_is_written_where_nothing_was_opened(path: str) -> None:
    with pytest.raises(RuntimeError), replacing(path, None):
        raise RuntimeError
    assert not locate(path, None).exists()
