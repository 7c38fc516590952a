"""A mapped task, whose list has other items, or another order, in later attempts: each item is one post."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from tests.faults.airflow_side import StateStore
from tests.faults.checker import Rules, Verdict, Wanted, check_once, check_strangers, check_true
from tests.faults.families.base import Family
from tests.faults.families.posts import ACCOUNTS
from tests.faults.world import Outcome, World, read_error

FAILURES = ("crash", "hard", "soft")


class Mapped(Family):
    """PostBoostCreatePostOperator over a list, each of whose places is a task of its own."""

    name = "post: mapped"
    # What a killed process has noted of its places is gone, and overlapping attempts are those of single posts.
    can_be_killed = False
    can_race = False

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.mode = rng.choice(["draft", "queue", "now", "now"])
        self.tries: dict[int, int] = {}
        self.stores: dict[int, StateStore] = {}
        self.names: list[str] = []
        self.green: list[Wanted] = []
        self.words: tuple[Wanted, ...] = tuple(self._item() for _ in range(rng.randint(1, 4)))

    def _item(self) -> Wanted:
        name = f"Item{chr(97 + len(self.names))}q"
        self.names.append(name)
        account = self.rng.choice(sorted(ACCOUNTS))
        return Wanted(name, self.mode, {account: (f"{name} today",)})

    def edit(self) -> None:
        words = list(self.words)
        if self.rng.random() < 0.7:
            words.insert(self.rng.randint(0, len(words)), self._item())
        if len(words) > 1 and self.rng.random() < 0.3:
            words.remove(self.rng.choice(words))
        if self.rng.random() < 0.3:
            self.rng.shuffle(words)
        self.words = tuple(words)

    def make(self, conn_id: str, words: tuple[Wanted, ...]) -> Any:
        operators = [
            PostBoostCreatePostOperator(
                task_id="announce",
                postboost_conn_id=conn_id,
                text=next(iter(item.texts.values()))[0],
                accounts=[ACCOUNTS[each] for each in item.texts],
                publish=item.mode,  # type: ignore[arg-type]
                # As in other families.
                on_backfill="run",
            )
            for item in words
        ]
        return SimpleNamespace(execute=lambda context: self._execute(operators, words, context))

    def _execute(
        self, operators: list[PostBoostCreatePostOperator], words: tuple[Wanted, ...], context: dict[str, Any]
    ) -> list[Any]:
        """Run each place, whatever becomes of the others, and end as the worst of them."""
        self.green, errors, results = [], [], []
        for index, operator in enumerate(operators):
            try:
                results.append(operator.execute(self._context(context, operators, index)))
                self.green.append(words[index])
            except Exception as error:  # noqa: BLE001 - a task may end with any
                errors.append(error)
        errors.sort(key=lambda error: FAILURES.index(read_error(error).kind))
        if errors:
            raise errors[0]
        return results

    def _context(self, context: dict[str, Any], operators: list[Any], index: int) -> Any:
        self.tries[index] = self.tries.get(index, 0) + 1

        def render(of_other: dict[str, Any]) -> None:
            of_other["task"] = operators[of_other["ti"].map_index]

        ti = SimpleNamespace(**vars(context["ti"]))
        states = {f"{ti.task_id}_{each}": "queued" for each in range(len(operators))}
        ti.map_index, ti.try_number = index, self.tries[index]
        ti.get_task_states = lambda **_: {ti.run_id: states}
        dag = SimpleNamespace(get_task=lambda _: SimpleNamespace(render_template_fields=render))
        mine = {**context, "ti": ti, "task_instance": ti, "dag": dag}
        if "task_state_store" in context:
            mine["task_state_store"] = self.stores.setdefault(index, StateStore())
        return mine

    def check_green(self, words: tuple[Wanted, ...], outcome: Outcome) -> list[Verdict]:
        posts, now = self.world.posts(), self.world.time.now()
        return [v for item in words for v in check_true(item, posts, now, self.rules)]

    def check_always(self) -> list[Verdict]:
        """Also what each place says that is green, whatever the others say."""
        posts, now = self.world.posts(), self.world.time.now()
        twice = [verdict for name in self.names for verdict in check_once(name, posts)]
        false = [v for item in self.green for v in check_true(item, posts, now, self.rules)]
        self.green = []
        return twice + false + check_strangers(self.names, posts)

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        # An item in the place of a removed one looks like its edit.
        has_removed = len(words) < len(self.names)
        return has_removed and outcome.code.endswith(("/too_late", "/list_changed"))

    def count(self) -> tuple[int, int]:
        return len(self.names), len(self.world.posts())
