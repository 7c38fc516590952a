"""Files by path or URI, local or on object storage."""

from __future__ import annotations

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


@contextmanager
def replacing(path: str, conn_id: str | None) -> Iterator[Callable[[], IO[bytes]]]:
    """Yield a function that opens a new file for writing, each time from its start.

    The file replaces ``path`` at the end: an existing file stays unchanged unless the whole new file is written.
    """
    from postboost_provider.api.errors import PostBoostConfigError

    final = locate(path, conn_id)
    part = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.part")
    if "://" not in path or path.startswith("file://"):
        # Object storage has no folders to create.
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{path} can't be written ({error}). Correct the path."
            raise PostBoostConfigError(message, field="path") from error
    try:
        yield lambda: cast("IO[bytes]", part.open("wb"))
        part.replace(final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
