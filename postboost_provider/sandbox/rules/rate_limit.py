"""Rate limits: the setting ``requests_per_minute``, and operations with their own limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.faults import THROTTLE_CODE
from postboost_provider.sandbox.core.responses import ErrorResponse
from postboost_provider.sandbox.core.store import RateWindow, Store

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call, Caller

# Requests and seconds of operations with their own limit (SDK 1.66.3).
_OPERATION_LIMITS = {
    "create_connect_link": (10, 60),
    "create_report_export": (20, 60),
    "get_repurpose_run": (60, 60),
    "poll_rss_feed": (6, 60),
    "repurpose_content": (10, 60),
    "run_agent": (6, 3600),
}


def throttle(store: Store, caller: Caller) -> dict[str, str]:
    """Count the request against ``requests_per_minute``, and return the headers with the rest of the limit.

    :raises ErrorResponse: 429 in the format of Laravel's throttle.
    """
    limit = store.settings.requests_per_minute
    return _count(store, caller.token, limit, 60) if limit else {}


def throttle_operation(call: Call) -> None:
    """Count the call of an operation that has its own limit."""
    name = call.operation.operation
    if name in _OPERATION_LIMITS:
        _count(call.store, f"{name} {call.caller.token}", *_OPERATION_LIMITS[name])


def _count(store: Store, name: str, limit: int, seconds: int) -> dict[str, str]:
    now = store.clock.now().timestamp()
    window = store.rates.get(name)
    if window is None or now - window.started >= seconds:
        window = store.rates[name] = RateWindow(now, 0)
    headers = {"X-RateLimit-Limit": str(limit)}
    if window.used >= limit:
        wait = max(1, math.ceil(window.started + seconds - now))
        reset = {"Retry-After": str(wait), "X-RateLimit-Reset": str(math.ceil(window.started + seconds))}
        code = {"code": THROTTLE_CODE} if store.settings.throttle_code else {}
        raise ErrorResponse(
            429, "Too Many Attempts.", {**headers, "X-RateLimit-Remaining": "0", **reset}, **code
        )
    window.used += 1
    return {**headers, "X-RateLimit-Remaining": str(limit - window.used)}
