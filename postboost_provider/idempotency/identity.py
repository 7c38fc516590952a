"""Whose attempts are one intention, and what each thing that is done for it is called. Pure: hashes of what it is given.

Nothing in here knows an attempt's number, a process or a clock: those differ between two attempts of one intention.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.idempotency.activity_log import Label

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done once: what the activity log calls it, and what its idempotency keys are made of."""

    label: Label
    key_identity: tuple[str, ...]

    def key(self, revision: int) -> str:
        """Return the idempotency key of this revision."""
        return idempotency_key(self.key_identity, revision)


@dataclass(frozen=True, slots=True)
class Actor:
    """A task of a run, or a row of a calendar: the same in every attempt.

    :param scope: what the activity log calls the task in all its runs, or the calendar.
    :param identity: which run of the task it is, or which row.
    """

    scope: str
    identity: tuple[str, ...]

    @classmethod
    def of_task(cls, ti: Any, salt: str | None = None, key: str | None = None) -> Actor:
        """Return who acts in a task of a run.

        :param ti: Airflow's task instance.
        :param salt: something of the author's own that makes it another intention.
        :param key: names the intention among those of a mapped task, in place of the map index.
        """
        identity = task_identity(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, salt or None, key or None)
        return cls(log_scope(f"{ti.dag_id}.{ti.task_id}"), identity)

    @classmethod
    def of_row(cls, calendar_id: str, key: str) -> Actor:
        return cls(log_scope(calendar_id), row_identity(calendar_id, key))

    @property
    def log_identity(self) -> str:
        """The second part of the label: readable by the task or the row's key, different for each identity."""
        readable = self.identity[3] if self.identity[0] == "task" else self.identity[-1]
        return f"{_slug(readable, 20)}~{digest(self.identity)[:12]}"

    def label(self, act: str | None = None) -> Label:
        return Label(self.scope, self.log_identity, act)

    def act(self, words: str, *key_parts: str) -> Act:
        """Return something that is done once.

        :param words: what the activity log calls it.
        :param key_parts: what tells its idempotency keys from those of the actor's other acts.
        """
        return Act(self.label(words), (*self.identity, *key_parts))


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
    """Return the identity of one task of one run: the same in each attempt, and after Clear.

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


def idempotency_key(identity: tuple[str, ...], revision: int = 0) -> str:
    """Return the idempotency key of one request.

    What the author wrote is not in it. An edited text that is sent while the first one is still being sent, or by a task
    that can't know of the first one, has to be refused for using its key: otherwise it would be a second post.

    :param revision: steps by one after a stored refusal, which PostBoost repeats for 24 hours.
    """
    return digest(identity, revision)


def log_scope(name: str) -> str:
    """Return the first part of a label: readable, and different for different names."""
    return f"{_slug(name, 32)}~{digest(name)[:8]}"


def _slug(text: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")[:length] or "x"
