"""What the triggers share: the state of a wait is in its arguments, and it ends with one event."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from airflow.triggers.base import BaseTrigger, TriggerEvent

from postboost_provider.api import errors
from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, UnreachableError, is_retryable
from postboost_provider.hooks.postboost import PostBoostHook

# What only a running wait needs is imported inside functions: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from postboost_provider.api.client import AsyncPostBoostClient, ClientOptions
    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.polling.conditions import Condition, Finding
    from postboost_provider.polling.poller import Event, Poller
    from postboost_provider.polling.schedule import Wait


class WaitArguments(TypedDict):
    """What a sensor tells its trigger about the wait. See :class:`PollingTrigger`."""

    timeout: float
    poll_interval: float
    started_at: str


class StartArguments(TypedDict, total=False):
    """The arguments of every trigger but ``poll_interval``. See :class:`PollingTrigger`."""

    postboost_conn_id: str
    timeout: float
    started_at: str | None


class PollingArguments(StartArguments, total=False):
    """The arguments of every trigger."""

    poll_interval: float


class PollingTrigger(BaseTrigger):
    """Poll until a condition is satisfied or the wait times out. All state is in the arguments. It only reads.

    :param postboost_conn_id: the PostBoost connection. It is read at each poll, so that a rotated token is picked up.
    :param timeout: seconds to wait after ``started_at``.
    :param poll_interval: seconds between two polls.
    :param started_at: when the wait began, in ISO 8601; default: when the trigger first runs.
    """

    # The result's key in the event.
    result_key = "result"
    # The names of the arguments that the subclass adds.
    own_arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        timeout: float = 3600,
        poll_interval: float = 300,
        started_at: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow left it so
        self.postboost_conn_id = postboost_conn_id
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.started_at = started_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = (*self.own_arguments, "postboost_conn_id", "timeout", "poll_interval", "started_at")
        values = {name: getattr(self, name) for name in names}
        arguments = {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: see :func:`read_event`."""
        from postboost_provider.polling.poller import Event
        from postboost_provider.polling.schedule import Wait

        started = datetime.fromisoformat(self.started_at) if self.started_at else datetime.now(UTC)
        times = Wait(started, timedelta(seconds=self.timeout), timedelta(seconds=self.poll_interval))
        try:
            event = await self._wait(times)
        except PostBoostError as error:
            event = Event("error", error=error)
        yield TriggerEvent(self._payload(event))

    @abstractmethod
    async def _poll(self) -> Finding:
        """Poll once."""

    def _make_poller(self, times: Wait) -> Poller:
        from postboost_provider.polling.poller import Poller

        return Poller(times)

    async def _wait(self, times: Wait) -> Event:
        from postboost_provider.polling.poller import wait_async

        return await wait_async(self._make_poller(times), self._poll)

    async def _ask(self, condition: Condition) -> Finding:
        """Poll a condition once."""
        from postboost_provider.polling.conditions import ask_async

        hook = PostBoostHook(self.postboost_conn_id)
        async with await connect(hook, await settings_of(hook)) as api:
            finding = await ask_async(api, condition, datetime.now(UTC))
        if not finding.is_settled:
            self.log.info("%s", finding.pending)
        return finding

    def _payload(self, event: Event) -> dict[str, Any]:
        if event.error:
            return {"status": "error", **describe_error(event.error)}
        if event.status == "timeout":
            return {"status": "timeout", "message": event.message}
        return {"status": event.status, self.result_key: event.result}


async def connect(
    hook: PostBoostHook, settings: ClientSettings, attempts: int | None = None
) -> AsyncPostBoostClient:
    """Return a client for polls. It is made in a thread: the first one of a process loads aiohttp and certificates, which takes long.

    :param attempts: of each call; default: the client's own.
    """
    from postboost_provider.polling.schedule import POLL_SECONDS

    options: ClientOptions = {"deadline_seconds": POLL_SECONDS}
    if attempts is not None:
        options["attempts"] = attempts
    return await asyncio.to_thread(hook.async_client, settings, **options)


async def settings_of(hook: PostBoostHook) -> ClientSettings:
    """Read a connection that existed a moment ago.

    :raises UnreachableError: it can't be read: to Airflow 3.3.2, its own API being down is a missing connection.
    """
    try:
        return await hook.asettings()
    except PostBoostConfigError as error:
        raise UnreachableError(str(error), code="lost") from error


def read_event(payload: Any, result_key: str = PollingTrigger.result_key) -> Event:
    """Read the event of a trigger of this version or an older one, with the result under this key.

    :raises PostBoostError: no trigger of this package sends such an event.
    """
    from postboost_provider.polling.poller import Event

    known = payload if isinstance(payload, dict) else {}
    status, message = known.get("status"), str(known.get("message"))
    if status == "settled" and result_key in known:
        return Event("settled", known[result_key])
    if status == "timeout":
        return Event("timeout", message=message)
    if status == "error":
        return Event("error", error=restore_error(known))
    raise unknown_event(payload)


# What an error has beside its message. Not the response: it may be large, and Airflow stores events.
ERROR_DETAILS = ("code", "field", "status", "replayed", "retry_after", "outcomes")


def describe_error(error: PostBoostError) -> dict[str, Any]:
    """Return an error as JSON for an event. Version 0.1.0 reads ``message`` and ``can_retry``."""
    details = {name: value for name in ERROR_DETAILS if (value := getattr(error, name, None)) is not None}
    known = {"message": str(error), "can_retry": is_retryable(error)}
    return {**known, "type": type(error).__name__, "details": details}


def restore_error(known: Mapping[str, Any]) -> PostBoostError:
    """Return the error of an event: the same type, code and field as in a worker.

    An event of version 0.1.0, or of a type that this version does not know, tells only whether a retry can help.
    """
    message, can_retry, details = (
        str(known.get("message")),
        bool(known.get("can_retry")),
        known.get("details"),
    )
    kind = getattr(errors, str(known.get("type")), None)
    if isinstance(kind, type) and issubclass(kind, PostBoostError) and isinstance(details, dict):
        with suppress(TypeError):
            error: PostBoostError = kind(
                message, **{name: details[name] for name in ERROR_DETAILS if name in details}
            )
            error.retryable = can_retry
            return error
    return (UnreachableError if can_retry else PostBoostError)(message)


def unknown_event(payload: Any) -> PostBoostError:
    return PostBoostError(
        f"The triggerer sent {str(payload)[:200]!r}, which this version does not know. Run the same version of "
        "airflow-provider-postboost on workers and triggerers.",
        code="unknown_event",
    )
