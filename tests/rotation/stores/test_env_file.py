"""The .env file: one line is replaced, in one step, and Airflow's own backend reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from airflow.models.connection import Connection
from airflow.secrets.local_filesystem import LocalFilesystemBackend

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.rotation.stores.env_file import EnvFileStore

EXTRAS = {"workspace_uuid": "w", "scoped_key_id": 2, "client_label": 'it\'s="odd" % #1'}
TOKEN = "2|a/b+c%d&e"
BEFORE = """\
# connections
my_database=postgres://user:pass@host/db

blog=postboost://:1%7Cold@?workspace_uuid=w
blog_two=postboost://:other@\r
last=http://example.com"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "connections.env"
    found.write_bytes(BEFORE.encode())
    return found


def read(path: Path, conn_id: str = "blog") -> Any:
    connection = LocalFilesystemBackend(connections_file_path=str(path)).get_connection(conn_id)
    assert connection is not None
    return connection


def test_airflow_reads_the_new_token_and_extras_and_all_other_lines_stay(path: Path) -> None:
    EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    connection = read(path)
    assert (connection.conn_type, connection.password, connection.extra_dejson) == (
        "postboost",
        TOKEN,
        EXTRAS,
    )
    lines, before = path.read_bytes().splitlines(keepends=True), BEFORE.encode().splitlines(keepends=True)
    assert [new for new, old in zip(lines, before, strict=True) if new != old] == [lines[3]]


def test_without_a_token_that_one_stays(path: Path) -> None:
    assert EnvFileStore(path).read("blog") == {"workspace_uuid": "w"}
    EnvFileStore(path).write("blog", None, lambda _: EXTRAS)
    assert EnvFileStore(path).read("blog") == EXTRAS
    assert (read(path).password, read(path).extra_dejson) == ("1|old", EXTRAS)


def test_host_and_port_of_a_connection_stay(path: Path) -> None:
    path.write_text("blog=postboost://:old@127.0.0.1:8765/app%2Fapi?workspace_uuid=w\n")
    EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    connection = read(path)
    assert (connection.host, connection.port, connection.schema) == ("127.0.0.1", 8765, "app/api")
    assert connection.password == TOKEN


def test_only_the_owner_can_read_the_file_and_nothing_is_left_beside_it(path: Path) -> None:
    path.chmod(0o644)
    EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["connections.env"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.env"
    link.symlink_to(path)
    EnvFileStore(link).write("blog", TOKEN, lambda _: EXTRAS)
    assert link.is_symlink()
    assert read(path).password == TOKEN


@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod", "fchown"])
def test_a_file_that_can_not_be_replaced_stays_as_it_was(path: Path, mocker: Any, step: str) -> None:
    mocker.patch(
        f"postboost_provider.rotation.stores.env_file.os.{step}", side_effect=OSError(28, "No space left")
    )
    with pytest.raises(PostBoostConfigError, match="No space left") as caught:
        EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    assert caught.value.code == "unwritable"
    assert path.read_bytes() == BEFORE.encode()
    assert [p.name for p in path.parent.iterdir()] == ["connections.env"]


def test_it_is_on_the_disk_before_it_is_in_place(path: Path, mocker: Any) -> None:
    steps: list[str] = []
    for step in ("fsync", "replace"):
        real = getattr(os, step)
        mocker.patch(
            f"postboost_provider.rotation.stores.env_file.os.{step}",
            side_effect=lambda *a, _real=real, _step=step: steps.append(_step) or _real(*a),
        )
    EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    assert steps == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize(
    ("conn_id", "says"),
    [("typo", "no line typo="), ("twice", "2 lines twice=")],
)
def test_a_connection_that_has_not_one_line_is_one_clear_error(path: Path, conn_id: str, says: str) -> None:
    path.write_text("twice=a://\ntwice=b://\n")
    with pytest.raises(PostBoostConfigError, match=says) as caught:
        EnvFileStore(path).write(conn_id, TOKEN, lambda _: EXTRAS)
    assert caught.value.code == "not_one_line"
    assert path.read_text() == "twice=a://\ntwice=b://\n"


def test_a_host_that_airflow_writes_with_its_scheme_stays(path: Path) -> None:
    url = "https://postboost.example:8443/app/api"
    before = Connection(conn_id="blog", conn_type="postboost", host=url, password="old").get_uri()
    path.write_text(f"blog={before}\n")
    EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    assert (read(path).host, read(path).password, read(path).extra_dejson) == (url, TOKEN, EXTRAS)


@pytest.mark.parametrize("value", ['{"conn_type": "postboost"}', "a://b://c://d", "postboost://:x@h:port"])
def test_a_line_that_is_not_a_uri_is_one_clear_error_without_its_secret(path: Path, value: str) -> None:
    path.write_text(f"blog={value}\n")
    with pytest.raises(PostBoostConfigError, match="blog") as caught:
        EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    assert caught.value.code == "not_a_uri"
    assert caught.value.__cause__ is None
    assert path.read_text() == f"blog={value}\n"


def test_a_file_that_is_not_text_is_one_clear_error(path: Path) -> None:
    path.write_bytes(b"blog=postboost://\xff@\n")
    with pytest.raises(PostBoostConfigError) as caught:
        EnvFileStore(path).write("blog", TOKEN, lambda _: EXTRAS)
    assert caught.value.code == "not_utf8"


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PostBoostConfigError, match="nowhere.env") as caught:
        EnvFileStore(tmp_path / "nowhere.env").write("blog", TOKEN, lambda _: EXTRAS)
    assert caught.value.code == "unwritable"
