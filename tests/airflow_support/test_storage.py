"""Files by path or URI: a file is replaced whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.airflow_support.storage import check_file_mode, locate, replacing
from postboost_provider.api.errors import PostBoostConfigError


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


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize(
    "umask, mode, expected", [(0o027, None, 0o640), (0o000, 0o600, 0o600), (0o077, 0o644, 0o644)]
)
def test_a_file_has_the_permissions_of_the_umask_or_of_its_mode(tmp_path, scheme, umask, mode, expected):
    before = os.umask(umask)
    try:
        with replacing(f"{scheme}{tmp_path}/file", None, mode) as open_file, open_file() as file:
            file.write(b"whole")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == expected
    assert (tmp_path / "file").read_bytes() == b"whole"


@pytest.mark.parametrize("mode", ["0600", 0o1777, -1, True, 6.0])
def test_what_is_not_a_mode_is_refused(mode):
    with pytest.raises(PostBoostConfigError) as caught:
        check_file_mode(mode, "/tmp/file")
    assert (caught.value.code, caught.value.field) == ("not_a_mode", "file_mode")


def test_a_mode_of_an_object_is_refused():
    with pytest.raises(PostBoostConfigError) as caught:
        check_file_mode(0o600, "s3://bucket/file")
    assert caught.value.code == "not_local"
