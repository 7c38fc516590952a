"""Wait in the triggerer until PostBoost says whether it accepts tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Unpack

from postboost_provider.api.errors import PostBoostError, is_retryable
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.triggers.base import PollingTrigger, connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.polling.conditions import Finding
    from postboost_provider.polling.poller import Poller
    from postboost_provider.polling.schedule import Wait
    from postboost_provider.triggers.base import PollingArguments


class PostBoostTokenTrigger(PollingTrigger):
    """Wait until PostBoost responds to the token of each connection. The sensor judges the responses.

    The sensor polled just before, so the first poll is after ``poll_interval``.

    :param postboost_conn_ids: the connections.
    :param postboost_conn_id: not used.
    """

    own_arguments = ("postboost_conn_ids",)

    def __init__(self, *, postboost_conn_ids: Sequence[str], **wait: Unpack[PollingArguments]) -> None:
        super().__init__(**wait)
        self.postboost_conn_ids = postboost_conn_ids

    def _make_poller(self, times: Wait) -> Poller:
        from postboost_provider.polling.poller import Poller

        now = datetime.now(UTC)
        return Poller(times, first_poll_at=now + times.pause((), now, 0.0))

    async def _poll(self) -> Finding:
        from postboost_provider.api.credentials import probe_of
        from postboost_provider.polling.conditions import Finding

        for hook in map(PostBoostHook, self.postboost_conn_ids):
            try:
                settings = await hook.asettings()
                async with await connect(hook, settings, attempts=1) as api:
                    await api.call(probe_of(settings))
            except PostBoostError as error:
                if is_retryable(error):
                    raise
        # The sensor needs it if it has to wait again.
        return Finding(is_settled=True, result={"started_at": self.started_at})
