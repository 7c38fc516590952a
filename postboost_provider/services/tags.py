"""Tags by name, created where they are missing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from postboost_provider.api.errors import ConflictError, ValidationError
from postboost_provider.api.field_errors import map_fields
from postboost_provider.idempotency.key import create_thing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.api.client import PostBoostClient

DEFAULT_COLOR = "#94a3b8"


class Tags:
    """The tags of a workspace by name; a missing one is created at its first use."""

    def __init__(self, api: PostBoostClient) -> None:
        self._api = api
        self._ids: dict[str, int] | None = None

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return the names that the workspace does not have yet."""
        known = self._known()
        return [name for name in names if name.casefold() not in known]

    def ids(self, names: Sequence[str], *, idempotency_key: str) -> list[int]:
        """Return the ids of the tags of these names, creating missing ones under keys that begin with this one."""
        known = self._known()
        # One tag for two spellings of it, and one idempotency key for each spelling: headers carry only ASCII.
        for name in {name.casefold(): name for name in self.missing(names)}.values():
            with map_fields(f"tags ({name})"):
                known[name.casefold()] = self._create(name, idempotency_key)
        return sorted({known[name.casefold()] for name in names})

    def _create(self, name: str, idempotency_key: str) -> int:
        try:
            tag = create_thing(
                self._api,
                "create_tag",
                f"{idempotency_key}-{hashlib.sha256(name.encode()).hexdigest()}",
                lambda made: self._api.call("get_tag", parameters={"tag_uuid": made["uuid"]}),
                body={"name": name, "hex_color": DEFAULT_COLOR},
            )
        except (ValidationError, ConflictError):
            # Another attempt may have created it meanwhile, perhaps in another case.
            if (number := self._read().get(name.casefold())) is None:
                raise
            return number
        return int(tag["id"])

    def _known(self) -> dict[str, int]:
        if self._ids is None:
            self._ids = self._read()
        return self._ids

    def _read(self) -> dict[str, int]:
        """Return the ids of the tags by name: of tags whose names differ only in case, the oldest one's."""
        tags = sorted(self._api.pages("list_tags"), key=lambda tag: int(tag["id"]), reverse=True)
        return {str(tag["name"]).casefold(): int(tag["id"]) for tag in tags}
