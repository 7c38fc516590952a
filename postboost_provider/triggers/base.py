"""What triggers share that ask until an answer settles it."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, UnreachableError, is_retryable
from postboost_provider.hooks.postboost import PostBoostHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.polling.conditions import Finding, Inquiry

# What a wait may take for one look, with repeats.
LOOK_SECONDS = 60.0
# So that many waits do not look in step.
JITTER_SECONDS = 2.0


class InquiryTrigger(BaseTrigger):
    """Ask until it is settled, or the time is over. All state is in the arguments, and it only reads.

    :param postboost_conn_id: read anew at each look, so that a rotated token is picked up.
    :param timeout: seconds to go on after ``started_at``.
    :param poll_interval: seconds between two looks.
    :param started_at: ISO 8601; default: when it first runs.
    """

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

    def asked(self) -> dict[str, Any]:
        """Return the arguments that say what is asked."""
        raise NotImplementedError

    def inquiry(self) -> Inquiry:
        raise NotImplementedError

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                **self.asked(),
                "postboost_conn_id": self.postboost_conn_id,
                "timeout": self.timeout,
                "poll_interval": self.poll_interval,
                "started_at": self.started_at,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: see :func:`read_event`."""
        now = datetime.now(UTC)
        started = datetime.fromisoformat(self.started_at) if self.started_at else now
        ends = started + timedelta(seconds=self.timeout)
        pending = ""
        while True:
            try:
                finding = await self._look()
                if finding.is_settled:
                    yield TriggerEvent({"status": "settled", "result": finding.result})
                    return
                pending = finding.pending
            except PostBoostError as error:
                # A look that fails is forgiven until the time is over.
                if not is_retryable(error):
                    yield TriggerEvent({"status": "error", "message": str(error), "can_retry": False})
                    return
                pending = str(error)
            self.log.info("%s", pending)
            left = (ends - datetime.now(UTC)).total_seconds()
            if left < 0:
                yield TriggerEvent({"status": "timeout", "message": pending})
                return
            await asyncio.sleep(min(self.poll_interval, left + 1) + random.random() * JITTER_SECONDS)

    async def _look(self) -> Finding:
        from postboost_provider.polling.conditions import ask_async

        hook = PostBoostHook(self.postboost_conn_id)
        settings = await settings_of(hook)
        # In a thread: the first client of a process loads aiohttp and certificates.
        client = await asyncio.to_thread(hook.async_client, settings, deadline_seconds=LOOK_SECONDS)
        async with client as api:
            return await ask_async(api, self.inquiry())


async def settings_of(hook: PostBoostHook) -> ClientSettings:
    """Read a connection that was there a moment ago.

    :raises UnreachableError: it can't be read. Airflow tells no difference between a connection that is not there and
        its own API being away (seen in 3.3.2).
    """
    try:
        return await hook.asettings()
    except PostBoostConfigError as error:
        raise UnreachableError(str(error)) from error


def read_event(event: Any) -> tuple[bool, Any]:
    """Return what an event of such a trigger says: ``(True, result)``, or ``(False, message)`` when time was over.

    :raises PostBoostError: the wait ended in an error, or the event is none of the trigger's.
    """
    if isinstance(event, dict):
        if event.get("status") == "settled" and "result" in event:
            return True, event["result"]
        if event.get("status") == "timeout":
            return False, str(event.get("message"))
        if event.get("status") == "error":
            kind = UnreachableError if event.get("can_retry") else PostBoostError
            raise kind(str(event.get("message")))
    raise PostBoostError(
        f"The triggerer sent {str(event)[:200]!r}, which no version of this provider sends. Run the same version of "
        "airflow-provider-postboost on workers and triggerers."
    )
