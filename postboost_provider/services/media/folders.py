"""The folders of PostBoost's media library by name; a missing one is created."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PostBoostConfigError, ValidationError
from postboost_provider.api.field_errors import map_fields
from postboost_provider.idempotency.key import (
    NextRevision,
    numbered,
    send_past_stored_responses,
    step_past_stored_refusal,
)

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.errors import PostBoostRequestError, UnconfirmedError

log = logging.getLogger(__name__)


def folder_uuid(api: PostBoostClient, path: str) -> str:
    """Return the uuid of a folder, creating what is missing of its path.

    :param path: a name, or names from the top, separated by ``/``: ``Campaigns/Autumn``. Case does not matter.
    :raises ValidationError: PostBoost refused a name, or that many levels.
    """
    names = [name.strip() for name in path.strip().strip("/").split("/")]
    if not all(names):
        message = f"folder is {path!r}. Write names separated by /, such as Campaigns/Autumn."
        raise PostBoostConfigError(message, code="not_a_path", field="folder")
    parent: str | None = None
    tree = _tree(api)
    for name in names:
        found = tree.get((parent, name.casefold()))
        if found is None:
            with map_fields(f"folder ({name})"):
                found = _create(api, name, parent)
            tree = _tree(api)
        parent = found
    return str(parent)


def _tree(api: PostBoostClient) -> dict[tuple[str | None, str], str]:
    """Return every folder's uuid by its parent and name: the list is the whole tree (SDK 1.66.3)."""
    found = {}
    for folder in api.pages("list_media_folders"):
        parent = folder.get("parent")
        above = parent.get("uuid") if isinstance(parent, dict) else parent
        found[(above or None, str(folder["name"]).casefold())] = str(folder["uuid"])
    return found


def _create(api: PostBoostClient, name: str, parent: str | None) -> str:
    body: dict[str, Any] = {"name": name, **({"parent": parent} if parent else {})}
    key = hashlib.sha256(f"folder\n{parent or ''}\n{name}".encode()).hexdigest()

    def find(_: object = None) -> str:
        # What a stored response created may have been deleted since: only the list shows that.
        if uuid := _tree(api).get((parent, name.casefold())):
            log.info("Media folder %s: %s", clean_text(name), clean_text(uuid))
            return uuid
        raise NextRevision

    def on_error(error: PostBoostRequestError | UnconfirmedError, revision: int) -> str:
        if isinstance(error, ValidationError):
            # Another task may have created it since the list was read.
            with suppress(NextRevision):
                return find()
        step_past_stored_refusal(error, revision)

    return send_past_stored_responses(
        api, "create_media_folder", numbered(key), read=find, on_error=on_error, body=body
    )
