"""What becomes of one post under one setting of the sandbox, checked without the package's own readers."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import PostBoostError
from postboost_provider.idempotency.identity import Actor
from postboost_provider.publishing.post import Post
from postboost_provider.publishing.publish import publish_post
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts
from tests.naps import pass_at_once

ACTOR = Actor("dag.publish~e04ded12", ("task", "dag", "run", "publish", "", ""))
AT = (datetime.now(UTC) + timedelta(days=5)).replace(second=0, microsecond=0)


class Journey:
    """Attempts of one task, each of which ends in a result or in a typed error.

    After each of them there is at most one post, and after a result it has what was asked for.
    """

    def __init__(self, sandbox: Sandbox, mocker: Any) -> None:
        self.sandbox = sandbox
        self.began = datetime.now(UTC)
        self.passed = timedelta()
        self.ends: list[str] = []
        nap = time.sleep

        def sleep(seconds: float) -> None:
            nap(min(0.05, seconds))
            self.sandbox.advance(seconds)

        self.slept = pass_at_once(mocker, sleep)
        mocker.patch("postboost_provider.api.client.time.sleep", lambda s: nap(min(s, 0.02)))

    def later(self, **units: float) -> None:
        self.passed += timedelta(**units)
        self.sandbox.advance(timedelta(**units).total_seconds())

    def publish(self, text: str = "Hello", *, retry: bool = False, **options: Any) -> str:
        """Make one attempt, and return its result or the name of its error with its code."""
        with client(
            self.sandbox, options.pop("token", "member"), attempts=options.pop("attempts", 10)
        ) as api:
            end = self._publish(api, text, retry, options)
        self.ends.append(end)
        return end

    def _publish(self, api: PostBoostClient, text: str, retry: bool, options: dict[str, Any]) -> str:
        mode = options.pop("mode", "schedule")
        accounts = options.pop("accounts", ("twitter:northwind",))
        post = Post(text, accounts, mode, publish_at=AT if mode == "schedule" else None)
        given = {"on_duplicate": "fail", "validate": False, "since": self.began if retry else None, **options}
        try:
            done = publish_post(api, ACTOR, post, find_media=_none, now=self.began + self.passed, **given)
            end, uuid = str(done.result), done.post_uuid
        except PostBoostError as error:
            end, uuid = f"{type(error).__name__} {error.code}", None
        assert len(posts(self.sandbox)) <= 1, end
        if uuid is not None and end != "skipped":
            self.words_of(uuid, text)
        return end

    def words_of(self, uuid: str, text: str) -> None:
        found = next(p for p in posts(self.sandbox) if p["uuid"] == uuid)
        assert plain(found["text"]) == plain(text)

    def together(self, *texts: str, **options: Any) -> list[str]:
        """Make attempts at the same time, and return how they ended."""
        ends: list[str] = []
        threads = [
            threading.Thread(target=lambda t=text: ends.append(self.one_of_many(t, **options)))
            for text in texts
        ]
        for thread in threads:
            thread.start()
            time.sleep(0.02)
        for thread in threads:
            thread.join()
        assert len(ends) == len(texts)
        assert len(posts(self.sandbox)) <= 1
        return ends

    def one_of_many(self, text: str, **options: Any) -> str:
        with client(self.sandbox) as api:
            try:
                post = Post(text, ("twitter:northwind",), "schedule", publish_at=AT)
                given = {"on_duplicate": "fail", "validate": False, **options}
                return f"{publish_post(api, ACTOR, post, find_media=_none, now=self.began, **given).result} {text}"
            except PostBoostError as error:
                return f"{type(error).__name__} {error.code}"


def plain(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", html.unescape(text))).split())


def _none(name: str) -> Any:
    raise FileNotFoundError(name)


@contextmanager
def slow(sandbox: Sandbox, seconds: float = 0.4) -> Iterator[None]:
    """Let every request for a post take this long."""
    sandbox.faults({"operation": "create_post", "kind": "delay", "seconds": seconds, "count": 100})
    yield
    sandbox.faults()
