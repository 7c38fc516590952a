"""The two clients, one that blocks and one that is awaited: prepare, send, read the response, retry what is safe."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Self, TypedDict, Unpack

from tenacity import AsyncRetrying, Retrying

from postboost_provider.api import pagination, responses, retry
from postboost_provider.api.credentials import Refusal, explain_401
from postboost_provider.api.errors import AuthenticationError, UnreachableError
from postboost_provider.api.operations import get_operation
from postboost_provider.api.requests import CallArguments, SendArguments, prepare
from postboost_provider.api.settings import check_base_url
from postboost_provider.api.transport import AsyncTransport, Transport, in_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from postboost_provider.api.rate_limit import RateLimit
    from postboost_provider.api.requests import FilePart, Request
    from postboost_provider.api.responses import Response
    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.api.transport import Into, RawResponse

log = logging.getLogger(__name__)

DEFAULT_DEADLINE_SECONDS = 300.0
MAX_ATTEMPTS = 10


class ClientOptions(TypedDict, total=False):
    """The options of a client.

    :param deadline_seconds: limits one call with all its retries and pauses.
    :param attempts: limits the requests of one call; 1 means no retries.
    :param pace: limits the rate of all requests.
    """

    deadline_seconds: float
    attempts: int
    pace: RateLimit | None


class _Client:
    """What the two clients share: everything but sending, sleeping and iterating.

    :param settings: the base URL, the token, and the other settings of a connection.
    :param deadline_seconds: limits one call with all its retries and pauses.
    :param attempts: limits the requests of one call; 1 means no retries.
    :param pace: limits the rate of all requests.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
        attempts: int = MAX_ATTEMPTS,
        pace: RateLimit | None = None,
    ) -> None:
        self.settings = settings
        self._origin = check_base_url(settings.base_url)
        self._deadline_seconds = deadline_seconds
        self._attempts = attempts
        self._pace = pace
        self._accepted_token = ""

    @contextmanager
    def _explaining(self) -> Iterator[tuple[ClientSettings, Refusal]]:
        """Yield the settings a call starts with, and explain a final 401 with everything that is known by then."""
        used, refusal = self.settings, Refusal()
        try:
            yield used, refusal
        except AuthenticationError as error:
            refusal.accepted = self._accepted_token == self.settings.token
            raise error.explained(*explain_401(self.settings, datetime.now(UTC), refusal)) from None

    def _use_rotated(self, used: ClientSettings, fresh: ClientSettings, refusal: Refusal) -> bool:
        """Use the connection as it was read again, if it has another token for the same origin."""
        # Not compared with self.settings: another thread may have started to use the new token.
        if fresh.token == used.token:
            refusal.reread = "same"
        elif check_base_url(fresh.base_url) != self._origin:
            refusal.reread = "elsewhere"
        else:
            refusal.reread = "replaced"
            self.settings = fresh
            log.info("The token of %s was replaced. Sending the request again with the new one.", fresh.name)
        return refusal.reread == "replaced"

    def _read(self, request: Request, raw: RawResponse) -> Response:
        if self._pace:
            self._pace.slow_down(raw.headers)
        if request.operation.needs_token and raw.status < 500 and raw.status not in (401, 429):
            self._accepted_token = self.settings.token
        return responses.read(self.settings, request, raw, datetime.now(UTC))


class PostBoostClient(_Client):
    """Send PostBoost's operations with the token of one connection.

    Close it, or use it as a context manager. Several threads can share it.

    :param refresh: reads the connection again. It is called once when a token is rejected, in case it was rotated.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        refresh: Callable[[], ClientSettings] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(settings, **options)
        self._refresh = refresh
        self._transport = Transport(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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
        """Send one operation and return its JSON body as PostBoost documents it, or the bytes of a file.

        :param operation: its name, such as ``create_post``.
        :param parameters: path and query parameters by name, such as ``{"post_uuid": ...}``; ids may be numbers or
            text. ``workspace_uuid`` is the connection's unless it is given.
        :param body: the JSON body, or the fields next to the file of an upload.
        :param files: file parts by field name, for uploads.
        :param idempotency_key: makes the operation safe to retry, where PostBoost accepts one.
        :raises PostBoostConfigError: the call does not fit the operation. Nothing was sent.
        :raises PostBoostRequestError: PostBoost responded with an error; the subclass says why.
        :raises UnreachableError: no response came, and nothing was changed.
        :raises UnconfirmedError: no response came to a write, which may have happened.
        :raises UnexpectedResponseError: the response is not JSON.
        """
        return self.send(
            operation, parameters=parameters, body=body, files=files, idempotency_key=idempotency_key
        ).payload

    def send(self, operation: str, **arguments: Unpack[SendArguments]) -> Response:
        """Send one operation like :meth:`call` and return the whole response: payload, status, replayed or not.

        :param operation: its name, such as ``create_post``.
        """
        return self._send(prepare(self.settings, operation, **arguments))

    def download(
        self, operation: str, open_file: Callable[[], IO[bytes]], **arguments: Unpack[CallArguments]
    ) -> None:
        """Send one operation like :meth:`call` and write the response to a file as it arrives, whatever its size.

        :param operation: its name, such as ``download_report``.
        :param open_file: opens the file from its start, once for each attempt with a successful response.
        """
        binary = get_operation(operation).response == "binary"

        def into(status: int, headers: Mapping[str, str]) -> IO[bytes] | None:
            # Errors stay in memory, and so does what is not JSON: the page of a proxy in front of PostBoost.
            wanted = 200 <= status < 300 and (binary or "json" in headers.get("content-type", ""))
            return open_file() if wanted else None

        self._send(prepare(self.settings, operation, **arguments), into)

    def pages(self, operation: str, *, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Iterate lazily over the items of a list operation, through all of its pages.

        :param operation: its name, such as ``list_posts``.
        :param parameters: path and query parameters by name. Without a page, it begins with the first one.
        """
        op = get_operation(operation)
        page: dict[str, Any] | None = pagination.first_page(op, parameters or {})
        while page is not None:
            payload = self.call(operation, parameters=page)
            yield from pagination.items_of(op, payload)
            page = pagination.next_page(op, page, payload)

    def _send(self, request: Request, into: Into = in_memory) -> Response:
        deadline = time.monotonic() + self._deadline_seconds
        with self._explaining() as (used, refusal):
            try:
                return self._retry(request, deadline, into)
            except AuthenticationError:
                if self._refresh is None or not self._use_rotated(used, self._refresh(), refusal):
                    raise
                return self._retry(request, deadline, into)

    def _retry(self, request: Request, deadline: float, into: Into) -> Response:
        lost = retry.LostResponse()
        rules = retry.rules(request, deadline - time.monotonic(), self._attempts)
        for attempt in Retrying(sleep=time.sleep, **rules):
            with attempt, lost:
                if self._pace:
                    time.sleep(self._pace.pause(time.monotonic()))
                return self._read(request, self._transport.send(request, self.settings, deadline, into))
        raise UnreachableError(f"{request}: no attempt was made.", code="no_attempt")


class AsyncPostBoostClient(_Client):
    """The same client for an event loop: the same arguments, decisions and errors, to be awaited.

    It sends through aiohttp, whose pool does not slow down with the number of requests in flight as httpx's own does.

    :param refresh: like that of :class:`PostBoostClient`, to be awaited.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        refresh: Callable[[], Awaitable[ClientSettings]] | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(settings, **options)
        self._refresh = refresh
        self._transport = AsyncTransport(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def call(
        self,
        operation: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, FilePart] | None = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Send one operation and return its JSON body: :meth:`PostBoostClient.call`, awaited."""
        response = await self.send(
            operation, parameters=parameters, body=body, files=files, idempotency_key=idempotency_key
        )
        return response.payload

    async def send(self, operation: str, **arguments: Unpack[SendArguments]) -> Response:
        """Send one operation and return the whole response: :meth:`PostBoostClient.send`, awaited.

        :param operation: its name, such as ``create_post``.
        """
        request = prepare(self.settings, operation, **arguments)
        deadline = time.monotonic() + self._deadline_seconds
        with self._explaining() as (used, refusal):
            try:
                return await self._retry(request, deadline)
            except AuthenticationError:
                if self._refresh is None or not self._use_rotated(used, await self._refresh(), refusal):
                    raise
                return await self._retry(request, deadline)

    async def pages(
        self, operation: str, *, parameters: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Any]:
        """Iterate lazily over the items of a list operation, through all of its pages.

        :param operation: its name, such as ``list_posts``.
        :param parameters: path and query parameters by name. Without a page, it begins with the first one.
        """
        op = get_operation(operation)
        page: dict[str, Any] | None = pagination.first_page(op, parameters or {})
        while page is not None:
            payload = await self.call(operation, parameters=page)
            for item in pagination.items_of(op, payload):
                yield item
            page = pagination.next_page(op, page, payload)

    async def _retry(self, request: Request, deadline: float) -> Response:
        lost = retry.LostResponse()
        rules = retry.rules(request, deadline - time.monotonic(), self._attempts)
        async for attempt in AsyncRetrying(sleep=asyncio.sleep, **rules):
            with attempt, lost:
                if self._pace:
                    await asyncio.sleep(self._pace.pause(time.monotonic()))
                return self._read(request, await self._transport.send(request, self.settings, deadline))
        raise UnreachableError(f"{request}: no attempt was made.", code="no_attempt")
