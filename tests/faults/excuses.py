"""With which code a task may fail although nothing was in its way. Any other failure is a false one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

# What PostBoost keeps. The package counts on a little less of each.
LOG_KEPT_FOR, KEY_KEPT_FOR = timedelta(days=89), timedelta(hours=23, minutes=30)
BEYOND_MEMORY = "PostBoostConfigError/beyond_memory"

# A log that can't be read: as the response said, where only an operation's log could tell.
_UNREADABLE = (
    "PostBoostConfigError/log_unreadable",
    "PostBoostConfigError/blind_log",
    "NotFinishedError/blind_log",
    "UnconfirmedError/blind_log",
    "PermissionDeniedError/",
    "NotFoundError/",
    "ValidationError/",
    "ServerError/",
    # The post is there, and only the duplicate check tells.
    "DuplicatePostError/duplicate_post",
    BEYOND_MEMORY,
)
BY_SWITCH: Mapping[str, tuple[str, ...]] = {
    "activity_log": _UNREADABLE,
    "activity_delay": _UNREADABLE,
    "activity_status": _UNREADABLE,
    "activity_readers": _UNREADABLE,
    "activity_post_uuid": ("UnconfirmedError/uuid_unknown",),
    "unknown_status": ("PostBoostError/unknown_status", "PublishError/unknown_status"),
    # Nobody approves in time, or an edit takes a post out of its approval.
    "approval_required_for": (
        "PublishError/approval_lost",
        "PostBoostConfigError/waits_for_approval",
        "ValidationError/",
        "AirflowFailException/",
        "AirflowSensorTimeout/",
    ),
    "plan_posts": ("QuotaExceededError/", "ValidationError/"),
    "requests_per_minute": ("RateLimitedError/",),
}


def is_excused(code: str, switches: Mapping[str, Any]) -> bool:
    """Whether a property of PostBoost that was drawn explains this failure."""
    allowed: Iterable[str] = (each for switch in switches for each in BY_SWITCH.get(switch, ()))
    return any(code == each or (each.endswith("/") and code.startswith(each)) for each in allowed)
