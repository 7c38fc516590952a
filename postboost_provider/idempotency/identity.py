"""Which attempts are one intention, and the labels and idempotency keys of what is done for it. Pure.

Nothing in here knows an attempt's number, a process or a clock: those differ between two attempts of one intention.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.idempotency.label import Label, Owner, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Act", "Actor", "digest", "intent_hash", "log_scope"]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done once: its label in the activity log, and the parts of its idempotency keys."""

    label: Label
    key_identity: tuple[str, ...]

    def key(self, revision: int) -> str:
        """Return an idempotency key.

        What the author wrote is not in it. An edited text that is sent while the first one is still being sent, or by a
        task that can't know of the first one, has to be refused for using its key: otherwise it would be a second post.

        :param revision: steps by one after a stored refusal, which PostBoost repeats for 24 hours.
        """
        return digest(self.key_identity, revision)

    def label_at(self, revision: int) -> Label:
        """Return the label of a request under a revision of the key."""
        return self.label.at(revision)


@dataclass(frozen=True, slots=True)
class Actor:
    """A task of a run, or a row of a calendar: the same in every attempt, and after Clear.

    :param scope: names the task in all its runs, or the calendar, in the activity log.
    :param identity: which run of the task it is, or which row. A row's does not depend on the run: tomorrow's must not
        publish it again.
    """

    scope: str
    identity: tuple[str, ...]

    @classmethod
    def of_task(cls, ti: Any, salt: str | None = None, key: str | None = None) -> Actor:
        """Return the actor for a task of a run.

        :param ti: Airflow's task instance.
        :param salt: the author's ``idempotency_salt``, which makes it another intention.
        :param key: replaces the map index, which changes when the mapped list does.
        """
        mapped = ti.map_index is not None and ti.map_index >= 0
        index = f"key {key}" if key else str(ti.map_index) if mapped else ""
        identity = ("task", ti.dag_id, ti.run_id, ti.task_id, index, salt or "")
        return cls(log_scope(f"{ti.dag_id}.{ti.task_id}"), identity)

    @classmethod
    def of_row(cls, calendar_id: str, key: str) -> Actor:
        return cls(log_scope(calendar_id), ("row", calendar_id, key))

    @property
    def owner(self) -> Owner:
        """Whose writes its are in the activity log."""
        readable = self.identity[3] if self.identity[0] == "task" else self.identity[-1]
        return Owner(self.scope, f"{_slug(readable, 20)}~{digest(self.identity)[:12]}")

    @property
    def log_identity(self) -> str:
        """The identity in its labels."""
        return self.label().identity

    def label(self, act: object = None) -> Label:
        return self.owner.label(None if act is None else str(act))

    def act(self, act: object, *key_parts: str) -> Act:
        """Return something that is done once.

        :param act: its name in the activity log.
        :param key_parts: distinguish its idempotency keys from those of the actor's other acts.
        """
        return Act(self.label(act), (*self.identity, *key_parts))


def intent_hash(intent: Mapping[str, Any]) -> str:
    """Return a short hash of what the author wrote, not of what it resolved to."""
    return digest(intent)[:16]


def log_scope(name: str) -> str:
    """Return the name of a task or a calendar in the activity log: its labels have what follows the ``~``."""
    return f"{_slug(name, 32)}~{digest(name)[:8]}"


def _slug(text: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")[:length] or "x"
