"""Single posts in each of their modes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from tests.faults.checker import DUPLICATE, FALSE_SUCCESS, Rules, Verdict, Wanted, check_once, check_true
from tests.faults.families.base import Family
from tests.faults.world import Outcome, World

IMAGE = Path(__file__).parents[3] / "dags_examples" / "media" / "latte_art.png"
TEXTS = (
    "Fresh beans {name} today",
    "Fresh <b>beans</b> &amp; cakes {name}, 1 < 2",
    "  {name}: two spaces around  ",
    "Café {name} ☕ — naïve",
)
ACCOUNTS = {
    1: "twitter:northwind",
    2: "threads:northwind",
    7: "bluesky:northwind.bsky.social",
    8: "mastodon:northwind@mastodon.social",
}


class SinglePost(Family):
    """PostBoostCreatePostOperator in one of its modes."""

    mode: ClassVar[str]
    marker = "Offer7q"

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.options: dict[str, Any] = {}
        accounts = rng.sample(sorted(ACCOUNTS), rng.randint(1, 3))
        at = None
        if self.mode == "schedule":
            at = (world.time.now() + timedelta(hours=rng.choice([3, 49, 240]))).replace(
                second=0, microsecond=0
            )
        has_media, tags = rng.random() < 0.3, ["Launch", "fresh one"] if rng.random() < 0.4 else []
        if has_media:
            self.options["media"] = [str(IMAGE)]
        if tags:
            self.options["tags"] = tags
        if self.mode != "draft" and rng.random() < 0.4:
            self.options |= {"wait_for_completion": True, "deferrable": rng.random() < 0.5, "timeout": 7_200}
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
            on_edit_while_waiting="edit",
            **when,
            **self.options,
        )

    def check_green(self, words: Wanted, outcome: Outcome) -> list[Verdict]:
        found = check_true(words, self.world.posts(), self.world.time.now(), self.rules)
        if self.options.get("wait_for_completion") and not found:
            post = next(p for p in self.world.posts() if not p.trashed)
            if set(post.states.values()) != {"published"} and not self.rules.invents_statuses:
                found.append(Verdict(FALSE_SUCCESS, f"the task waited for it to be live, and it is {post}"))
        return found

    def check_always(self) -> list[Verdict]:
        names = self.world.look(lambda workspace: [tag.name.casefold() for tag in workspace.tags.values()])
        twice = [name for name, count in Counter(names).items() if count > 1]
        tags = [Verdict(DUPLICATE, f"the tags {twice} exist twice")] if twice else []
        return check_once(self.marker, self.world.posts()) + tags

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


POSTS: list[type[Family]] = [Draft, Scheduled, Queued, Now]
