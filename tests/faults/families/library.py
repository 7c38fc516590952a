"""Things that are created once: media, tags and other objects by any operation, and drafts of repurposed articles."""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from postboost_provider.operators.ai import PostBoostRepurposeOperator
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.media import PostBoostUploadMediaOperator
from tests.faults.checker import DUPLICATE, FALSE_SUCCESS, LOSS, Rules, Verdict
from tests.faults.families.base import Family
from tests.faults.families.posts import IMAGE
from tests.faults.world import Outcome, World

MEMORY_SECONDS = 23 * 3600


class Once(Family):
    """Something that exists once if the task is green, and never twice."""

    edits = False

    def edit(self) -> None: ...

    def found(self) -> list[Any]:
        """Return what there is of it."""
        raise NotImplementedError

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        return [] if self.found() else [Verdict(LOSS, "the task is green, and PostBoost has nothing of it")]

    def check_always(self) -> list[Verdict]:
        found = self.found()
        return [Verdict(DUPLICATE, f"{len(found)} exist: {found}")] if len(found) > 1 else []

    def count(self) -> tuple[int, int]:
        return 1, len(self.found())

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        # It is done, and PostBoost does not return the response again.
        return outcome.code.endswith("/already_done") and bool(self.found())


class Upload(Once):
    """A file, by each of the ways to the library. What is uploaded again a day later may be another item."""

    size: ClassVar[int]
    may_be_blind = True

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.content = IMAGE.read_bytes()[:20_000].ljust(self.size, b"\0")
        self.began = world.time.now()
        self.words = self._name()

    def _name(self) -> str:
        path = (
            Path(tempfile.gettempdir()) / f"faults-{os.getppid()}-{os.getpid()}" / f"picture-{self.size}.png"
        )
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self.content)
        return str(path)

    def make(self, conn_id: str, words: str) -> Any:
        return PostBoostUploadMediaOperator(task_id="act", postboost_conn_id=conn_id, media=words)

    def found(self) -> list[Any]:
        return list(self.world.look(lambda workspace: list(workspace.media.values())))

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        uuid = outcome.result[0]["uuid"]
        item = next((item for item in self.found() if item.uuid == uuid), None)
        if item is None:
            return [Verdict(LOSS, f"media item {uuid} does not exist")]
        same = item.content.sha256 == hashlib.sha256(self.content).hexdigest() or self.rules.reencodes
        return (
            []
            if same
            else [
                Verdict(FALSE_SUCCESS, f"media item {uuid} has {item.content.size} bytes of something else")
            ]
        )

    def may_fail(self, outcome: Outcome, words: Any) -> bool:
        # Without the ability to read, nothing tells whether an upload whose response was lost is there.
        return self.is_blind and outcome.code.endswith("/upload_unknown")

    def check_always(self) -> list[Verdict]:
        if (self.world.time.now() - self.began).total_seconds() > MEMORY_SECONDS:
            return []
        return [Verdict(DUPLICATE, str(v.why)[:200]) for v in super().check_always()]


class UploadSmall(Upload):
    name = "upload: one request"
    size = 30_000


class UploadChunks(Upload):
    name = "upload: chunks"
    size = 110_000


class UploadUrl(Upload):
    name = "upload: URL"
    size = 31_000

    def _name(self) -> str:
        return self.world.serve("picture.png", self.content)


class Made(Once):
    """Something that has a shape."""

    def shapes(self) -> list[Any]:
        """Return what each of them looks like, of which the author wanted ``shape``."""
        raise NotImplementedError

    shape: ClassVar[Any]

    def found(self) -> list[Any]:
        return self.shapes()

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        wrong = [each for each in self.shapes() if each != self.shape]
        return super().check_green(words, outcome) + [
            Verdict(FALSE_SUCCESS, f"it is {each}, and not {self.shape}") for each in wrong
        ]


class KeyedOperation(Made):
    """An operation that takes an idempotency key."""

    name = "any operation: keyed"

    def make(self, conn_id: str, words: Any) -> Any:
        body = {"name": "Autumn", "hex_color": "#f59e0b"}
        return PostBoostOperator(task_id="act", postboost_conn_id=conn_id, operation="create_tag", body=body)

    shape = ("Autumn", "#f59e0b")

    def shapes(self) -> list[Any]:
        return list(
            self.world.look(lambda w: [(t.name, t.hex_color) for t in w.tags.values() if t.name == "Autumn"])
        )


class UnkeyedOperation(Made):
    """An operation that takes none: only the activity log tells what an earlier attempt did."""

    name = "any operation: unkeyed"
    # Nothing but a key can keep two attempts at the same moment apart.
    can_race = False

    def make(self, conn_id: str, words: Any) -> Any:
        body = {"name": "Autumn offers", "accounts": [1, 2]}
        return PostBoostOperator(
            task_id="act", postboost_conn_id=conn_id, operation="create_account_group", body=body
        )

    shape = ("Autumn offers", [1, 2])

    def shapes(self) -> list[Any]:
        def read(workspace: Any) -> list[Any]:
            groups = [g for g in workspace.groups.values() if g.name == "Autumn offers"]
            return [(g.name, sorted(g.account_ids)) for g in groups]

        return list(self.world.look(read))


class Repurpose(Once):
    """An article becomes one draft, by one run that is paid for."""

    name = "repurpose"

    def __init__(self, world: World, rng: random.Random, rules: Rules) -> None:
        super().__init__(world, rng, rules)
        self.options = {"deferrable": rng.random() < 0.5}
        world.sandbox.change(repurpose_seconds=rng.choice([0.0, 60.0]))

    def make(self, conn_id: str, words: Any) -> Any:
        return PostBoostRepurposeOperator(
            task_id="act",
            postboost_conn_id=conn_id,
            text="Coffee is roasted in drums of steel, in small batches. " * 4,
            title="How we roast",
            accounts=[1, 8],
            **self.options,
        )

    def found(self) -> list[Any]:
        return list(self.world.look(lambda workspace: [run.id for run in workspace.runs.values()]))

    def check_green(self, words: Any, outcome: Outcome) -> list[Verdict]:
        uuid = outcome.result.get("post_uuid")
        posts = [post for post in self.world.posts() if post.uuid == uuid and not post.trashed]
        if not posts:
            return [Verdict(LOSS, f"the draft {uuid} does not exist")]
        same = posts[0].status == "draft" and sorted(posts[0].texts) == [1, 8]
        return [] if same else [Verdict(FALSE_SUCCESS, f"it is {posts[0]}")]

    def check_always(self) -> list[Verdict]:
        drafts = self.world.posts()
        twice = [Verdict(DUPLICATE, f"{len(drafts)} drafts exist")] if len(drafts) > 1 else []
        return super().check_always() + twice


LIBRARY: list[type[Family]] = [
    UploadSmall,
    UploadChunks,
    UploadUrl,
    KeyedOperation,
    UnkeyedOperation,
    Repurpose,
]
