"""Poll posts once for all waits of one connection in one event loop.

A thousand posts that are due at nine are read with twenty lists instead of a thousand gets.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from postboost_provider.api.errors import NotFoundError, PostBoostError, UnreachableError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.polling.outcome import PostOutcome, missing, read_awaited, require_post
from postboost_provider.polling.post_lists import PostLists
from postboost_provider.triggers.base import connect, settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from postboost_provider.api.client import AsyncPostBoostClient

# Wanted posts are collected until none was added for this long, but no longer than the second number.
GATHER_SECONDS = 0.25
LONGEST_GATHER_SECONDS = 3.0
GETS_IN_FLIGHT = 8


class SharedPoller:
    """Collect the posts that the waits of one connection want for a moment, and read them together."""

    def __init__(self, postboost_conn_id: str) -> None:
        self._hook = PostBoostHook(postboost_conn_id)
        self._client: AsyncPostBoostClient | None = None
        self._wanted: dict[str, asyncio.Future[PostOutcome]] = {}
        self._gathering: asyncio.Task[None] | None = None
        self.users = 0

    async def read(self, uuids: Iterable[str]) -> dict[str, PostOutcome]:
        """Return these posts as they are now.

        :raises PostBoostError: one of them can't be read, or was deleted or moved to trash (``PublishError``).
        """
        futures = {uuid: self._want(uuid) for uuid in uuids}
        return {uuid: await asyncio.shield(future) for uuid, future in futures.items()}

    def _want(self, uuid: str) -> asyncio.Future[PostOutcome]:
        future = self._wanted.get(uuid)
        if future is None:
            future = self._wanted[uuid] = asyncio.get_running_loop().create_future()
            # Nobody takes the result of a wait that was cancelled.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._read_soon())
        return future

    async def _read_soon(self) -> None:
        while self._wanted:
            await self._gather()
            wanted, self._wanted = self._wanted, {}
            try:
                await self._read_all(wanted)
            except PostBoostError as error:
                _fail(wanted, error)
            except Exception as error:  # noqa: BLE001 - anything, such as Airflow's API being down, fails one poll
                _fail(
                    wanted, UnreachableError(f"The poll failed: {type(error).__name__}: {error}", code="lost")
                )
            except BaseException as error:
                _fail(wanted, PostBoostError(f"The poll was stopped: {type(error).__name__}", code="lost"))
                raise

    async def _gather(self) -> None:
        clock = asyncio.get_running_loop().time
        ends, known = clock() + LONGEST_GATHER_SECONDS, 0
        while len(self._wanted) > known and clock() < ends:
            known = len(self._wanted)
            await asyncio.sleep(GATHER_SECONDS)

    async def _read_all(self, wanted: dict[str, asyncio.Future[PostOutcome]]) -> None:
        api = await self._current_client()
        await self._list(api, wanted)
        gate = asyncio.Semaphore(GETS_IN_FLIGHT)

        async def get(uuid: str) -> None:
            async with gate:
                try:
                    post = await api.call("get_post", parameters={"post_uuid": uuid})
                    wanted[uuid].set_result(read_awaited(require_post(post, uuid), api.settings))
                except NotFoundError as error:
                    wanted[uuid].set_exception(missing(uuid, error))
                except PostBoostError as error:
                    wanted[uuid].set_exception(error)

        await asyncio.gather(*(get(uuid) for uuid, future in wanted.items() if not future.done()))

    async def _list(self, api: AsyncPostBoostClient, wanted: dict[str, asyncio.Future[PostOutcome]]) -> None:
        lists = PostLists(wanted)
        while (parameters := lists.next()) is not None:
            for post in lists.find(await api.call("list_posts", parameters=parameters)):
                try:
                    wanted[post["uuid"]].set_result(read_awaited(post, api.settings))
                except PostBoostError as error:
                    wanted[post["uuid"]].set_exception(error)

    async def _current_client(self) -> AsyncPostBoostClient:
        """Return a client for the connection as it is now: a rotated token is picked up."""
        settings = await settings_of(self._hook)
        if self._client is not None and self._client.settings != settings:
            await self.close()
        if self._client is None:
            self._client = await connect(self._hook, settings)
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _fail(wanted: dict[str, asyncio.Future[PostOutcome]], error: PostBoostError) -> None:
    for future in wanted.values():
        if not future.done():
            future.set_exception(error)


_POLLERS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedPoller]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_poller(postboost_conn_id: str) -> AsyncIterator[SharedPoller]:
    """Give the poller that all waits of this connection in this event loop share. The last one closes it."""
    here = _POLLERS.setdefault(asyncio.get_running_loop(), {})
    poller = here.setdefault(postboost_conn_id, SharedPoller(postboost_conn_id))
    poller.users += 1
    try:
        yield poller
    finally:
        poller.users -= 1
        if poller.users == 0:
            here.pop(postboost_conn_id, None)
            await poller.close()
