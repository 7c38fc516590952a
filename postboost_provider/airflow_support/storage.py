"""Files by path or URI, local or on object storage."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

# Each parse of each DAG file imports this module: functions import what only a running task needs.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postboost_provider.services.media.upload import MediaFile


def locate(path: str, conn_id: str | None) -> Path:
    """Return the path, local or on object storage, for which ``conn_id`` is the Airflow connection."""
    if "://" not in path:
        return Path(path)
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    return cast("Path", ObjectStoragePath(path, conn_id=conn_id or None))


def find_file(name: str, root: str | None, conn_id: str | None) -> MediaFile:
    """Return the file at a path, which is relative to ``root`` if both are given and the path is relative."""
    from postboost_provider.services.media.upload import MediaFile

    if root and "://" not in name and not name.startswith("/"):
        # A root of slashes only, such as / or file:///, keeps them.
        name = f"{root}{'' if root.endswith('/') else '/'}{name}"
    path = locate(name, conn_id)
    return MediaFile(name, lambda: cast("IO[bytes]", path.open("rb")))


def check_file_mode(mode: int | None, path: str) -> None:
    """Check the argument ``file_mode`` for a file at ``path``.

    :raises PostBoostConfigError: it is not a mode, or the file has none.
    """
    from postboost_provider.api.errors import PostBoostConfigError

    if mode is None:
        return
    if isinstance(mode, bool) or not isinstance(mode, int) or not 0 <= mode <= 0o777:
        message = f"file_mode is {mode!r}; write a number such as 0o600."
        raise PostBoostConfigError(message, code="not_a_mode", field="file_mode")
    if not _is_local(path):
        message = f"file_mode is only for local files. Limit who may read {path} in its storage."
        raise PostBoostConfigError(message, code="not_local", field="file_mode")


def _is_local(path: str) -> bool:
    return "://" not in path or path.startswith("file://")


@contextmanager
def replacing(path: str, conn_id: str | None, mode: int | None = None) -> Iterator[Callable[[], IO[bytes]]]:
    """Yield a function that opens a new file for writing, each time from its start.

    The file replaces ``path`` at the end: an existing file stays unchanged unless the whole new file is written.

    :param mode: the permissions of a local file, whatever the umask is. Without it, the umask decides.
    """
    from postboost_provider.api.errors import PostBoostConfigError

    final = locate(path, conn_id)
    part = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.part")
    if _is_local(path):
        # Object storage has no folders to create.
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{path} can't be written ({error}). Correct the path."
            raise PostBoostConfigError(message, code="not_writable", field="path") from error

    def open_part() -> IO[bytes]:
        if mode is None:
            return cast("IO[bytes]", part.open("wb"))
        # Nobody else can open it before its permissions are set.
        handle = os.open(getattr(part, "path", part), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 & mode)
        os.fchmod(handle, mode)
        return os.fdopen(handle, "wb")

    try:
        yield open_part
        part.replace(final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
