"""A sandbox's data in a file, so that it outlives a restart."""

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

from postboost_provider.sandbox.core.content import Intake

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.store import Store

_OURS = "postboost_provider.sandbox."
_OTHERS = {
    "datetime": {"date", "datetime", "timedelta", "timezone"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "builtins": {"dict", "int", "list", "set"},
    "zoneinfo": {"ZoneInfo._unpickle"},
}


class SavedStateError(ValueError):
    """Say why a file's data can't be used."""


def save(path: Path, tokens: dict[str, str], store: Store) -> None:
    """Replace the file. It holds the sandbox's tokens, so that only its owner may read it."""
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
    """Return tokens and data, None where there is no file yet.

    Uploads and downloads that were on their way are gone; their clients are answered 404.

    :param fresh: a store of this version.
    :raises SavedStateError: the file is no saved state, or one of another version.
    """
    if not path.parent.is_dir():
        raise SavedStateError(f"{path} can't be written: there is no folder {path.parent}.")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SavedStateError(f"{path} can't be read: {error.strerror}.") from error
    try:
        saved = _Unpickler(io.BytesIO(raw)).load()
        fits = saved["format"] == _format(fresh)
    except Exception as error:
        raise SavedStateError(
            f"{path} is no sandbox's state ({type(error).__name__}: {error}). Name another file."
        ) from error
    if not fits:
        raise SavedStateError(
            f"{path} was written by another version of the sandbox. Delete it, or name another file."
        )
    store: Store = saved["store"]
    for workspace in store.workspaces.values():
        workspace.uploads = {key: each for key, each in workspace.uploads.items() if each.media is not None}
        workspace.downloads = {
            key: each for key, each in workspace.downloads.items() if each.media or each.error
        }
    # Requests that were being answered are not any more: their keys are free again.
    store.idempotency = {key: each for key, each in store.idempotency.items() if each.reply is not None}
    return saved["tokens"], store


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        # What has arrived of a file is a hash in the making, which can't be kept.
        return (Intake, (0,)) if isinstance(obj, Intake) else NotImplemented


class _Unpickler(pickle.Unpickler):
    """Makes nothing but what a sandbox's data consists of: a file can't have this process run anything else."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith(_OURS) or module in _OTHERS else None
        if found is not None and (
            name in _OTHERS.get(module, ()) or (isinstance(found, type) and found.__module__ == module)
        ):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in it")


def _format(store: Store) -> str:
    """Return a hash of how the data is laid out."""
    layout = [("Store", sorted(vars(store)))]
    for name, module in sorted(sys.modules.items()):
        if name.startswith(_OURS):
            layout += [
                (f"{name}.{each.__qualname__}", [field.name for field in dataclasses.fields(each)])
                for each in vars(module).values()
                if isinstance(each, type) and dataclasses.is_dataclass(each) and each.__module__ == name
            ]
    return hashlib.sha256(repr(layout).encode()).hexdigest()
