"""What every family of tasks has: an author who wants something, and how one tells whether it is true."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar

from postboost_provider.operators.publishing import PublishingOperator
from tests.faults.checker import Rules, Seen, Verdict
from tests.faults.world import Outcome, World


class Family(ABC):
    """One intention, or several, of one task.

    ``words`` is what the author wants at present. It is replaced by an edit, and never changed.
    """

    name: ClassVar[str]
    edits: ClassVar[bool] = True
    # A calendar's next run is about the same rows.
    new_runs: ClassVar[bool] = False
    can_be_killed: ClassVar[bool] = True
    can_race: bool = True
    # The connections of its token: see ``CONNECTIONS``.
    conn_prefix: ClassVar[str] = ""
    # How PostBoost has to be for this family.
    switches: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    # Whether it is also tried with a key that may not read.
    may_be_blind: ClassVar[bool] = False

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        self.world, self.rng, self.rules = world, rng, rules
        self.version = 0
        # The posts that a person has deleted or trashed, as they were.
        self.gone: list[Seen] = []
        self.is_blind = False
        self.words: Any = None

    @abstractmethod
    def make(self, conn_id: str, words: Any) -> Any:
        """Return the task."""

    @abstractmethod
    def edit(self) -> None:
        """Let the author write something else."""

    @abstractmethod
    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        """Whether what a green task with these words claims is true now."""

    @abstractmethod
    def check_always(self) -> list[Verdict]:
        """What must be true at any time: nothing exists twice."""

    @abstractmethod
    def count(self) -> tuple[int, int]:
        """Return how many things were intended, and how many there are."""

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        """Whether this failure is right whatever was in the way, such as after an edit of what is live."""
        return False

    def act_of_person(self, rng: random.Random) -> str | None:
        """Let a person do something in PostBoost between two attempts, and say what."""
        return None

    def with_words(self) -> Callable[[str], Any]:
        words, prefix = self.words, "blind_" if self.is_blind else self.conn_prefix
        return lambda lane: _publishing_always(self.make(f"{prefix}{lane}", words))

    def be_blind(self) -> None:
        """Use a key without the ability ``read``, which is an admin's: nobody has to approve of what it publishes."""
        self.is_blind = True
        self.rules = replace(self.rules, needs_approval=False)


def _publishing_always(task: Any) -> Any:
    """Let a task that is cleared after days still publish: what is skipped can't be lost or done twice."""
    if isinstance(task, PublishingOperator):
        task.on_backfill = "run"
    return task
