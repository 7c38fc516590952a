"""The two clients, one that blocks and one that is awaited: prepare, send, read, again where that is safe."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Self

from tenacity import AsyncRetrying, Retrying

from postboost_provider.api import (
    pagination as pages,
    requests as contract,
    responses as answers,
    retry as repeats,
)
from postboost_provider.api.credentials import Refusal, explain_401
from postboost_provider.api.errors import AuthenticationError, UnreachableError
from postboost_provider.api.operations import get_operation
from postboost_provider.api.transport import AsyncTransport, Transport, in_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from types import TracebackType

    from postboost_provider.api.rate_limit import Pace
    from postboost_provider.api.requests import ClientSettings, FilePart, Reply, Request
    from postboost_provider.api.transport import Answer, Into

log = logging.getLogger(__name__)

DEFAULT_DEADLINE_SECONDS = 300.0
MAX_ATTEMPTS = 10


class _Sender:
    """What the two clients share: everything but sending, sleeping and iterating.

    :param settings: where to, with which token.
    :param deadline_seconds: bounds one call with all its repeats and pauses. Default 300.
    :param attempts: bounds the sends of one call. 1 means no repeats. Default 10.
    :param pace: spaces requests out; None sends as fast as answers come.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
        attempts: int = MAX_ATTEMPTS,
        pace: Pace | None = None,
    ) -> None:
        self.settings = settings
        self._origin = contract.check_base_url(settings.base_url)
        self._deadline_seconds = deadline_seconds
        self._attempts = attempts
        self._pace = pace
        self._accepted_token = ""

    def _prepare(
        self,
        operation: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, FilePart] | None = None,
        idempotency_key: str | None = None,
        client_label: str | None = None,
        allow_duplicate: bool = False,
    ) -> Request:
        return contract.prepare(
            self.settings,
            operation,
            parameters=parameters,
            body=body,
            files=files,
            idempotency_key=idempotency_key,
            client_label=client_label,
            headers={"X-Allow-Duplicate": "true"} if allow_duplicate else None,
        )

    @contextmanager
    def _explaining(self) -> Iterator[tuple[ClientSettings, Refusal]]:
        """Give what a call starts with, and explain a 401 that ends it with all that is known by then."""
        used, refusal = self.settings, Refusal()
        try:
            yield used, refusal
        except AuthenticationError as error:
            refusal.accepted = self._accepted_token == self.settings.token
            raise error.explained(explain_401(self.settings, datetime.now(UTC), refusal)) from None

    def _take_rotated(self, used: ClientSettings, fresh: ClientSettings, refusal: Refusal) -> bool:
        """Go on with the connection as it was read again, if it holds another token for the same origin."""
        # Not with self.settings: another thread may have taken the new token since.
        if fresh.token == used.token:
            refusal.reread = "same"
        elif contract.check_base_url(fresh.base_url) != self._origin:
            refusal.reread = "elsewhere"
        else:
            refusal.reread = "replaced"
            self.settings = fresh
            log.info("The token of %s was replaced meanwhile: sending again with it.", fresh.name)
        return refusal.reread == "replaced"

    def _read(self, request: Request, answer: Answer) -> Reply:
        if self._pace:
            self._pace.heed(answer.headers)
        if request.operation.needs_token and answer.status < 500 and answer.status not in (401, 429):
            self._accepted_token = self.settings.token
        return answers.read(
            self.settings,
            request,
            status=answer.status,
            headers=answer.headers,
            content=answer.content,
            now=datetime.now(UTC),
        )


class PostBoostClient(_Sender):
    """Send PostBoost's operations with the credential of one connection.

    Close it, or use it as a context manager. It may be used from several threads.

    :param settings: where to, with which token.
    :param refresh: reads the connection again; called once when a token is refused, in case it was rotated.
    :param limits: ``deadline_seconds`` bounds one call with all its repeats and pauses (default 300), ``attempts`` the
        sends of one call (default 10; 1 means no repeats), ``pace`` spaces requests out.
    """

    def __init__(
        self, settings: ClientSettings, *, refresh: Callable[[], ClientSettings] | None = None, **limits: Any
    ) -> None:
        super().__init__(settings, **limits)
        self._refresh = refresh
        self._transport = Transport(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def call(
        self,
        operation: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, FilePart] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Send one operation and return its JSON body as PostBoost documents it (bytes for a file).

        :param operation: its name, such as ``create_post``; ``docs`` list all 222.
        :param parameters: path and query parameters by name, such as ``{"post_uuid": ...}``; ids may be numbers or
            text. Workspace operations take the connection's workspace unless ``workspace_uuid`` is given.
        :param body: the JSON body, or the fields beside the file of an upload.
        :param files: file parts by field name, for uploads.
        :param idempotency_key: makes the operation safe to repeat where PostBoost accepts one.
        :raises PostBoostConfigError: the call does not fit the operation; nothing was sent.
        :raises PostBoostRequestError: PostBoost refused; the subclass says why.
        :raises UnreachableError: no answer came, and nothing was changed.
        :raises UnconfirmedError: no answer came to a write that may have happened.
        """
        return self.send(
            operation, parameters=parameters, body=body, files=files, idempotency_key=idempotency_key
        ).payload

    def send(self, operation: str, **call: Any) -> Reply:
        """Send one operation like :meth:`call` and return the whole reply: payload, status, replayed or not.

        :param call: the arguments of :meth:`call`, and on top of them ``client_label``, what the activity log calls
            this one request, and ``allow_duplicate``, which sends ``X-Allow-Duplicate``: the only way past the
            duplicate guard for scheduling and queueing, whose bodies have no such field (SDK 1.66.3).
        """
        return self._send(self._prepare(operation, **call))

    def download(self, operation: str, open_file: Callable[[], IO[bytes]], **call: Any) -> None:
        """Send one operation like :meth:`call`, and write its answer to a file as it comes, whatever its size.

        :param open_file: opens the file from its start: once for each attempt that is answered with what was asked for.
        """
        binary = get_operation(operation).reply == "binary"

        def into(status: int, headers: Mapping[str, str]) -> IO[bytes] | None:
            # An error is read, and so is what is no JSON: the page of a proxy in front of PostBoost.
            wanted = 200 <= status < 300 and (binary or "json" in headers.get("content-type", ""))
            return open_file() if wanted else None

        self._send(self._prepare(operation, **call), into)

    def pages(self, operation: str, *, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Iterate lazily over the items of a list operation, through all of its pages."""
        op = get_operation(operation)
        wanted: dict[str, Any] | None = pages.first_page(op, parameters or {})
        while wanted is not None:
            payload = self.call(operation, parameters=wanted)
            yield from pages.items_of(op, payload)
            wanted = pages.next_page(op, wanted, payload)

    def _send(self, request: Request, into: Into = in_memory) -> Reply:
        ends = time.monotonic() + self._deadline_seconds
        with self._explaining() as (used, refusal):
            try:
                return self._repeat(request, ends, into)
            except AuthenticationError:
                if self._refresh is None or not self._take_rotated(used, self._refresh(), refusal):
                    raise
                return self._repeat(request, ends, into)

    def _repeat(self, request: Request, ends: float, into: Into) -> Reply:
        lost = repeats.LostAnswer()
        rules = repeats.rules(request, ends - time.monotonic(), self._attempts)
        for attempt in Retrying(sleep=time.sleep, **rules):
            with attempt, lost:
                if self._pace:
                    time.sleep(self._pace.pause(time.monotonic()))
                return self._read(request, self._transport.send(request, self.settings, ends, into))
        raise UnreachableError(f"{request.operation.operation}: no attempt was made.")


class AsyncPostBoostClient(_Sender):
    """The same contract for an event loop: the same arguments, decisions and errors, to be awaited.

    Sends through aiohttp, whose pool does not slow down with the number of requests in flight as httpx's own does.

    :param refresh: like that of :class:`PostBoostClient`, to be awaited.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        refresh: Callable[[], Awaitable[ClientSettings]] | None = None,
        **limits: Any,
    ) -> None:
        super().__init__(settings, **limits)
        self._refresh = refresh
        self._transport = AsyncTransport(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def call(self, operation: str, **call: Any) -> Any:
        """Send one operation and return its JSON body: :meth:`PostBoostClient.call`, awaited."""
        return (await self.send(operation, **call)).payload

    async def send(self, operation: str, **call: Any) -> Reply:
        """Send one operation and return the whole reply: :meth:`PostBoostClient.send`, awaited."""
        request = self._prepare(operation, **call)
        ends = time.monotonic() + self._deadline_seconds
        with self._explaining() as (used, refusal):
            try:
                return await self._repeat(request, ends)
            except AuthenticationError:
                if self._refresh is None or not self._take_rotated(used, await self._refresh(), refusal):
                    raise
                return await self._repeat(request, ends)

    async def pages(
        self, operation: str, *, parameters: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Any]:
        """Iterate lazily over the items of a list operation, through all of its pages."""
        op = get_operation(operation)
        wanted: dict[str, Any] | None = pages.first_page(op, parameters or {})
        while wanted is not None:
            payload = await self.call(operation, parameters=wanted)
            for item in pages.items_of(op, payload):
                yield item
            wanted = pages.next_page(op, wanted, payload)

    async def _repeat(self, request: Request, ends: float) -> Reply:
        lost = repeats.LostAnswer()
        rules = repeats.rules(request, ends - time.monotonic(), self._attempts)
        async for attempt in AsyncRetrying(sleep=asyncio.sleep, **rules):
            with attempt, lost:
                if self._pace:
                    await asyncio.sleep(self._pace.pause(time.monotonic()))
                return self._read(request, await self._transport.send(request, self.settings, ends))
        raise UnreachableError(f"{request.operation.operation}: no attempt was made.")
