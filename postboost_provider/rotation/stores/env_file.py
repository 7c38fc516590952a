"""A ``.env`` file of connections, which Airflow's local filesystem secrets backend reads each time."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.models.connection import Connection

    from postboost_provider.rotation.stores.base import Edit

_VALUES = attrgetter("conn_type", "host", "port", "schema", "login", "password", "extra_dejson")


class EnvFileStore:
    """Write a connection to its line ``conn_id=postboost://...`` of a file. All other lines stay as they are.

    The file is replaced in one step, so that a reader sees the old or the new one. After that only its owner can read it
    (mode 0600).

    :param path: the file that ``connections_file_path`` of ``airflow.secrets.local_filesystem.LocalFilesystemBackend``
        names.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def read(self, conn_id: str) -> dict[str, Any]:
        """Return the extras: see :class:`~postboost_provider.key_stores.KeyStore`."""
        with self._explained():
            _, line = self._find(Path(self.path).read_bytes().decode(), conn_id)
        extras: dict[str, Any] = _connection(conn_id, line).extra_dejson
        return extras

    def write(self, conn_id: str, token: str | None, edit: Edit) -> None:
        """Edit extras and, where one is given, set the token: see :class:`~postboost_provider.key_stores.KeyStore`."""
        path = Path(os.path.realpath(self.path))
        with self._explained(), _opened(path.parent) as folder:
            # Two connections of one file may be rotated at once.
            fcntl.flock(folder, fcntl.LOCK_EX)
            text = path.read_bytes().decode()  # line ends as they are
            lines = text.splitlines(keepends=True)
            number, line = self._find(text, conn_id)
            end = line[len(line.rstrip("\r\n")) :]
            lines[number] = f"{conn_id}={_changed_uri(_connection(conn_id, line), token, edit)}{end}"
            _replace(path, "".join(lines))

    def _find(self, text: str, conn_id: str) -> tuple[int, str]:
        """Return number and text of the connection's line."""
        lines = enumerate(text.splitlines(keepends=True))
        mine = [(n, line) for n, line in lines if line.partition("=")[0] == conn_id and "=" in line]
        if len(mine) != 1:
            raise PostBoostConfigError(
                f"{os.fspath(self.path)} has {len(mine) or 'no'} line{'s' if len(mine) > 1 else ''} {conn_id}=...; "
                "it must have exactly one, which is replaced.",
                code="not_one_line",
            )
        return mine[0]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise an error that says what is wrong with the file."""
        try:
            yield
        except OSError as error:
            raise PostBoostConfigError(
                f"{os.fspath(self.path)} can't be written ({error.strerror or error}). It was not changed.",
                code="unwritable",
            ) from error
        except UnicodeDecodeError:
            raise PostBoostConfigError(
                f"{os.fspath(self.path)} is not UTF-8. It was not changed.", code="not_utf8"
            ) from None


def _connection(conn_id: str, line: str) -> Connection:
    # As the backend reads it: with a line that it can't read, it reads no connection of the file.
    from airflow.models.connection import Connection

    try:
        connection = Connection(conn_id=conn_id, uri=line.rstrip("\r\n").partition("=")[2])
    except (AirflowException, ValueError):
        connection = Connection(conn_id=conn_id)
    if not connection.conn_type:
        raise PostBoostConfigError(
            f"The line of {conn_id!r} is not a URI that Airflow can read. Write it as {conn_id}=postboost://:token@host.",
            code="not_a_uri",
        )
    return connection


def _changed_uri(connection: Connection, token: str | None, edit: Edit) -> str:
    """Return the connection's URI with this token and the edited extras, as Airflow writes and reads them."""
    connection.set_extra(json.dumps(edit(connection.extra_dejson)))
    if token is not None:
        connection.set_password(token)
    changed = connection.get_uri()
    read = type(connection)(conn_id=connection.conn_id, uri=changed)
    if _VALUES(read) != _VALUES(connection):
        raise PostBoostConfigError(
            f"Airflow can't write connection {connection.conn_id!r} as a URI that it reads back unchanged. Nothing was "
            "written. Give its host without a path, and port and schema separately.",
            code="not_a_uri",
        )
    return changed


def _replace(path: Path, text: str) -> None:
    """Replace the file in one step, after the new content is on the disk."""
    before = path.stat()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), 0o600)
            # Its owner must still be able to read it: where that can't be kept, the file is not replaced.
            os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    with suppress(OSError), _opened(path.parent) as folder:
        os.fsync(folder)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)
