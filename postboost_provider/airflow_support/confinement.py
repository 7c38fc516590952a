"""The files that a calendar's cells may name: only those in the places that the author of the DAG allows."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from postboost_provider.airflow_support.storage import locate
from postboost_provider.api.arguments import NOTHING, read_text
from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from postboost_provider.services.media.upload import MediaFile


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder by its path or URI.

    :param store: the scheme and host of a URI, without a connection; empty for a local path and for ``file://``.
    :param connection: the Airflow connection in the URI, or None.
    :param path: everything after the host.
    """

    store: str
    connection: str | None
    path: str

    @classmethod
    def read(cls, text: str) -> Place:
        scheme, is_uri, rest = text.partition("://")
        if not is_uri:
            return cls("", None, text)
        host = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
        path = rest[len(host) :]
        connection, at, host = host.rpartition("@")
        if scheme.lower() in ("file", "local"):
            return cls("", connection if at else None, host + path)
        return cls(f"{scheme.lower()}://{host}", connection if at else None, path)

    def contains(self, other: Place) -> bool:
        """Return whether ``other`` is this place or in it, once all links are followed."""
        if self.store != other.store:
            return False
        if not self.store:
            return Path(other.path).resolve().is_relative_to(Path(self.path).resolve())
        folder = self.path.rstrip("/")
        return other.path == folder or other.path.startswith(f"{folder}/")

    def uri(self, connection: str | None) -> str:
        """Return the URI of a place on object storage, with that connection."""
        scheme, _, host = self.store.partition("://")
        return f"{scheme}://{'' if connection is None else f'{connection}@'}{host}{self.path}"


def read_places(value: Any) -> list[str]:
    """Return the paths and URIs of ``media_allow``, which may be the text of a list.

    :raises PostBoostConfigError: it is anything else, or one of them is empty: that would be the working directory.
    """
    found = read_text(value)
    found = [found] if isinstance(found, (str, os.PathLike)) else found
    if isinstance(found, Sequence) and all(isinstance(place, (str, os.PathLike)) for place in found):
        places = [str(place).strip() for place in found]
        if all(place and place not in NOTHING for place in places):
            return places
    raise PostBoostConfigError(
        f"media_allow is {value!r}; it must be a list of paths and URIs, such as ['/data/shared', 's3://bucket/shared'].",
        field="media_allow",
        code="not_places",
    )


def find_confined_file(name: str, root: str | None, allowed: Sequence[str], conn_id: str | None) -> MediaFile:
    """Return the file that a cell names, if it is in ``root`` or an allowed place.

    A relative path is relative to ``root``. Only the author of the DAG chooses connections: a URI of a cell has none, and
    takes that of its place.

    :raises PostBoostConfigError: it is elsewhere, or names a connection.
    """
    from postboost_provider.services.media.upload import MediaFile

    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        message = f"{name!r} contains a control character, or half of a character. Correct the path."
        raise _refused(message, "bad_path")
    written, cell = name, Place.read(name)
    if cell.connection is not None:
        shown = re.sub(r"(?<=://)[^/?#\\]*@", "", name)
        message = (
            f"The URI of {shown!r} names a connection, and a calendar can't choose one. Remove it and its @."
        )
        raise _refused(message, "connection_in_uri")
    places = [Place.read(place) for place in ([root] if root else []) + list(allowed)]
    if root and "://" not in name and not name.startswith("/"):
        # A root of slashes only, such as / or file:///, keeps them.
        name = f"{root}{'' if root.endswith('/') else '/'}{name}"
        file = Place.read(name)
        # With a root such as s3://, a cell would name the host.
        is_inside = (file.store, file.connection) == (places[0].store, places[0].connection)
    else:
        file, is_inside = cell, True
    if file.store:
        # Some storages follow these, so that the path would lead out of its folder; :: chains storages in fsspec.
        is_inside = is_inside and "::" not in cell.path and ".." not in re.split(r"[/\\]", unquote(cell.path))

    def place() -> Place:
        found = next((place for place in places if is_inside and place.contains(file)), None)
        if found is None:
            message = (
                f"{written!r} is outside media_root, the folder of the calendar's media. Move the file into it, or allow "
                "its place with media_allow of the operator."
            )
            raise _refused(message, "outside_media_root")
        return found

    def open_file() -> IO[bytes]:
        # Checked again: links may have changed since.
        found = place()
        path = locate(file.uri(found.connection), conn_id) if file.store else Path(file.path).resolve()
        return cast("IO[bytes]", path.open("rb"))

    place()
    return MediaFile(name, open_file)


def _refused(message: str, code: str) -> PostBoostConfigError:
    return PostBoostConfigError(message, code=code, field="media")
