"""The table of PostBoost's API operations.

Its rows are in ``operations.json``, which ``scripts/refresh_operations.py`` writes from the official SDK.
"""

from __future__ import annotations

import difflib
import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from postboost_provider.api.errors import PostBoostConfigError

Tier = Literal["workspace", "panel", "account", "tools"]
Reply = Literal["page", "list", "cursor", "data", "bare", "binary", "none", "untyped"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path or query parameter. ``name`` is what callers write, ``wire`` what is sent (``providers[]``)."""

    name: str
    place: Literal["path", "query"]
    wire: str
    required: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One of PostBoost's API operations.

    :param tier: ``workspace`` (``/{workspace_uuid}/...``), ``panel`` (platform admins), ``account`` (the caller's
        own memberships) or ``tools`` (the free tools).
    :param reply: how the answer is wrapped: ``page`` and ``list`` hold ``data`` with a list, with and without page
        numbers; ``cursor`` goes on from ``next_cursor``; ``data`` wraps one thing; ``bare`` is the thing itself.
    :param idempotency_key: an ``Idempotency-Key`` is accepted, so that a repeat has no further effect.
    :param repeatable: sending it twice without a key does no more than sending it once.
    """

    operation: str
    method: str
    path: str
    tier: Tier
    parameters: tuple[Parameter, ...]
    body: Literal["json", "multipart", "none"]
    body_required: bool
    required_fields: tuple[str, ...]
    fields: tuple[str, ...]
    status: int
    reply: Reply
    idempotency_key: bool
    repeatable: bool
    files: tuple[str, ...] = field(default=())

    @property
    def is_read(self) -> bool:
        return self.method == "GET"


@functools.cache
def load_operations() -> dict[str, Operation]:
    """Return every operation by name. Read from disk once, at the first call."""
    rows = json.loads((Path(__file__).parent / "operations.json").read_text(encoding="utf-8"))
    table = {}
    for row in rows:
        parameters = tuple(Parameter(p["name"], p["in"], p["wire"], p["required"]) for p in row["parameters"])
        lists = {key: tuple(row.get(key, ())) for key in ("required_fields", "fields", "files")}
        table[row["operation"]] = Operation(**{**row, **lists, "parameters": parameters})
    return table


def get_operation(name: str) -> Operation:
    """Return the operation of that name.

    :raises PostBoostConfigError: there is none; the message has the nearest names.
    """
    table = load_operations()
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise PostBoostConfigError(f"PostBoost has no operation {name!r}.{hint}")
