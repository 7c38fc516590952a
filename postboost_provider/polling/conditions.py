"""The requests of one poll, and how their responses are read: the same for workers and the triggerer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from postboost_provider.api.errors import NotFoundError
from postboost_provider.api.safety import require_live
from postboost_provider.polling.outcome import (
    PostOutcome,
    describe_status,
    missing,
    read_awaited,
    require_post,
)
from postboost_provider.polling.schedule import whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient
    from postboost_provider.api.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class Question:
    """An API call that changes nothing."""

    operation: str
    parameters: dict[str, Any] | None = None
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one poll found.

    :param is_settled: no further poll is needed.
    :param result: what was read; once it is settled, the result of the wait, as plain JSON.
    :param pending: what is still missing, for a log line or an error message.
    :param waiting: the posts that are not settled. Their times decide when to poll next.
    """

    is_settled: bool
    result: Any = None
    pending: str = ""
    waiting: Sequence[PostOutcome] = ()


class Condition(Protocol):
    """What a wait waits for. It neither sends requests nor decides when to send them."""

    def questions(self, now: datetime) -> Sequence[Question]:
        """Return the calls of one poll."""

    def read(self, responses: Sequence[Any], now: datetime, /) -> Finding:
        """Read the responses, in the order of the calls. Raise :class:`PostBoostError` if waiting is of no use."""


def ask(api: PostBoostClient, condition: Condition, now: datetime) -> Finding:
    """Poll once."""
    responses = [
        api.call(q.operation, parameters=q.parameters, body=q.body) for q in condition.questions(now)
    ]
    return condition.read(responses, now)


async def ask_async(api: AsyncPostBoostClient, condition: Condition, now: datetime) -> Finding:
    """Poll once, in an event loop."""
    responses = [
        await api.call(q.operation, parameters=q.parameters, body=q.body) for q in condition.questions(now)
    ]
    return condition.read(responses, now)


class PostsSettled:
    """Every post is published or failed. A settled post is not read again.

    :param timeout: how long to wait after the posts' scheduled time, for the error message.
    :param log: the logger of the waiting task or trigger: Airflow's costs less than a module's.
    """

    def __init__(self, uuids: Sequence[str], timeout: timedelta, log: Any) -> None:
        self.seen: dict[str, PostOutcome | None] = dict.fromkeys(uuids)
        self._timeout = timeout
        self._log = log

    @property
    def unsettled(self) -> dict[str, PostOutcome | None]:
        """The posts to read, as last seen; None before they were read."""
        return {uuid: post for uuid, post in self.seen.items() if post is None or not post.is_settled}

    def check_any(self, settings: ClientSettings) -> None:
        """Refuse to take an empty list for posts that are published.

        :raises ModeError: the safety mode may have left them out.
        """
        if not self.seen:
            require_live(settings, "There is no post to wait for")

    def note(self, posts: Mapping[str, PostOutcome]) -> None:
        self.seen |= posts
        for uuid, post in posts.items():
            if not post.is_settled:
                self._log.info("Post %s %s.", uuid, describe_status(post))

    def ask(self, connect: Callable[[], PostBoostClient]) -> Finding:
        """Poll once. ``connect`` is called at each poll, so that a rotated token is picked up.

        :raises PublishError: a post was deleted or moved to trash.
        """
        if unsettled := self.unsettled:
            with connect() as api:
                for uuid in unsettled:
                    try:
                        post = api.call("get_post", parameters={"post_uuid": uuid})
                        self.note({uuid: read_awaited(require_post(post, uuid), api.settings)})
                    except NotFoundError as error:
                        raise missing(uuid, error) from error
        return self.finding()

    def finding(self) -> Finding:
        """Return what is known. The result is a list of outcomes, in the order of the uuids."""
        unsettled = self.unsettled
        outcomes = [post for post in self.seen.values() if post is not None]
        lines = "\n".join(
            f"  post {uuid} {describe_status(post) if post else 'could not be read'}"
            for uuid, post in unsettled.items()
        )
        pending = (
            f"{len(unsettled)} of {len(self.seen)} posts were not published within {whole_seconds(self._timeout)} of their scheduled "
            f"time:\n{lines}\nPostBoost may still publish them. Check them there, or raise the timeout."
        )
        waiting = tuple(post for post in unsettled.values() if post is not None)
        return Finding(not unsettled, outcomes, pending, waiting)
