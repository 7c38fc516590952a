"""What a task does to a post that exists: schedule, queue, publish, approve, change, delete, and send again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, ClassVar

from postboost_provider.operators.post_actions import (
    PostBoostDeletePostOperator,
    PostBoostRetryPostOperator,
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.sensors.posts import PostBoostPostSensor
from tests.faults.checker import DUPLICATE, FALSE_SUCCESS, LOSS, Rules, Seen, Verdict
from tests.faults.families.base import Family
from tests.faults.world import Outcome, World

LIVE = ("publishing", "published")
MADE = "Made by hand"


def texts_of(post: Seen) -> list[str]:
    return [text for parts in post.texts.values() for text in parts]


class OnePost(Family):
    """An act on a post that somebody has made."""

    edits = False
    changes_text: ClassVar[bool] = False
    accounts: ClassVar[list[int]] = [1, 2]

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.uuid = self._create()

    def _create(self, **more: Any) -> str:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": MADE, "media": []}]}]
        body = {"versions": versions, "accounts": self.accounts, **more}
        return str(self.world.call("POST", "posts", body)["uuid"])

    def _tomorrow(self) -> dict[str, str]:
        at = self.world.server_now() + timedelta(days=1)
        return {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", "timezone": "UTC"}

    @property
    def post(self) -> Seen | None:
        return next((post for post in self.world.posts() if post.uuid == self.uuid), None)

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        post = self.post
        if post is None:
            return [Verdict(LOSS, f"post {self.uuid} does not exist")]
        problem = self.problem(words, post)
        if problem is None and (post.trashed or (not self.changes_text and set(texts_of(post)) != {MADE})):
            problem = "it is in the trash" if post.trashed else "its text has changed"
        if problem is None and sorted(post.texts) != self.accounts:
            problem = f"its accounts are {sorted(post.texts)}"
        return [Verdict(FALSE_SUCCESS, f"green, but {problem}: {post}")] if problem else []

    def problem(self, words: Any, post: Seen) -> str | None:
        """Return what is not true of the post of a green task."""
        raise NotImplementedError

    def check_always(self) -> list[Verdict]:
        others = [post for post in self.world.posts() if post.uuid != self.uuid]
        return [Verdict(DUPLICATE, f"nobody wanted {post}") for post in others]

    def count(self) -> tuple[int, int]:
        return 1, int(self.post is not None)


class ScheduleAt(OnePost):
    name = "action: schedule"
    edits = True

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.words: datetime = (world.time.now() + timedelta(hours=30)).replace(second=0, microsecond=0)

    def edit(self) -> None:
        self.words += timedelta(hours=2)

    def make(self, conn_id: str, words: datetime) -> Any:
        return PostBoostSchedulePostOperator(
            task_id="act",
            postboost_conn_id=conn_id,
            post_uuid=self.uuid,
            publish_at=words.isoformat(),
            on_edit_while_waiting="edit",
        )

    def problem(self, words: datetime, post: Seen) -> str | None:
        if not self.rules.is_going(post):
            return f"it is {post.status}"
        return None if post.scheduled_at == words else f"it is for {post.scheduled_at}, not {words}"

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        if outcome.code.endswith("/not_changeable"):
            return bool(self.post and self.post.status in LIVE)
        is_past = words < self.world.time.now() + timedelta(minutes=15)
        return is_past and outcome.code in ("ValidationError/", "PostBoostConfigError/past")


class PublishNow(OnePost):
    name = "action: now"

    def edit(self) -> None: ...

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostSchedulePostOperator(
            task_id="act",
            postboost_conn_id=conn_id,
            post_uuid=self.uuid,
            how="now",
            on_edit_while_waiting="edit",
        )

    def problem(self, words: Any, post: Seen) -> str | None:
        late = post.scheduled_at is not None and post.scheduled_at > self.world.server_now() + timedelta(
            minutes=2
        )
        return None if self.rules.is_going(post) and not late else f"it is {post.status}"


class Queue(OnePost):
    name = "action: queue"

    def edit(self) -> None: ...

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostSchedulePostOperator(
            task_id="act", postboost_conn_id=conn_id, post_uuid=self.uuid, how="queue"
        )

    def problem(self, words: Any, post: Seen) -> str | None:
        return None if self.rules.is_going(post) else f"it is {post.status}"


class Approve(OnePost):
    """A member's post waits; an admin's task approves it."""

    name = "action: approve"
    conn_prefix = "admin_"
    switches: ClassVar[dict[str, Any]] = {"approval_required_for": ["member"]}

    def _create(self, **more: Any) -> str:
        return super()._create(schedule=True, **self._tomorrow(), **more)

    def edit(self) -> None: ...

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostSchedulePostOperator(
            task_id="act", postboost_conn_id=conn_id, post_uuid=self.uuid, how="approve"
        )

    def problem(self, words: Any, post: Seen) -> str | None:
        is_approved = post.approved and self.rules.is_going(post)
        return None if is_approved else f"it is {post.status}"


class Update(OnePost):
    name = "action: update"
    edits = True
    changes_text = True

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        self.scheduled = rng.random() < 0.5
        super().__init__(world, rng, rules)
        self.words = "Changed to v1"
        self.at = self.post.scheduled_at if self.post else None

    def _create(self, **more: Any) -> str:
        return super()._create(**({"schedule": True, **self._tomorrow()} if self.scheduled else {}), **more)

    def edit(self) -> None:
        self.version += 1
        self.words = f"Changed to v{self.version + 1}"

    def make(self, conn_id: str, words: str) -> Any:
        return PostBoostUpdatePostOperator(
            task_id="act",
            postboost_conn_id=conn_id,
            post_uuid=self.uuid,
            changes={"text": words},
            on_edit_while_waiting="edit",
        )

    def problem(self, words: str, post: Seen) -> str | None:
        if set(texts_of(post)) != {words}:
            return f"its text is not {words!r}"
        if not self.scheduled:
            return None if post.status == "draft" else f"it was a draft, and is {post.status}"
        if post.scheduled_at != self.at:
            return f"it was for {self.at}"
        return None if self.rules.is_going(post) else f"it was scheduled, and is {post.status}"

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        return outcome.code.endswith("/not_changeable") and bool(self.post and self.post.status in LIVE)


class Delete(OnePost):
    name = "action: delete"

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.words = rng.random() < 0.5

    def edit(self) -> None: ...

    def make(self, conn_id: str, words: bool) -> Any:
        return PostBoostDeletePostOperator(
            task_id="act", postboost_conn_id=conn_id, post_uuids=self.uuid, trash=words
        )

    def check_green(self, words: bool, outcome: Outcome) -> list[Verdict]:
        post = self.post
        gone = post is None or (words and post.trashed)
        return [] if gone else [Verdict(FALSE_SUCCESS, f"deleted, but PostBoost has {post}")]


class RetryAccounts(OnePost):
    """A post failed on an account, whose network works again."""

    name = "action: retry accounts"

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        world.sandbox.faults(
            *({"kind": "fail_account", "account_id": each} for each in self.accounts[: rng.randint(1, 2)])
        )
        super().__init__(world, rng, rules)
        world.pass_time(120)
        world.posts()
        world.sandbox.faults()

    def _create(self, **more: Any) -> str:
        return super()._create(schedule_now=True, **more)

    def edit(self) -> None: ...

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostRetryPostOperator(task_id="act", postboost_conn_id=conn_id, post_uuid=self.uuid)

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        # The task does not wait for the last account.
        self.world.pass_time(120)
        return super().check_green(words, outcome)

    def problem(self, words: Any, post: Seen) -> str | None:
        states = set(post.states.values())
        is_odd = self.rules.needs_approval or self.rules.invents_statuses
        return None if states == {"published"} or is_odd else f"its accounts are {post.states}"


class WaitForPosts(OnePost):
    """A sensor: green means live."""

    name = "sensor: posts"

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        self.how = rng.choice([{"schedule_now": True}, {"schedule": True}, {"schedule": True}])
        super().__init__(world, rng, rules)
        self.options = rng.choice([{"deferrable": True}, {"deferrable": False}])

    def _create(self, **more: Any) -> str:
        return super()._create(**self.how, **(self._tomorrow() if "schedule" in self.how else {}))

    def edit(self) -> None: ...

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostPostSensor(
            task_id="act", postboost_conn_id=conn_id, post_uuids=self.uuid, timeout=86_400, **self.options
        )

    def problem(self, words: Any, post: Seen) -> str | None:
        is_live = set(post.states.values()) == {"published"} and not post.trashed
        return None if is_live else "it is not live"


ACTIONS: list[type[Family]] = [
    ScheduleAt,
    PublishNow,
    Queue,
    Approve,
    Update,
    Delete,
    RetryAccounts,
    WaitForPosts,
]
