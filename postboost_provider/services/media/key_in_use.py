"""Send an upload once for its idempotency key: the one frame of all three ways to upload.

PostBoost refuses a key whose first request has not ended. Then the same request is sent again until it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Unpack

from postboost_provider.api.errors import PostBoostRequestError, UnconfirmedError
from postboost_provider.api.operations import get_operation
from postboost_provider.idempotency.key import (
    numbered,
    read_refusal,
    send_past_stored_responses,
    step_past_stored_refusal,
)
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly

if TYPE_CHECKING:
    from collections.abc import Callable

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.requests import KeyedArguments
    from postboost_provider.api.responses import Response

T = TypeVar("T")
# Finds what became of the request that holds the key. It is given each refusal.
Look: TypeAlias = "Callable[[PostBoostRequestError], Finding]"
Wait: TypeAlias = "Callable[[Look], Any]"

# Longer than a request may take. The request is sent about five times meanwhile.
WAIT_SECONDS = 45.0
PAUSE_SECONDS = 10.0


def send_upload(
    api: PostBoostClient,
    operation: str,
    key: str,
    *,
    read: Callable[[Response], T],
    on_refused_key: Callable[[PostBoostRequestError, Wait], T] | None = None,
    **call: Unpack[KeyedArguments],
) -> T:
    """Send an upload under the first key revision whose stored response is of use, and return what it made.

    :param on_refused_key: is given a refusal that may be about the key, and what waits until the key is free: that returns
        the response or what its ``look`` has found, or None in time. Default: wait, and read the response.
    :raises UnconfirmedError: the key is still in use; ``code`` is ``key_in_use``.
    :raises PostBoostRequestError: PostBoost refused it.
    """
    fields, keys = get_operation(operation).fields, numbered(key)

    def on_error(error: PostBoostRequestError | UnconfirmedError, revision: int) -> T:
        def ask(look: Look) -> Finding:
            try:
                return Finding(True, api.send(operation, idempotency_key=keys(revision), **call))
            except PostBoostRequestError as again:
                if not is_about_key(again):
                    raise
                return look(again)

        def wait(look: Look) -> Any:
            return wait_briefly(
                lambda: ask(look), WAIT_SECONDS, None, first=PAUSE_SECONDS, longest=PAUSE_SECONDS
            )

        if isinstance(error, UnconfirmedError) or not is_about_key(error):
            step_past_stored_refusal(error, revision)
        if on_refused_key is not None:
            return on_refused_key(error, wait)
        if (response := wait(lambda _: Finding(False))) is not None:
            return read(response)
        message = f"{error} Another attempt may still be uploading this. Retry the task: it checks first."
        raise UnconfirmedError(message, code="key_in_use", cause=str(error)) from error

    def is_about_key(error: PostBoostRequestError) -> bool:
        return not error.is_stored_refusal and read_refusal(error, fields) in ("key", "unclear")

    return send_past_stored_responses(api, operation, keys, read=read, on_error=on_error, **call)
