"""A calendar of several rows, whose author edits it between two attempts."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from tests.faults.checker import Rules, Verdict, Wanted, check_once, check_strangers, check_true, posts_of
from tests.faults.families.base import Family
from tests.faults.families.posts import ACCOUNTS, IMAGE, IMAGE_HASH, TEXTS, end_or_approve
from tests.faults.world import SKIPPED, Outcome, World

# Rows that are due later than that are left to a later run.
HORIZON = timedelta(days=80)
FARTHEST = timedelta(days=100)
# What a row says that fails for a property of PostBoost that was drawn.
LINES = {
    "activity_post_uuid": "not its uuid",
    "plan_posts": "Your plan has a limit",
    "approval_required_for": "for approval",
    "unknown_status": "which this version does not know",
}


class Calendar(Family):
    """PostBoostPublishCalendarOperator over rows that are edited between attempts."""

    name = "calendar"
    new_runs = True

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.names = [f"Row{chr(97 + number)}q" for number in range(rng.randint(1, 5))]
        self.media = {name: rng.random() < 0.15 for name in self.names}
        self.options: dict[str, Any] = {}
        if rng.random() < (0.7 if rules.alters_texts else 0.1):
            self.options["on_altered_text"] = "fail"
            self.rules = replace(rules, alters_texts=False)
        self.words = tuple(self._row(name, number) for number, name in enumerate(self.names))
        self.began = world.time.now()

    def _row(self, name: str, number: int) -> Wanted:
        hours = self.rng.choice([1, 26, 50, 24 * 9, 24 * 100])
        at = (self.world.time.now() + timedelta(hours=hours, minutes=7 * number)).replace(
            second=0, microsecond=0
        )
        accounts = self.rng.sample(sorted(ACCOUNTS), self.rng.randint(1, 2))
        text = self._text(name)
        media = (IMAGE_HASH,) if self.media[name] else ()
        return Wanted(name, "schedule", dict.fromkeys(accounts, (text,)), at, media, is_row=True)

    def _text(self, name: str) -> str:
        return self.rng.choice(TEXTS).format(name=f"{name} v{self.version}").strip()

    def edit(self) -> None:
        self.version += 1
        rows = list(self.words)
        for index in self.rng.sample(range(len(rows)), self.rng.randint(1, len(rows))):
            text = self._text(rows[index].name)
            rows[index] = replace(rows[index], texts=dict.fromkeys(rows[index].texts, (text,)))
            if self.rng.random() < 0.2 and (at := rows[index].at):
                later = at + timedelta(hours=self.rng.choice([5, 24 * 60]))
                # A row that gets a time after the log has forgotten its post is a new row to any calendar.
                rows[index] = replace(rows[index], at=later if later - self.began < FARTHEST else at)
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
            **self.options,
        )

    def check_green(self, words: tuple[Wanted, ...], outcome: Outcome) -> list[Verdict]:
        posts, found = self.world.posts(), []
        is_skipped = outcome.code == SKIPPED
        reported = (
            {row["key"]: row for row in outcome.result["rows"]} if isinstance(outcome.result, dict) else {}
        )
        for row in words:
            result = "skipped" if is_skipped else reported.get(row.name.upper(), {}).get("result")
            was_past = row.at is not None and row.at < self.world.anchor
            is_far = self._is_far(row)
            if result == "skipped" and (was_past or is_far or posts_of(row.name, self.gone)):
                continue
            found += check_true(row, posts, self.world.time.now(), self.rules)
        return found

    def _is_far(self, row: Wanted) -> bool:
        return row.at is not None and row.at > self.world.time.now() + HORIZON

    def check_always(self) -> list[Verdict]:
        posts = self.world.posts()
        twice = [verdict for name in self.names for verdict in check_once(name, posts, self.gone)]
        return twice + check_strangers(self.names, posts)

    def act_of_person(self, rng: random.Random) -> str | None:
        return end_or_approve(self, rng)

    def count(self) -> tuple[int, int]:
        return len(self.names), sum(not post.trashed for post in self.world.posts())

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        """Every row that failed has a reason of its own: it is live and was edited, it is too late, or its text was altered."""
        if outcome.code != "PostBoostConfigError/bad_rows":
            return False
        failed = [line for line in outcome.message.splitlines() if ": failed: " in line]
        return bool(failed) and all(self._is_excused(line, words) for line in failed)

    def _is_excused(self, line: str, words: tuple[Wanted, ...]) -> bool:
        row = next(row for row in words if row.name.upper() in line)
        if any(LINES[switch] in line for switch in self.rules.switches & LINES.keys()):
            return True
        is_past = row.at is not None and row.at < self.world.time.now() + timedelta(minutes=15)
        if "altered" in line or "differs" in line:
            return "on_altered_text" in self.options
        if "horizon" in line:
            return self._is_far(row)
        return ("changed too late" in line and self.version > 0) or ("late_by" in line and is_past)
