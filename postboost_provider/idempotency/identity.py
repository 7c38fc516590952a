"""Which attempts are one intention, and the labels and idempotency keys of what is done for it. Pure.

Nothing in here knows an attempt's number, a process or a clock: those differ between two attempts of one intention.
"""

from __future__ import annotations

import numbers
import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from postboost_provider.idempotency.label import Label, Owner, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Act", "Actor", "digest", "intent_hash", "log_scope"]


# Zero-width and direction characters, the byte order mark, variation selectors and Hangul fillers: nobody sees them in a name.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
# A braille pattern without dots looks like a space, and is none to Python.
_SPACES = re.compile(r"[\s\u2800]+")
# A column of numbers that pandas has read with an empty cell in it, also as it writes it to CSV.
_INTEGRAL = re.compile(r"-?(0)\.0+|(-?\d+)\.0+", re.ASCII)


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


@dataclass(frozen=True)
class Actor:
    """A task of a run, or a row of a calendar: the same in every attempt, and after Clear.

    :param scope: names the task in all its runs, or the calendar, in the activity log.
    :param identity: which run of the task it is, or which row. A row's does not depend on the run: tomorrow's must not
        publish it again.
    :param former: what version 0.1.0 called it, where that differs: its posts are looked up under both.
    """

    scope: str
    identity: tuple[str, ...]
    former: Actor | None = None

    @classmethod
    def of_task(
        cls,
        ti: Any,
        salt: Any = None,
        key: Any = None,
        iteration: int | None = None,
    ) -> Actor:
        """Return the actor for a task of a run.

        :param ti: Airflow's task instance.
        :param salt: the author's ``idempotency_salt``, which makes it another intention.
        :param key: replaces the map index, which changes when the mapped list does.
        :param iteration: of the loop around the task, where Airflow has loops.
        """
        scope = log_scope(f"{ti.dag_id}.{ti.task_id}")
        mapped = ti.map_index is not None and ti.map_index >= 0

        def identify(key: str, salt: str) -> tuple[str, ...]:
            index = f"key {key}" if key else str(ti.map_index) if mapped else ""
            loop = () if iteration is None else (f"iteration {iteration}",)
            return ("task", ti.dag_id, ti.run_id, ti.task_id, index, salt, *loop)

        identity = identify(normal(key), normal(salt))
        before = identify("" if key is None else str(key).strip(), "" if salt is None else str(salt))
        return cls(scope, identity, None if before == identity else cls(scope, before))

    @classmethod
    def of_row(cls, calendar_id: str, key: str, former: tuple[str, str] | None = None) -> Actor:
        """Return the actor for a row.

        :param former: calendar id and key as version 0.1.0 read them.
        """
        actor = cls(log_scope(calendar_id), ("row", calendar_id, key))
        return actor if former in (None, (calendar_id, key)) else replace(actor, former=cls.of_row(*former))

    @cached_property
    def owner(self) -> Owner:
        """Whose writes its are in the activity log."""
        readable = self.identity[3] if self.identity[0] == "task" else self.identity[-1]
        return Owner(self.scope, f"{_slug(readable, 20)}~{digest(self.identity)[:12]}")

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Also that of version 0.1.0, where it differs."""
        return (self.owner, *(self.former.owners if self.former else ()))

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


def normal(value: Any) -> str:
    """Return a key, an id or a salt in the one form of everything that a person sees as the same.

    That is composed (NFC), without invisible characters and surrounding spaces, with one space for several, and with integral
    numbers as integers. A text stays a text: ``2`` and ``2.0`` may be two releases. Upper and lower case differ.
    """
    if value is None:
        return ""
    number: Any = value
    if isinstance(value, (numbers.Real, Decimal)) and not isinstance(value, bool):
        try:
            if number == int(number):
                return str(int(number))
        except ValueError:
            # Not-a-number: an empty cell of pandas.
            return ""
        except OverflowError:
            pass
    # Half of a surrogate pair can't be hashed or sent.
    text = _INVISIBLE.sub("", str(value).encode(errors="replace").decode())
    # Removing may bring together what composes, and composing never adds what is removed.
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def normal_cell(value: Any) -> str:
    """Return a key of a table in its normal form. A number may have become a text with a fraction: ``1.0`` is ``1``."""
    text = normal(value)
    return found[1] or found[2] if (found := _INTEGRAL.fullmatch(text)) else text


def default_calendar_id(dag_id: str, task_id: str) -> tuple[str, str | None]:
    """Return the id of a calendar without one, and what version 0.1.0 called it, where that differs.

    ``a.b`` could be any of two tasks where DAG ids or task ids have dots, as those in task groups do.
    """
    former = f"{dag_id}.{task_id}"
    # Airflow allows no slash in either.
    return (former, None) if former.count(".") == 1 else (f"{dag_id}/{task_id}", former)


def intent_hash(intent: Mapping[str, Any]) -> str:
    """Return a short hash of what the author wrote, not of what it resolved to."""
    return digest(intent)[:16]


@lru_cache(maxsize=64)
def log_scope(name: str) -> str:
    """Return the name of a task or a calendar in the activity log: its labels have what follows the ``~``."""
    return f"{_slug(name, 32)}~{digest(name)[:8]}"


def _slug(text: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")[:length] or "x"
