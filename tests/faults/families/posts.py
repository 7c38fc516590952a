"""Single posts in each of their modes."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from tests.faults.checker import (
    DUPLICATE,
    FALSE_SUCCESS,
    Rules,
    Verdict,
    Wanted,
    check_once,
    check_strangers,
    check_true,
)
from tests.faults.families.base import Family
from tests.faults.world import Outcome, World

HOUR = timedelta(hours=1)
IMAGE = Path(__file__).parents[3] / "dags_examples" / "media" / "latte_art.png"
IMAGE_HASH = hashlib.sha256(IMAGE.read_bytes()).hexdigest()
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


def end_or_approve(family: Family, rng: random.Random) -> str | None:
    """Let a person delete, trash or approve a post, and say what."""
    here = [post for post in family.world.posts() if not post.trashed]
    if not here:
        return None
    seen = rng.choice(here)
    how = rng.choice(["approves", *([] if family.gone else ["trashes", "deletes"])])

    if how == "approves":
        if seen.status != "needs_approval":
            return None
        # PostBoost refuses it where its time has passed.
        with suppress(AssertionError):
            family.world.call("POST", f"posts/approve/{seen.uuid}", {}, token="admin")
        return f"a person approves post {seen.uuid[:8]}"

    def end(workspace: Any) -> None:
        if how == "trashes":
            workspace.posts[seen.uuid].trashed = True
        else:
            workspace.remove_post(workspace.posts[seen.uuid])

    family.world.look(end)
    family.gone.append(seen)
    return f"a person {how} post {seen.uuid[:8]}"


class SinglePost(Family):
    """PostBoostCreatePostOperator in one of its modes."""

    mode: ClassVar[str]
    marker = "Offer7q"
    may_be_blind = True

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.options: dict[str, Any] = {}
        accounts = rng.sample(sorted(ACCOUNTS), rng.randint(1, 3))
        at = None
        if self.mode == "schedule":
            at = (world.time.now() + HOUR * rng.choice([3, 49, 240, 2400, 9600])).replace(
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
        if rng.random() < (0.7 if rules.alters_texts else 0.1):
            self.options["on_altered_text"] = "fail"
            self.rules = replace(rules, alters_texts=False)
        if at and "wait_for_completion" in self.options:
            # So that a wait has no thousands of polls.
            at = min(at, (world.time.now() + 240 * HOUR).replace(second=0, microsecond=0))
        self.words = Wanted(
            self.marker, self.mode, {}, at, (IMAGE_HASH,) if has_media else (), frozenset(tags)
        )
        self._write(accounts)

    @property
    def can_race(self) -> bool:
        # A wait of days would stall the other attempts for as long as a key is kept.
        return self.mode == "now" or "wait_for_completion" not in self.options

    def be_blind(self) -> None:
        """It has neither names nor tags to look up, and nothing to wait with."""
        super().be_blind()
        self.options = {
            name: value
            for name, value in self.options.items()
            if name not in ("tags", "wait_for_completion", "deferrable", "timeout")
        }
        self.words = replace(self.words, tags=frozenset())
        self._write(sorted(self.words.texts))

    def _write(self, accounts: list[int]) -> None:
        """Write a text; now and then each account has one of its own."""
        self.version += 1
        # The package trims what an author wrote; so does every spreadsheet.
        write = lambda: (self.rng.choice(TEXTS).format(name=f"{self.marker} v{self.version}").strip(),)
        text, is_varied = write(), self.rng.random() < 0.3 and not self.is_blind
        texts = {account: write() if is_varied else text for account in accounts}
        self.words = replace(self.words, texts=texts)

    def edit(self) -> None:
        accounts = sorted(self.words.texts)
        if self.rng.random() < 0.3:
            accounts = self.rng.sample(sorted(ACCOUNTS), self.rng.randint(1, 3))
        self._write(accounts)
        if self.words.at and self.rng.random() < 0.3:
            hours = 5 if "wait_for_completion" in self.options else self.rng.choice([5, 5, 2400, 9600])
            self.words = replace(self.words, at=self.words.at + HOUR * hours)

    def make(self, conn_id: str, words: Wanted) -> PostBoostCreatePostOperator:
        when = {"publish_at": words.at.isoformat()} if words.at else {}
        text = next(iter(words.texts.values()))
        others = {ACCOUNTS[id]: {"text": each[0]} for id, each in words.texts.items() if each != text}
        return PostBoostCreatePostOperator(
            task_id="announce",
            postboost_conn_id=conn_id,
            text=text[0],
            variants=others or None,
            accounts=[each if self.is_blind else ACCOUNTS[each] for each in words.texts],
            publish=words.mode,  # type: ignore[arg-type]
            on_edit_while_waiting="edit",
            **when,
            **self.options,
        )

    def check_green(self, words: Wanted, outcome: Outcome) -> list[Verdict]:
        if self.gone and isinstance(outcome.result, dict) and outcome.result["result"] == "skipped":
            return []
        posts = self.world.posts()
        found = check_true(words, posts, self.world.time.now(), self.rules)
        if self.options.get("wait_for_completion") and not found:
            post = next(p for p in posts if not p.trashed)
            if set(post.states.values()) != {"published"} and not self.rules.invents_statuses:
                found.append(Verdict(FALSE_SUCCESS, f"the task waited for it to be live, and it is {post}"))
        return found

    def check_always(self) -> list[Verdict]:
        names = self.world.look(lambda workspace: [tag.name.casefold() for tag in workspace.tags.values()])
        twice = [name for name, count in Counter(names).items() if count > 1]
        tags = [Verdict(DUPLICATE, f"the tags {twice} exist twice")] if twice else []
        posts = self.world.posts()
        return check_once(self.marker, posts, self.gone) + check_strangers([self.marker], posts) + tags

    def count(self) -> tuple[int, int]:
        return 1, sum(not post.trashed for post in self.world.posts())

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        now, code = self.world.time.now(), outcome.code.split("/")[-1]
        if code == "too_late":
            live = [p for p in self.world.posts() if p.status not in ("draft", "scheduled", "needs_approval")]
            return bool(live) and self.version > 1
        if code == "past":
            return words.at is not None and words.at < now + timedelta(minutes=15)
        if code == "altered_text":
            return "on_altered_text" in self.options
        # Without the log, a key that is in use for the words before an edit tells nothing.
        if self.is_blind and code == "upload_unknown":
            return bool(words.media)
        return self.is_blind and code in ("other_body", "key_in_use", "duplicate_post") and self.version > 1

    def act_of_person(self, rng: random.Random) -> str | None:
        # A key that may not read can't see it.
        return None if self.is_blind else end_or_approve(self, rng)


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
