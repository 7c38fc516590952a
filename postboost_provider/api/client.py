"""The sender: one prepared request out, its answer in, again where that is safe. The only file with httpx."""

from __future__ import annotations

import logging
import random
import ssl
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
)

from postboost_provider.api import answers, contract, pages
from postboost_provider.api.errors import (
    AuthenticationError,
    PostBoostConfigError,
    PostBoostError,
    UnconfirmedError,
    UnreachableError,
)
from postboost_provider.api.operations import get_operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from postboost_provider.api.contract import ClientSettings, FilePart, Reply, Request
    from postboost_provider.api.pace import Pace

log = logging.getLogger(__name__)

DEFAULT_DEADLINE_SECONDS = 300.0
MAX_ATTEMPTS = 10
LONGEST_PAUSE_SECONDS = 30.0


class PostBoostClient:
    """Send PostBoost's operations with the credential of one connection.

    Close it, or use it as a context manager. It may be used from several threads.

    :param settings: where to, with which token.
    :param refresh: reads the connection again; called once when a token is refused, in case it was rotated.
    :param deadline_seconds: bounds one call with all its repeats and pauses. Default 300.
    :param attempts: bounds the sends of one call. 1 means no repeats. Default 10.
    :param pace: spaces requests out; None sends as fast as answers come.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        refresh: Callable[[], ClientSettings] | None = None,
        deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
        attempts: int = MAX_ATTEMPTS,
        pace: Pace | None = None,
    ) -> None:
        self.settings = settings
        self._origin = contract.check_base_url(settings.base_url)
        self._refresh = refresh
        self._deadline_seconds = deadline_seconds
        self._attempts = attempts
        self._pace = pace
        self._http = httpx.Client(
            timeout=settings.timeout_seconds,
            follow_redirects=False,
            trust_env=False,
            proxy=settings.proxy,
            verify=_tls(settings.ca_bundle),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

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

    def send(
        self,
        operation: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, FilePart] | None = None,
        idempotency_key: str | None = None,
        client_label: str | None = None,
        allow_duplicate: bool = False,
    ) -> Reply:
        """Send one operation like :meth:`call` and return the whole reply: payload, status, replayed or not.

        :param client_label: what the activity log calls this one request.
        :param allow_duplicate: send ``X-Allow-Duplicate``, the only way past the duplicate guard for scheduling
            and queueing, whose bodies have no such field (SDK 1.66.3).
        """
        request = contract.prepare(
            self.settings,
            operation,
            parameters=parameters,
            body=body,
            files=files,
            idempotency_key=idempotency_key,
            client_label=client_label,
            headers={"X-Allow-Duplicate": "true"} if allow_duplicate else None,
        )
        ends = time.monotonic() + self._deadline_seconds
        try:
            return self._repeat(request, ends)
        except AuthenticationError:
            if not self._token_was_rotated():
                raise
            log.info("The token of %s was replaced meanwhile: sending again with it.", self.settings.name)
            return self._repeat(request, ends)

    def pages(self, operation: str, *, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Iterate lazily over the items of a list operation, through all of its pages."""
        op = get_operation(operation)
        wanted: dict[str, Any] | None = pages.first_page(op, parameters or {})
        while wanted is not None:
            payload = self.call(operation, parameters=wanted)
            yield from pages.items_of(op, payload)
            wanted = pages.next_page(op, wanted, payload)

    def _token_was_rotated(self) -> bool:
        if self._refresh is None:
            return False
        fresh = self._refresh()
        if fresh.token == self.settings.token or contract.check_base_url(fresh.base_url) != self._origin:
            return False
        self.settings = fresh
        return True

    def _repeat(self, request: Request, ends: float) -> Reply:
        lost: UnconfirmedError | None = None
        try:
            rules = _retry_rules(request, max(0.0, ends - time.monotonic()), self._attempts)
            for attempt in Retrying(sleep=time.sleep, **rules):
                with attempt:
                    if self._pace:
                        time.sleep(self._pace.pause(time.monotonic()))
                    try:
                        return self._send_once(request, ends)
                    except UnconfirmedError as error:
                        lost = error
                        raise
        except UnreachableError as error:
            if lost is None:
                raise
            # The last attempt was not sent, but an earlier one was.
            raise lost from error
        raise UnreachableError(f"{request.operation.operation}: no attempt was made.")

    def _send_once(self, request: Request, ends: float) -> Reply:
        headers = {**request.headers, "Authorization": f"Bearer {self.settings.token}"}
        # The last attempt gets a second at least; httpx's own timeout starts anew with every part of an answer.
        limit = max(ends, time.monotonic() + 1.0)
        timeout = min(self.settings.timeout_seconds, limit - time.monotonic())
        with ExitStack() as opened:
            try:
                sent = self._http.build_request(
                    request.operation.method,
                    request.url,
                    headers=headers,
                    timeout=timeout,
                    **_body_of(request, opened),
                )
                with closing(self._http.send(sent, stream=True)) as response:
                    content = bytearray()
                    for part in response.iter_bytes():
                        content += part
                        if time.monotonic() > limit:
                            raise httpx.ReadTimeout("the answer took longer than the deadline")
            except httpx.HTTPError as error:
                raise unanswered(self.settings, request, error) from error
        if self._pace:
            self._pace.heed(response.headers)
        return answers.read(
            self.settings,
            request,
            status=response.status_code,
            headers=response.headers,
            content=bytes(content),
            now=datetime.now(UTC),
        )


def unanswered(settings: ClientSettings, request: Request, error: httpx.HTTPError) -> PostBoostError:
    """Return the error for a request that got no answer: what that means depends on whether it was sent."""
    op, why = request.operation, settings.redact(f"{type(error).__name__}: {error}")
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)):
        return UnreachableError(
            f"{op.operation}: {settings.base_url} cannot be reached ({why}). Nothing was sent. Check the host of "
            f"{settings.name}, the network, and its proxy if it needs one."
        )
    if op.is_read and op.repeatable:
        return UnreachableError(f"{op.operation}: {settings.base_url} gave no answer ({why}). Try again.")
    return UnconfirmedError(
        f"{op.operation}: sent, but no answer came ({why}). It may have happened: look in PostBoost before sending "
        "it again, or run the task again, which looks first."
    )


def _retry_rules(request: Request, deadline_seconds: float, attempts: int) -> dict[str, Any]:
    """Return tenacity's arguments for one call; a loop that awaits takes the same."""

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return contract.pause_before_repeat(
            error, state.attempt_number, random.random(), LONGEST_PAUSE_SECONDS
        )

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning(
            "%s Sending again in %.1f s (attempt %d).", error, state.upcoming_sleep, state.attempt_number + 1
        )

    return {
        "retry": retry_if_exception(lambda error: contract.may_repeat(request, error)),
        "wait": pause,
        "stop": stop_any(stop_after_attempt(attempts), stop_before_delay(deadline_seconds)),
        "before_sleep": tell,
        "reraise": True,
    }


def _body_of(request: Request, opened: ExitStack) -> dict[str, Any]:
    """Return httpx's arguments for the body; files are opened from their start and closed with ``opened``."""
    if request.files is None:
        return {"content": request.content}
    files = {
        name: (part.filename, opened.enter_context(part.open()), part.mime_type)
        for name, part in request.files.items()
    }
    return {"data": dict(request.form or {}), "files": files}


def _tls(ca_bundle: str | None) -> ssl.SSLContext | bool:
    if not ca_bundle:
        return True
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise PostBoostConfigError(
            f"The CA bundle {ca_bundle!r} cannot be read ({error.strerror or error}). Correct ca_bundle in the "
            "connection's extras, or leave it empty."
        ) from error
