"""The table of PostBoost's API operations.

Its rows are in ``operations.json``, which ``scripts/refresh_operations.py`` writes from the official SDK.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

Tier = Literal["workspace", "panel", "account", "tools"]
Envelope = Literal["page", "list", "cursor", "data", "bare", "binary", "none", "untyped"]


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
    :param response: the envelope of the response: ``page`` and ``list`` have a list in ``data``, with and without page
        numbers; ``cursor`` continues at ``next_cursor``; ``data`` wraps one object; ``bare`` is the object itself.
    :param idempotency_key: an ``Idempotency-Key`` is accepted; a retry with it has no further effect.
    :param retryable: sending it twice without a key has no further effect.
    :param needs_token: False for the free tools that also work without one.
    :param secret: where the response has a secret that PostBoost shows only once, such as ``data.token``.
    """

    operation: str
    method: str
    path: str
    tier: Tier
    parameters: tuple[Parameter, ...]
    body: Literal["json", "multipart", "none"]
    required_fields: tuple[str, ...]
    fields: tuple[str, ...]
    status: int
    response: Envelope
    idempotency_key: bool
    retryable: bool
    files: tuple[str, ...] = ()
    needs_token: bool = True
    secret: str | None = None

    @property
    def is_read(self) -> bool:
        return self.method == "GET"

    @property
    def is_list(self) -> bool:
        """Whether its response is a list, in one or more pages."""
        return self.response in ("page", "list", "cursor")


@functools.cache
def _rows() -> dict[str, dict[str, Any]]:
    text = (Path(__file__).parent / "operations.json").read_text(encoding="utf-8")
    return {row["operation"]: row for row in json.loads(text)}


@functools.cache
def _operation(name: str) -> Operation:
    row = _rows()[name]
    parameters = tuple(Parameter(p["name"], p["in"], p["wire"], p["required"]) for p in row["parameters"])
    lists = {key: tuple(row.get(key, ())) for key in ("required_fields", "fields", "files")}
    return Operation(**{**row, **lists, "parameters": parameters})


def load_operations() -> dict[str, Operation]:
    """Return every operation by name."""
    return {name: _operation(name) for name in _rows()}


def get_operation(name: str | None) -> Operation:
    """Return the operation of that name.

    :raises PostBoostConfigError: it does not exist; the message has the nearest names.
    """
    if not isinstance(name, str):
        message = f"operation is {name!r}; it must be a name as text, such as 'create_tag'."
        raise PostBoostConfigError(message, field="operation", code="not_a_name")
    if name in _rows():
        return _operation(name)
    message = f"PostBoost has no operation {name!r}.{did_you_mean(name, _rows())}"
    raise PostBoostConfigError(message, code="unknown_operation", field="operation")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint for a message with the nearest of the known names, or nothing."""
    # Not at module level: only a mistyped name needs it.
    import difflib

    near = difflib.get_close_matches(name, list(known))
    return f" Did you mean {' or '.join(near)}?" if near else ""
