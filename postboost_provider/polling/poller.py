"""Wait for posts from a worker: what the sensor and the operator do between two naps. No Airflow in here."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from postboost_provider.api.errors import NotFoundError, PostBoostError, is_retryable
from postboost_provider.polling.outcome import PostOutcome, describe_status, missing, read_awaited
from postboost_provider.polling.schedule import FAILURES_IN_A_ROW, Wait, describe_lateness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)


class Looks:
    """The looks of one wait.

    :param connect: gives a client, anew for each look, so that a token that was rotated is picked up.
    :param keeps_state: this object lives from one look to the next. A rescheduled task's does not: it makes the looks
        that may fail in a row at once.
    """

    def __init__(
        self,
        connect: Callable[[], PostBoostClient],
        uuids: Sequence[str],
        wait: Wait,
        *,
        keeps_state: bool = True,
    ) -> None:
        self._connect = connect
        self._seen: dict[str, PostOutcome | None] = dict.fromkeys(uuids)
        self._failures = 0
        self._keeps_state = keeps_state
        self.wait = wait

    @property
    def outcomes(self) -> list[PostOutcome]:
        return [outcome for outcome in self._seen.values() if outcome is not None]

    @property
    def unsettled(self) -> list[PostOutcome]:
        return [outcome for outcome in self.outcomes if not outcome.is_settled]

    def look(self) -> bool:
        """Look at what is not settled yet, and return whether everything is.

        :raises PublishError: a post is gone.
        :raises PostBoostError: five looks in a row failed, or one did that no retry can mend.
        """
        while True:
            try:
                self._look()
            except PostBoostError as error:
                self._failures += 1
                if not is_retryable(error) or self._failures >= FAILURES_IN_A_ROW:
                    raise
                log.warning("This look failed (%d in a row), the next may not: %s", self._failures, error)
                if self._keeps_state:
                    return False
            else:
                self._failures = 0
                return not self.unsettled

    def lateness(self, now: datetime) -> str | None:
        """Return what to say when the wait is over, or None while it is not. A look that failed ends no wait."""
        if self._failures or not self.wait.is_over(self.unsettled, now):
            return None
        return describe_lateness(self.wait, self._seen)

    def pause(self, now: datetime, spread: float | None = None) -> timedelta:
        """Return how long to sleep before the next look."""
        return self.wait.pause(self.unsettled, now, random.random() if spread is None else spread)

    def _look(self) -> None:
        with self._connect() as api:
            for uuid, seen in self._seen.items():
                if seen is not None and seen.is_settled:
                    continue
                try:
                    outcome = read_awaited(api.call("get_post", parameters={"post_uuid": uuid}))
                except NotFoundError as error:
                    raise missing(uuid, error) from error
                self._seen[uuid] = outcome
                if not outcome.is_settled:
                    log.info("Post %s %s", uuid, describe_status(outcome))
        settled = len(self.outcomes) - len(self.unsettled)
        log.info("%d of %d posts are through.", settled, len(self._seen))
