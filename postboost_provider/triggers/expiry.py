"""Wait in the triggerer until PostBoost says clearly whether tokens are alive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostError, is_retryable
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.triggers.base import LOOK_SECONDS, InquiryTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow.triggers.base import TriggerEvent

    from postboost_provider.polling.conditions import Finding


class PostBoostTokenTrigger(InquiryTrigger):
    """Wait until PostBoost gives each of several connections a clear answer: alive, dead, or not allowed to.

    What the answers mean is for the sensor to say. The first look is after ``poll_interval``: the sensor has just had
    one.

    :param postboost_conn_ids: the connections.
    :param wait: ``timeout``, ``poll_interval`` and ``started_at``.
    """

    def __init__(self, *, postboost_conn_ids: Sequence[str], **wait: Any) -> None:
        super().__init__(**wait)
        self.postboost_conn_ids = postboost_conn_ids

    def asked(self) -> dict[str, Any]:
        return {"postboost_conn_ids": list(self.postboost_conn_ids)}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: see :func:`~postboost_provider.triggers.base.read_event`."""
        await asyncio.sleep(self.poll_interval)
        async for event in super().run():
            yield event

    async def _look(self) -> Finding:
        from postboost_provider.polling.conditions import Finding

        for conn_id in self.postboost_conn_ids:
            try:
                await self._probe(PostBoostHook(conn_id))
            except PostBoostError as error:
                if is_retryable(error):
                    raise
        # The sensor goes on counting from there, if it has to wait again.
        return Finding(is_settled=True, result={"started_at": self.started_at})

    async def _probe(self, hook: PostBoostHook) -> None:
        from postboost_provider.api.credentials import probe_of

        settings = await hook.asettings()
        # In a thread: the first client of a process loads aiohttp and certificates.
        client = await asyncio.to_thread(
            hook.async_client, settings, attempts=1, deadline_seconds=LOOK_SECONDS
        )
        async with client as api:
            await api.call(probe_of(settings))
