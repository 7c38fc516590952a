"""Files by path or URI, wherever Airflow can read them."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from postboost_provider.api.media import MediaFile


def locate(path: str, conn_id: str | None) -> Path:
    """Return a path to read from, local or on object storage.

    :param conn_id: the Airflow connection for object storage.
    """
    if "://" not in path:
        return Path(path)
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    return cast("Path", ObjectStoragePath(path, conn_id=conn_id or None))


def find_file(name: str, root: str | None, conn_id: str | None) -> MediaFile:
    """Return the file that a path means, relative to ``root`` if it is relative and there is one."""
    from postboost_provider.api.media import MediaFile

    if root and "://" not in name and not name.startswith("/"):
        name = f"{root.rstrip('/')}/{name}"
    path = locate(name, conn_id)
    return MediaFile(name, lambda: cast("IO[bytes]", path.open("rb")))
