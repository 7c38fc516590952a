"""Looks at posts, shared by all waits of one connection in one event loop.

A thousand posts that are due at nine are looked at with twenty lists instead of a thousand gets.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from postboost_provider.api.errors import NotFoundError, PostBoostError, UnreachableError
from postboost_provider.api.pagination import PostLists
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.polling.outcome import PostOutcome, missing, read_awaited
from postboost_provider.triggers.base import settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from postboost_provider.api.client import AsyncPostBoostClient

# Looks go together until none was wanted for this time, but not for longer than that.
GATHER_SECONDS = 0.25
LONGEST_GATHER_SECONDS = 3.0
GETS_IN_FLIGHT = 8
# What a wait may take for one look, with repeats: the wait has a budget of its own for looks that fail.
LOOK_SECONDS = 60.0


class SharedLooks:
    """Gather wanted looks of one connection for a moment, and answer them together."""

    def __init__(self, postboost_conn_id: str) -> None:
        self._hook = PostBoostHook(postboost_conn_id)
        self._client: AsyncPostBoostClient | None = None
        self._wanted: dict[str, asyncio.Future[PostOutcome]] = {}
        self._gathering: asyncio.Task[None] | None = None
        self.users = 0

    async def look(self, uuids: Iterable[str]) -> dict[str, PostOutcome]:
        """Return these posts as they are now.

        :raises PublishError: one of them is gone.
        :raises PostBoostError: the look failed.
        """
        futures = {uuid: self._want(uuid) for uuid in uuids}
        return {uuid: await asyncio.shield(future) for uuid, future in futures.items()}

    def _want(self, uuid: str) -> asyncio.Future[PostOutcome]:
        future = self._wanted.get(uuid)
        if future is None:
            future = self._wanted[uuid] = asyncio.get_running_loop().create_future()
            # A wait that was cancelled asks nobody for its answer.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._answer_soon())
        return future

    async def _answer_soon(self) -> None:
        while self._wanted:
            await self._gather()
            wanted, self._wanted = self._wanted, {}
            try:
                await self._answer(wanted)
            except PostBoostError as error:
                _give_up(wanted, error)
            except Exception as error:  # noqa: BLE001 - whatever it is, such as Airflow's API being away, ends one look
                _give_up(wanted, UnreachableError(f"The look failed: {type(error).__name__}: {error}"))
            except BaseException as error:
                _give_up(wanted, PostBoostError(f"The look was ended: {type(error).__name__}"))
                raise

    async def _gather(self) -> None:
        clock = asyncio.get_running_loop().time
        ends, known = clock() + LONGEST_GATHER_SECONDS, 0
        while len(self._wanted) > known and clock() < ends:
            known = len(self._wanted)
            await asyncio.sleep(GATHER_SECONDS)

    async def _answer(self, wanted: dict[str, asyncio.Future[PostOutcome]]) -> None:
        api = await self._current_client()
        await self._list(api, wanted)
        rest = [uuid for uuid, future in wanted.items() if not future.done()]
        gate = asyncio.Semaphore(GETS_IN_FLIGHT)

        async def get(uuid: str) -> None:
            async with gate:
                try:
                    wanted[uuid].set_result(
                        read_awaited(await api.call("get_post", parameters={"post_uuid": uuid}))
                    )
                except NotFoundError as error:
                    wanted[uuid].set_exception(missing(uuid, error))
                except PostBoostError as error:
                    wanted[uuid].set_exception(error)

        await asyncio.gather(*(get(uuid) for uuid in rest))

    async def _list(self, api: AsyncPostBoostClient, wanted: dict[str, asyncio.Future[PostOutcome]]) -> None:
        lists = PostLists(wanted)
        while (parameters := lists.next()) is not None:
            for post in lists.find(await api.call("list_posts", parameters=parameters)):
                try:
                    wanted[post["uuid"]].set_result(read_awaited(post))
                except PostBoostError as error:
                    wanted[post["uuid"]].set_exception(error)

    async def _current_client(self) -> AsyncPostBoostClient:
        """Return a client with the connection as it is now: a token that was rotated is picked up."""
        settings = await settings_of(self._hook)
        if self._client is not None and self._client.settings != settings:
            await self.close()
        if self._client is None:
            # In a thread: the first client of a process loads aiohttp and certificates, which takes longer than any
            # other wait in this event loop should be held up.
            self._client = await asyncio.to_thread(
                self._hook.async_client, settings, deadline_seconds=LOOK_SECONDS
            )
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _give_up(wanted: dict[str, asyncio.Future[PostOutcome]], error: PostBoostError) -> None:
    for future in wanted.values():
        if not future.done():
            future.set_exception(error)


_LOOKS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedLooks]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_looks(postboost_conn_id: str) -> AsyncIterator[SharedLooks]:
    """Give the looks that all waits of this connection in this event loop share; the last one closes them."""
    here = _LOOKS.setdefault(asyncio.get_running_loop(), {})
    looks = here.setdefault(postboost_conn_id, SharedLooks(postboost_conn_id))
    looks.users += 1
    try:
        yield looks
    finally:
        looks.users -= 1
        if looks.users == 0:
            here.pop(postboost_conn_id, None)
            await looks.close()
