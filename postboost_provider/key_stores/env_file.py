"""A ``.env`` file of connections, as Airflow's local filesystem secrets backend reads it at every look."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class EnvFileStore:
    """Write a connection to its line ``conn_id=postboost://...`` of a file. All other lines stay as they are.

    The file is replaced in one step, so that whoever reads it sees the old or the new, and is for its owner alone (mode
    0600) from then on.

    :param path: the file that ``connections_file_path`` of ``airflow.secrets.local_filesystem.LocalFilesystemBackend``
        names.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def write(self, conn_id: str, token: str | None, extras: Mapping[str, Any]) -> None:
        """Replace extras, and the token where one is given: see :class:`~postboost_provider.key_stores.KeyStore`."""
        path = Path(os.path.realpath(self.path))
        try:
            with _locked(path.parent):
                text = path.read_bytes().decode()  # line ends as they are
                _replace(path, self._changed(text, conn_id, token, extras))
        except OSError as error:
            raise PostBoostConfigError(
                f"{os.fspath(self.path)} can't be written ({error.strerror or error}), and is as it was."
            ) from error

    def _changed(self, text: str, conn_id: str, token: str | None, extras: Mapping[str, Any]) -> str:
        lines = text.splitlines(keepends=True)
        mine = [n for n, line in enumerate(lines) if line.partition("=")[0] == conn_id and "=" in line]
        if len(mine) != 1:
            raise PostBoostConfigError(
                f"{os.fspath(self.path)} has {len(mine) or 'no'} line{'s' if len(mine) > 1 else ''} {conn_id}=...; "
                "it must have one, which is replaced."
            )
        line = lines[mine[0]]
        value = line.rstrip("\r\n").partition("=")[2]
        end = line[len(line.rstrip("\r\n")) :]
        lines[mine[0]] = f"{conn_id}={_changed_uri(value, token, extras)}{end}"
        return "".join(lines)


def _changed_uri(uri: str, token: str | None, extras: Mapping[str, Any]) -> str:
    """Return a connection's URI with this token and these extras, as Airflow reads them."""
    parts = urlsplit(uri)
    user, _, host = parts.netloc.rpartition("@")
    if token is not None:
        user = f"{user.partition(':')[0]}:{quote(token, safe='')}"
    query = urlencode({"__extra__": json.dumps(extras)})
    return urlunsplit((parts.scheme, f"{user}@{host}", parts.path or "/", query, ""))


def _replace(path: Path, text: str) -> None:
    """Put the text in the file's place in one step, and onto the disk before that."""
    before = path.stat()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), 0o600)
            with suppress(PermissionError):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    with suppress(OSError):
        _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one writer at a time read and replace: two connections of one file may be rotated at once."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
