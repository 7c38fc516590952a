"""Rows that must not be forgotten: nothing but the activity log tells that they were sent, and it forgets.

A row whose time is long past is not sent again. One without a time, or with one to come, would be sent again as soon as the
log has dropped its entry. So a harmless request tells the log again, long before.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PostBoostError, UnconfirmedError
from postboost_provider.api.times import read_utc
from postboost_provider.calendar.due import MAX_SCHEDULING_HORIZON
from postboost_provider.idempotency.activity_log import KEPT_FOR
from postboost_provider.idempotency.label import Kept
from postboost_provider.idempotency.log_check import send_probe

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.publishing.post_history import History, KnownPost

log = logging.getLogger(__name__)

RENEW_AFTER = timedelta(days=30)


def renew(api: PostBoostClient, actor: Actor, known: KnownPost, history: History, now: datetime) -> None:
    """Tell the activity log again which post a row has, if its entry is old.

    :raises UnconfirmedError: the entry ends soon, and the log does not show a newer one; ``code`` is ``beyond_memory``.
    """
    told = read_utc(history.told_at)
    if told is None or now - told < RENEW_AFTER:
        return
    try:
        if not (known.post_uuid and known.intent and known.mode):
            raise ValueError("it does not have all of the post's uuid, words and mode")
        send_probe(api, actor.label(Kept(known.post_uuid, known.intent, known.mode)))
    except (PostBoostError, ValueError) as error:
        log.warning("The activity log's entry of %s can't be renewed: %s", actor.identity[-1], error)
    if now - told > MAX_SCHEDULING_HORIZON:
        raise UnconfirmedError(
            f"PostBoost's activity log was told of the row's post on {told:%Y-%m-%d} for the last time, and forgets it after "
            f"{KEPT_FOR.days} days: then the row would be published again. A newer entry was requested; retry the task to see "
            "whether the log has it. If not, take the row out of the calendar.",
            code="beyond_memory",
        )
