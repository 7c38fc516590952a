"""Save a sandbox's data in a file, and load it after a restart."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.file_content import ContentBuilder

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.store import Store

_PACKAGE = "postboost_provider.sandbox."
_OTHER_CLASSES = {
    "datetime": {"date", "datetime", "timedelta", "timezone"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "builtins": {"dict", "int", "list", "set"},
    "zoneinfo": {"ZoneInfo._unpickle"},
}


class SavedStateError(ValueError):
    """The file cannot be used as a saved state."""


def save(path: Path, tokens: dict[str, str], store: Store) -> None:
    """Replace the file. Only its owner may read it: it has the sandbox's tokens."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _Pickler(file, protocol=4).dump({"format": _format(store), "tokens": tokens, "store": store})
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def load(path: Path, fresh: Store) -> tuple[dict[str, str], Store] | None:
    """Return tokens and data, None if the file does not exist.

    Unfinished uploads and downloads are dropped; their clients get a 404.

    :param fresh: a store of this version.
    :raises SavedStateError: the file is not a saved state, or of another version.
    """
    if not path.parent.is_dir():
        raise SavedStateError(f"{path} cannot be written: the folder {path.parent} does not exist.")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SavedStateError(f"{path} cannot be read: {error.strerror}.") from error
    other_version = SavedStateError(
        f"{path} was written by another version of the sandbox. Delete it, or use another file."
    )
    try:
        saved = _Unpickler(io.BytesIO(raw)).load()
        is_current = saved["format"] == _format(fresh)
    except Exception as error:
        if _PACKAGE.encode() in raw and isinstance(error, (ImportError, AttributeError)):
            raise other_version from error  # it names modules or classes that this version does not have
        raise SavedStateError(
            f"{path} is not a saved state of the sandbox ({type(error).__name__}: {error}). Use another file."
        ) from error
    if not is_current:
        raise other_version
    store: Store = saved["store"]
    for workspace in store.workspaces.values():
        workspace.uploads = {key: each for key, each in workspace.uploads.items() if each.media is not None}
        workspace.downloads = {
            key: each for key, each in workspace.downloads.items() if each.media or each.error
        }
        workspace.index_posts()
    # The keys of requests that were running are free again.
    store.idempotency = {key: each for key, each in store.idempotency.items() if each.response is not None}
    return saved["tokens"], store


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        # An unfinished hash cannot be saved.
        return (ContentBuilder, (0,)) if isinstance(obj, ContentBuilder) else NotImplemented


class _Unpickler(pickle.Unpickler):
    """Load only the classes of a sandbox's data: a file must not be able to run other code."""

    def find_class(self, module: str, name: str) -> Any:
        found = (
            super().find_class(module, name)
            if module.startswith(_PACKAGE) or module in _OTHER_CLASSES
            else None
        )
        if found is not None and (
            name in _OTHER_CLASSES.get(module, ()) or (isinstance(found, type) and found.__module__ == module)
        ):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a saved state")


def _format(store: Store) -> str:
    """Return a hash of the data's classes and fields."""
    layout = [("Store", sorted(vars(store)))]
    for name, module in sorted(sys.modules.items()):
        if name.startswith(_PACKAGE):
            layout += [
                (f"{name}.{each.__qualname__}", [field.name for field in dataclasses.fields(each)])
                for each in vars(module).values()
                if isinstance(each, type) and dataclasses.is_dataclass(each) and each.__module__ == name
            ]
    return hashlib.sha256(repr(layout).encode()).hexdigest()
