"""Make a thing once under an idempotency key, past the answers that PostBoost keeps for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import NotFoundError, PostBoostRequestError, ServerError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from postboost_provider.api.client import PostBoostClient

# Each try can leave one stored answer behind; nobody retries this often in a day.
MAX_GENERATIONS = 50


def make_once(
    api: PostBoostClient, operation: str, key: str, look: Callable[[Any], Any], **call: Any
) -> dict[str, Any]:
    """Send an operation that makes something, and return what it made.

    PostBoost keeps the answer to a key for 24 hours (SDK 1.66.3): a refusal, whose cause may be mended since, and a
    thing, which may be deleted since. In both cases the key's next generation asks anew.

    :param look: reads a thing that a stored answer gave, and raises :class:`NotFoundError` where it is gone.
    :raises ServerError: the answer is not a thing with an id.
    """
    for generation in range(MAX_GENERATIONS):
        try:
            reply = api.send(operation, idempotency_key=f"{key}-{generation}" if generation else key, **call)
            if not isinstance(reply.payload, dict) or not str(reply.payload.get("id") or "").isdecimal():
                raise ServerError(f"{operation}: PostBoost's answer has no id.", status=reply.status)
            if reply.replayed:
                look(reply.payload)
        except NotFoundError:
            continue
        except PostBoostRequestError as error:
            if not error.is_stored_refusal:
                raise
            last = error
            continue
        return reply.payload
    raise last


def is_key_reuse(error: Exception) -> bool:
    """Whether the key was used with another body: a 422 that complains of no field (its body is not documented)."""
    if not isinstance(error, ValidationError) or error.errors:
        return False
    return error.code is None or "idempotency" in error.code
