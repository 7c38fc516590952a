"""What makes a repeated task the same intention. Pure: hashes of what it is given.

Nothing in here knows a try number, a process or a clock: those differ between two runs of one intention.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def digest(*parts: Any) -> str:
    """Return the SHA-256 of the parts, joined so that no two different lists of parts are the same text."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def task_identity(
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int | None = None,
    salt: str | None = None,
    key: str | None = None,
) -> tuple[str, ...]:
    """Return the identity of one task of one run: the same across tries and across Clear.

    :param key: names it in place of its map index, which is another one when the mapped list has changed.
    :param salt: something of the author's own that makes it another intention.
    """
    if key:
        return ("task", dag_id, run_id, task_id, f"key {key}", salt or "")
    index = "" if map_index is None or map_index < 0 else str(map_index)
    return ("task", dag_id, run_id, task_id, index, salt or "")


def row_identity(calendar_id: str, key: str) -> tuple[str, ...]:
    """Return the identity of one row of a calendar: without the run, so that tomorrow's repeats nothing."""
    return ("row", calendar_id, key)


def intent_hash(intent: Mapping[str, Any]) -> str:
    """Return a short hash of what the author wrote, not of what it resolved to."""
    return digest(intent)[:16]


def idempotency_key(identity: tuple[str, ...], generation: int = 0) -> str:
    """Return the key of one request.

    What the author wrote is not in it: an edited text that is sent while the first one is under way, or by a task
    that can't know of it, must meet the first one's key, and not pass beside it as a second post.

    :param generation: steps by one after a stored refusal, which would be answered again for 24 hours.
    """
    return digest(identity, generation)


def ledger_scope(name: str) -> str:
    """Return the first part of a ledger label: readable, and different for different names."""
    return f"{_slug(name, 32)}~{digest(name)[:8]}"


def ledger_identity(identity: tuple[str, ...]) -> str:
    """Return the second part of a ledger label: readable by the task or the row's key, different for each identity."""
    readable = identity[3] if identity[0] == "task" else identity[-1]
    return f"{_slug(readable, 20)}~{digest(identity)[:12]}"


def _slug(text: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")[:length] or "x"
