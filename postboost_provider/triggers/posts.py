"""Wait for posts in the triggerer, at the cost of a few requests each and of no worker slot."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, is_retryable
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.triggers import base as inquiries

# What only a running wait needs is imported where it is used: sensors import this module at each parse of a DAG file.
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from postboost_provider.polling.outcome import PostOutcome

# One number for all waits of this process: they wake together, so that their looks can be shared, and not in step
# with those of other triggerers.
SPREAD = random.random()
# Together, but not at one instant: ten thousand that wake in one step of the event loop hold it up for half a second
# (benchmarks/waits.py). Their looks are shared all the same.
WAKE_SECONDS = 2.0


class PostBoostPostTrigger(BaseTrigger):
    """Wait until posts are settled: published, or failed.

    All state of the wait is in its arguments. It only reads.

    :param post_uuids: the uuid of one post, or several, or the text of a list.
    :param postboost_conn_id: read anew at each look, so that a rotated token is picked up.
    :param timeout: seconds to wait after the latest of ``started_at``, ``due_at`` and a post's ``scheduled_at``.
    :param poll_interval: seconds between the first looks at a post that is due; later ones grow to ten minutes.
    :param started_at: ISO 8601; default: when it first runs.
    :param next_look_at: ISO 8601 of the first look; default: at once.
    :param due_at: ISO 8601 of the last account's departure, where accounts have times of their own.
    :param carried: what the one who waits wants back with the event. ``dag.test()`` loses the ``kwargs`` of a deferred
        task (seen in Airflow 2.11 to 3.3).
    """

    def __init__(
        self,
        *,
        post_uuids: str | Sequence[str],
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        timeout: float = 3600,
        poll_interval: float = 30,
        started_at: str | None = None,
        next_look_at: str | None = None,
        due_at: str | None = None,
        carried: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow left it so
        self.post_uuids = post_uuids
        self.postboost_conn_id = postboost_conn_id
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.started_at = started_at
        self.next_look_at = next_look_at
        self.due_at = due_at
        self.carried = carried

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "post_uuids": self.post_uuids,
                "postboost_conn_id": self.postboost_conn_id,
                "timeout": self.timeout,
                "poll_interval": self.poll_interval,
                "started_at": self.started_at,
                "next_look_at": self.next_look_at,
                "due_at": self.due_at,
                "carried": self.carried,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: see :func:`read_event`."""
        from postboost_provider.api.arguments import read_uuids
        from postboost_provider.polling.outcome import describe_status
        from postboost_provider.polling.schedule import FAILURES_IN_A_ROW, Wait, describe_lateness
        from postboost_provider.triggers.shared_poller import shared_looks

        now = datetime.now(UTC)
        started = datetime.fromisoformat(self.started_at) if self.started_at else now
        due = datetime.fromisoformat(self.due_at) if self.due_at else None
        wait = Wait(started, timedelta(seconds=self.timeout), timedelta(seconds=self.poll_interval), due)
        try:
            # Rendered here, where the wait started here.
            seen: dict[str, PostOutcome | None] = dict.fromkeys(read_uuids(self.post_uuids))
        except PostBoostConfigError as error:
            yield self._event("error", message=str(error), can_retry=False)
            return
        if self.next_look_at:
            await _sleep((datetime.fromisoformat(self.next_look_at) - now).total_seconds())
        failures = 0
        async with shared_looks(self.postboost_conn_id) as looks:
            while True:
                try:
                    seen |= await looks.look(
                        uuid for uuid, o in seen.items() if o is None or not o.is_settled
                    )
                    failures = 0
                except PostBoostError as error:
                    failures += 1
                    if not is_retryable(error) or failures >= FAILURES_IN_A_ROW:
                        yield self._event("error", message=str(error), can_retry=is_retryable(error))
                        return
                    self.log.warning("This look failed (%d in a row), the next may not: %s", failures, error)
                waiting = [o for o in seen.values() if o is not None and not o.is_settled]
                if not waiting and None not in seen.values():
                    yield self._event("settled", posts=[o.as_dict() for o in seen.values() if o is not None])
                    return
                for outcome in waiting:
                    self.log.info("Post %s %s", outcome.uuid, describe_status(outcome))
                now = datetime.now(UTC)
                if wait.is_over(waiting, now):
                    yield self._event("timeout", message=describe_lateness(wait, seen))
                    return
                await _sleep(wait.pause(waiting, now, SPREAD).total_seconds())

    def _event(self, status: str, **said: Any) -> TriggerEvent:
        carried = {} if self.carried is None else {"carried": self.carried}
        return TriggerEvent({"status": status, **said, **carried})


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(max(0.0, seconds) + random.random() * WAKE_SECONDS)


def read_event(event: Any) -> tuple[str, list[PostOutcome] | str]:
    """Return what an event of the trigger says: ``("settled", outcomes)`` or ``("timeout", message)``.

    :raises PostBoostError: the wait ended in an error, or the event is none of the trigger's.
    """
    from postboost_provider.polling.outcome import PostOutcome

    if isinstance(event, dict) and event.get("status") == "settled" and isinstance(event.get("posts"), list):
        return "settled", [PostOutcome.from_dict(post) for post in event["posts"]]
    return "timeout", str(inquiries.read_event(event)[1])
