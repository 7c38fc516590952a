"""Wait for posts in the triggerer: a few requests for each post, and no worker slot."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from postboost_provider.api.errors import PostBoostError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.triggers import base
from postboost_provider.triggers.base import PollingTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.polling.conditions import Finding
    from postboost_provider.polling.poller import Event, Poller
    from postboost_provider.polling.schedule import Wait
    from postboost_provider.triggers.base import StartArguments

# One for all waits of a process: they wake up together and share requests, but not together with other triggerers.
SPREAD = random.random()
# The states of a task that a person has ended, also with its run.
KILLED = ("failed", "skipped")
# An event loop keeps only weak references to its tasks.
_ENDING: set[asyncio.Future[None]] = set()


class PostBoostPostTrigger(PollingTrigger):
    """Wait until posts are settled: published or failed.

    :param post_uuids: the uuid of one post, several uuids, or the text of a list.
    :param timeout: seconds to wait after the latest of ``started_at``, ``due_at`` and a post's ``scheduled_at``.
    :param poll_interval: seconds between the first polls of a post that is due. The pause grows to ten minutes.
    :param next_look_at: when to poll first, in ISO 8601; default: at once.
    :param due_at: the last account's publishing time, in ISO 8601, where accounts have times of their own.
    :param carried: returned with the event: ``dag.test()`` loses the ``kwargs`` of a deferred task (Airflow 2.11 to 3.3).
    :param when_killed: ``keep`` or ``trash`` the posts that are not published yet if a person marks the task as failed.
    :param trash_label: the label of that in the activity log.
    """

    result_key = "posts"
    own_arguments = ("post_uuids", "next_look_at", "due_at", "carried", "when_killed", "trash_label")

    def __init__(
        self,
        *,
        post_uuids: str | Sequence[str],
        poll_interval: float = 30,
        next_look_at: str | None = None,
        due_at: str | None = None,
        carried: dict[str, Any] | None = None,
        when_killed: str = "keep",
        trash_label: str | None = None,
        **wait: Unpack[StartArguments],
    ) -> None:
        super().__init__(poll_interval=poll_interval, **wait)
        self.post_uuids = post_uuids
        self.next_look_at = next_look_at
        self.due_at = due_at
        self.carried = carried
        self.when_killed = when_killed
        self.trash_label = trash_label

    def _make_poller(self, times: Wait) -> Poller:
        from postboost_provider.polling.poller import Poller
        from postboost_provider.polling.schedule import MOST_FAILURES

        due, first = (datetime.fromisoformat(at) if at else None for at in (self.due_at, self.next_look_at))
        times = replace(times, due=due)
        return Poller(times, most_failures=MOST_FAILURES, spread=SPREAD, first_poll_at=first)

    async def _wait(self, times: Wait) -> Event:
        from postboost_provider.polling.conditions import PostsSettled
        from postboost_provider.polling.post_uuids import read_uuids
        from postboost_provider.triggers.shared_poller import shared_poller

        # Rendered here, where the wait started here.
        self._posts = PostsSettled(read_uuids(self.post_uuids), times.timeout, self.log)
        async with shared_poller(self.postboost_conn_id) as self._shared:
            return await super()._wait(times)

    async def _poll(self) -> Finding:
        if not self._posts.seen:
            self._posts.check_any(await base.settings_of(PostBoostHook(self.postboost_conn_id)))
        self._posts.note(await self._shared.read(self._posts.unsettled))
        return self._posts.finding()

    async def on_kill(self) -> None:
        """Move posts to the trash. Airflow calls this when a person has marked the task as failed or successful, or cleared it.

        Only a failed task was killed: a cleared one uses its post again, and a successful one keeps it.
        """
        if self.when_killed != "trash":
            return
        # Airflow 3.3 cancels a trigger again with each sync of the triggerer, also while it waits for this method: what has
        # begun goes on in the event loop.
        work = asyncio.ensure_future(self._end_posts())
        _ENDING.add(work)
        work.add_done_callback(_ENDING.discard)
        await asyncio.shield(work)

    async def _end_posts(self) -> None:
        from postboost_provider.airflow_support.compat import task_state

        try:
            state = await task_state(self)
        except Exception as error:  # noqa: BLE001 - whatever it is, the post stays
            self.log.warning("Kept the post: Airflow does not tell whether its task was killed: %s", error)
            return
        if state not in KILLED:
            self.log.info("Kept the post: its task was not marked as failed, but is %s.", state or "cleared")
            return
        hook = PostBoostHook(self.postboost_conn_id)
        try:
            settings = await base.settings_of(hook)
            await asyncio.to_thread(self._trash, settings)
        except PostBoostError as error:
            self.log.warning("Could not move the post to the trash: %s", error)

    def _trash(self, settings: ClientSettings) -> None:
        from postboost_provider.api.client import PostBoostClient
        from postboost_provider.polling.post_uuids import read_uuids
        from postboost_provider.publishing.deletion import trash_unpublished

        # Airflow waits 30 seconds for a trigger.
        with PostBoostClient(settings, attempts=2, deadline_seconds=10) as api:
            for uuid in read_uuids(self.post_uuids):
                if trash_unpublished(api, uuid, self.trash_label):
                    self.log.info("Moved post %s to the trash because its task was killed.", uuid)

    def _payload(self, event: Event) -> dict[str, Any]:
        if event.status == "settled":
            event = replace(event, result=[outcome.as_dict() for outcome in event.result])
        carried = {} if self.carried is None else {"carried": self.carried}
        return {**super()._payload(event), **carried}


def read_event(payload: Any) -> Event:
    """Read the event of the trigger. The result is a list of outcomes.

    :raises PostBoostError: no trigger of this package sends such an event.
    """
    from postboost_provider.polling.outcome import PostOutcome

    event = base.read_event(payload, PostBoostPostTrigger.result_key)
    if event.status != "settled":
        return event
    try:
        return replace(event, result=[PostOutcome.from_dict(post) for post in event.result])
    except (KeyError, TypeError):
        raise base.unknown_event(payload) from None
