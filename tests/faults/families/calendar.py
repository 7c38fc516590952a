"""A calendar of several rows, whose author edits it between two attempts."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from tests.faults.checker import Rules, Verdict, Wanted, check_once, check_true
from tests.faults.families.base import Family
from tests.faults.families.posts import ACCOUNTS, IMAGE, TEXTS
from tests.faults.world import Outcome, World


class Calendar(Family):
    """PostBoostPublishCalendarOperator over rows that are edited between attempts."""

    name = "calendar"
    new_runs = True

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.names = [f"Row{chr(97 + number)}q" for number in range(rng.randint(1, 5))]
        self.media = {name: rng.random() < 0.15 for name in self.names}
        self.words = tuple(self._row(name, number) for number, name in enumerate(self.names))
        self.began = world.time.now()

    def _row(self, name: str, number: int) -> Wanted:
        hours = self.rng.choice([1, 26, 50, 24 * 9])
        at = (self.world.time.now() + timedelta(hours=hours, minutes=7 * number)).replace(
            second=0, microsecond=0
        )
        accounts = self.rng.sample(sorted(ACCOUNTS), self.rng.randint(1, 2))
        text = self._text(name)
        return Wanted(name, "schedule", dict.fromkeys(accounts, (text,)), at, int(self.media[name]))

    def _text(self, name: str) -> str:
        return self.rng.choice(TEXTS).format(name=f"{name} v{self.version}").strip()

    def edit(self) -> None:
        self.version += 1
        rows = list(self.words)
        for index in self.rng.sample(range(len(rows)), self.rng.randint(1, len(rows))):
            text = self._text(rows[index].name)
            rows[index] = replace(rows[index], texts=dict.fromkeys(rows[index].texts, (text,)))
        if self.rng.random() < 0.3:
            self.rng.shuffle(rows)
        self.words = tuple(rows)

    def make(self, conn_id: str, words: tuple[Wanted, ...]) -> PostBoostPublishCalendarOperator:
        rows = [
            {
                "key": row.name.upper(),
                "publish_at": f"{row.at:%Y-%m-%d %H:%M}",
                "timezone": "UTC",
                "accounts": ";".join(ACCOUNTS[each] for each in row.texts),
                "text": next(iter(row.texts.values()))[0],
                "media": str(IMAGE) if row.media else "",
            }
            for row in words
        ]
        return PostBoostPublishCalendarOperator(
            task_id="announce",
            postboost_conn_id=conn_id,
            rows=rows,
            media_root=str(IMAGE.parent),
            on_edit_while_waiting="edit",
            on_nothing_sent="warn",
        )

    def check_green(self, words: tuple[Wanted, ...], outcome: Outcome) -> list[Verdict]:
        posts, found = self.world.posts(), []
        reported = (
            {row["key"]: row for row in outcome.result["rows"]} if isinstance(outcome.result, dict) else {}
        )
        for row in words:
            result = reported.get(row.name.upper(), {}).get("result")
            if result == "skipped" and row.at is not None and row.at < self.world.anchor:
                continue
            found += check_true(row, posts, self.world.time.now(), self.rules)
        return found

    def check_always(self) -> list[Verdict]:
        posts = self.world.posts()
        return [verdict for name in self.names for verdict in check_once(name, posts)]

    def count(self) -> tuple[int, int]:
        return len(self.names), sum(not post.trashed for post in self.world.posts())

    def may_fail(self, outcome: Outcome) -> bool:
        # An edit of what is live, and a row that is too late.
        soon = self.world.time.now() + timedelta(minutes=30)
        return any(row.at is not None and row.at < soon for row in self.words)
