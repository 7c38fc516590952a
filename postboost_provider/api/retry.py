"""Whether and when a request is sent again: the same rules for a blocking loop and for an awaiting one."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any, Self

from tenacity import RetryCallState, stop_after_attempt, stop_any, stop_before_delay

from postboost_provider.api.errors import (
    LOST_RESPONSE,
    ConflictError,
    ServerError,
    UnconfirmedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from postboost_provider.api.requests import Request

log = logging.getLogger(__name__)

MAX_PAUSE_SECONDS = 30.0
# A key that stays in use is the caller's matter.
MAX_CONFLICTS = 4


def may_retry(request: Request, error: BaseException) -> bool:
    """Return whether sending the request again is safe and can help.

    A used up quota is final; a rate limit is not. Whether what throttles has done the request before, nothing tells: it may
    be a gateway. A plain 409 to a request with an idempotency key means that the same request is still running (SDK 1.66.3,
    idempotency).
    """
    if isinstance(error, UnreachableError):
        return True
    if isinstance(error, ServerError) and error.body.get("run_id"):
        # An AI run was created and failed. Its key is free again, so another request would be another run to pay for.
        return False
    if isinstance(error, LOST_RESPONSE):
        return request.is_safe_to_retry and getattr(error, "status", 0) != 501
    if isinstance(error, ConflictError):
        # An upload looks into the media library first, before it sends the file again.
        return "Idempotency-Key" in request.headers and not error.replayed and request.files is None
    return False


def pause_before_retry(error: BaseException | None, attempt: int, spread: float, longest: float) -> float:
    """Return the seconds to wait: the server's ``Retry-After``, else exponential backoff with full jitter.

    :param attempt: the number of attempts so far, from 1.
    :param spread: a random number of [0, 1).
    """
    hint = getattr(error, "retry_after", None)
    if hint is not None:
        # A little later than asked, and spread: many tasks are given the same second.
        return float(hint) + spread
    return min(longest, 0.5 * 2.0**attempt) * spread


def error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def pause(state: RetryCallState) -> float:
    """Return the seconds to wait: tenacity's ``wait``."""
    return pause_before_retry(error_of(state), state.attempt_number, random.random(), MAX_PAUSE_SECONDS)


def rules(request: Request, deadline_seconds: float, attempts: int) -> dict[str, Any]:
    """Return tenacity's arguments for one call, for its blocking and its awaiting loop."""

    def is_retried(state: RetryCallState) -> bool:
        error = error_of(state)
        is_stuck = isinstance(error, ConflictError) and state.attempt_number >= MAX_CONFLICTS
        return error is not None and not is_stuck and may_retry(request, error)

    logged = ""

    def log_retry(state: RetryCallState) -> None:
        nonlocal logged
        error, number, seconds = str(error_of(state)), state.attempt_number, state.upcoming_sleep
        # An outage lasts for several attempts: its message and its advice are logged once.
        if error == logged:
            log.warning("Attempt %d failed in the same way; retrying in %.1f s.", number, seconds)
        else:
            log.warning("Attempt %d failed; retrying in %.1f s: %s", number, seconds, error)
        logged = error

    return {
        "retry": is_retried,
        "wait": pause,
        "stop": stop_any(stop_after_attempt(attempts), stop_before_delay(max(0.0, deadline_seconds))),
        "before_sleep": log_retry,
        "reraise": True,
    }


class LostResponse:
    """Raise the error of a lost response again if a later attempt could not be sent: not "nothing was sent"."""

    def __init__(self) -> None:
        self._lost: UnconfirmedError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnconfirmedError):
            self._lost = error
        elif isinstance(error, UnreachableError) and self._lost is not None:
            raise self._lost from error
