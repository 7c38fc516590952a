"""How far back PostBoost can tell what earlier attempts of a task did."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.settings import assumes
from postboost_provider.idempotency.activity_log import KEPT_FOR

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

# PostBoost keeps a key for 24 hours (SDK 1.66.3). Its clock is not ours, and a request takes its time.
KEY_IS_SURE_FOR = timedelta(hours=23, minutes=30)
# It may drop entries by the day.
LOG_IS_SURE_FOR = KEPT_FOR - timedelta(days=1)


def key_memory(api: PostBoostClient) -> timedelta:
    """Return for how long an idempotency key tells what it did: not at all where ``postboost check --prove`` found that."""
    return timedelta(0) if assumes(api.settings, "replay") is False else KEY_IS_SURE_FOR


def check_memory(
    since: datetime | None, now: datetime, *, can_read_log: bool, keys: timedelta = KEY_IS_SURE_FOR
) -> None:
    """Refuse to create what an earlier attempt may have created before PostBoost's memory begins.

    The caller has found nothing in the activity log, if it can read it.

    :param since: no earlier attempt began before this, or None if there was none.
    :param keys: for how long PostBoost keeps idempotency keys: :func:`key_memory`.
    :raises PostBoostConfigError: an earlier attempt may be forgotten; ``code`` is ``beyond_memory``.
    """
    sure = LOG_IS_SURE_FOR if can_read_log else keys
    if since is None or now - since < sure:
        return
    reason = (
        f"PostBoost's activity log keeps {KEPT_FOR.days} days"
        if can_read_log
        else "the token may not read PostBoost's activity log (ability 'read'), and an idempotency key is kept for 24 hours at most"
    )
    raise PostBoostConfigError(
        f"An earlier attempt of this task may have published the post already, and there is no way to tell: {reason}. Look for the "
        "post in PostBoost. If it does not exist, set on_unknown='publish'.",
        code="beyond_memory",
        field="on_unknown",
    )
