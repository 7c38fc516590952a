"""What the tasks are: each family of operators, with what its author wants and how one tells whether it is true."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from tests.faults.checker import Rules, Verdict, Wanted, check_once, check_true
from tests.faults.world import Outcome, World

IMAGE = Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png"
TEXTS = (
    "Fresh beans {name} today",
    "Fresh <b>beans</b> &amp; cakes {name}, 1 < 2",
    "  {name}: two spaces around  ",
    "Café {name} ☕ — naïve",
)
ACCOUNTS = {1: "twitter:northwind", 2: "threads:northwind", 7: "bluesky:northwind.bsky.social", 8: "mastodon:northwind@mastodon.social"}


class Family(ABC):
    """One intention, or several, of one task.

    ``words`` is what the author wants at present. It is replaced by an edit, and never changed.
    """

    name: ClassVar[str]
    # Whether PostBoost's documents give the task a way to be sure, so that it must not fail when nothing is in the way.
    edits: ClassVar[bool] = True
    can_trash: ClassVar[bool] = False

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        self.world, self.rng, self.rules = world, rng, rules
        self.version = 0
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

    def may_fail(self, outcome: Outcome) -> bool:
        """Whether this failure is right whatever was in the way, such as after an edit of what is live."""
        return False

    def act_of_person(self, rng: random.Random) -> str | None:
        """Let a person do something in PostBoost between two attempts, and say what."""
        return None

    def with_words(self) -> Callable[[str], Any]:
        words = self.words
        return lambda conn_id: self.make(conn_id, words)


class SinglePost(Family):
    """PostBoostCreatePostOperator in one of its modes."""

    mode: ClassVar[str]
    marker = "Offer7q"
    can_trash = True

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.options: dict[str, Any] = {}
        accounts = rng.sample(sorted(ACCOUNTS), rng.randint(1, 3))
        at = None
        if self.mode == "schedule":
            at = (world.time.now() + timedelta(hours=rng.choice([3, 49, 240]))).replace(second=0, microsecond=0)
        has_media, tags = rng.random() < 0.3, ["Launch", "fresh one"] if rng.random() < 0.4 else []
        if has_media:
            self.options["media"] = [str(IMAGE)]
        if tags:
            self.options["tags"] = tags
        if self.mode != "draft" and rng.random() < 0.4:
            self.options |= {"wait_for_completion": True, "deferrable": rng.random() < 0.5, "timeout": 86_400 * 20}
        if rng.random() < 0.3:
            self.options["validate"] = False
        self.words = Wanted(self.marker, self.mode, {}, at, int(has_media), frozenset(tags))
        self._write(accounts)

    def _write(self, accounts: list[int]) -> None:
        self.version += 1
        text = self.rng.choice(TEXTS).format(name=f"{self.marker} v{self.version}")
        # The package trims what an author wrote; so does every spreadsheet.
        self.words = replace(self.words, texts={account: (text.strip(),) for account in accounts})

    def edit(self) -> None:
        accounts = sorted(self.words.texts)
        if self.rng.random() < 0.3:
            accounts = self.rng.sample(sorted(ACCOUNTS), self.rng.randint(1, 3))
        self._write(accounts)
        if self.words.at and self.rng.random() < 0.3:
            self.words = replace(self.words, at=self.words.at + timedelta(hours=5))

    def make(self, conn_id: str, words: Wanted) -> PostBoostCreatePostOperator:
        when = {"publish_at": words.at.isoformat()} if words.at else {}
        return PostBoostCreatePostOperator(
            task_id="announce",
            postboost_conn_id=conn_id,
            text=next(iter(words.texts.values()))[0],
            accounts=[ACCOUNTS[each] for each in words.texts],
            publish=words.mode,  # type: ignore[arg-type]
            **when,
            **self.options,
        )

    def check_green(self, words: Wanted, outcome: Outcome) -> list[Verdict]:
        found = check_true(words, self.world.posts(), self.world.time.now(), self.rules)
        if self.options.get("wait_for_completion") and not found:
            post = next(p for p in self.world.posts() if not p.trashed)
            if set(post.states.values()) != {"published"} and not self.rules.invents_statuses:
                found.append(Verdict("false success", f"the task waited for it to be live, and it is {post}"))
        return found

    def check_always(self) -> list[Verdict]:
        return check_once(self.marker, self.world.posts())

    def count(self) -> tuple[int, int]:
        return 1, sum(not post.trashed for post in self.world.posts())

    def may_fail(self, outcome: Outcome) -> bool:
        live = any(post.status not in ("draft", "scheduled", "needs_approval") for post in self.world.posts())
        is_past = self.words.at is not None and self.words.at < self.world.time.now() + timedelta(minutes=30)
        return (live and self.version > 1) or is_past

    def act_of_person(self, rng: random.Random) -> str | None:
        def act(workspace: Any) -> str | None:
            posts = [p for p in workspace.posts.values() if not p.trashed]
            if not posts:
                return None
            if rng.random() < 0.5:
                posts[0].trashed = True
                return f"a person moves post {posts[0].uuid[:8]} to the trash"
            workspace.remove_post(posts[0])
            return f"a person deletes post {posts[0].uuid[:8]}"

        return self.world.look(act)  # type: ignore[no-any-return]


class Draft(SinglePost):
    name = "post: draft"
    mode = "draft"


class Scheduled(SinglePost):
    name = "post: schedule"
    mode = "schedule"


class Queued(SinglePost):
    name = "post: queue"
    mode = "queue"


class Now(SinglePost):
    name = "post: now"
    mode = "now"


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
        at = (self.world.time.now() + timedelta(hours=hours, minutes=7 * number)).replace(second=0, microsecond=0)
        accounts = self.rng.sample(sorted(ACCOUNTS), self.rng.randint(1, 2))
        text = self._text(name)
        return Wanted(name, "schedule", {account: (text,) for account in accounts}, at, int(self.media[name]))

    def _text(self, name: str) -> str:
        return self.rng.choice(TEXTS).format(name=f"{name} v{self.version}").strip()

    def edit(self) -> None:
        self.version += 1
        rows = list(self.words)
        for index in self.rng.sample(range(len(rows)), self.rng.randint(1, len(rows))):
            text = self._text(rows[index].name)
            rows[index] = replace(rows[index], texts={account: (text,) for account in rows[index].texts})
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
            task_id="announce", postboost_conn_id=conn_id, rows=rows, media_root=str(IMAGE.parent)
        )

    def check_green(self, words: tuple[Wanted, ...], outcome: Outcome) -> list[Verdict]:
        posts, found = self.world.posts(), []
        reported = {row["key"]: row for row in outcome.result["rows"]} if isinstance(outcome.result, dict) else {}
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


FAMILIES: list[type[Family]] = [Draft, Scheduled, Queued, Now, Calendar]
