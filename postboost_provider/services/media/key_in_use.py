"""An idempotency key of an upload that PostBoost refuses because an earlier request with it has not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from postboost_provider.api.errors import ConflictError, UnconfirmedError, ValidationError
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from postboost_provider.api.errors import PostBoostRequestError
    from postboost_provider.api.responses import Response

T = TypeVar("T")

# Longer than a request may take. The request is sent about five times meanwhile.
WAIT_SECONDS = 45.0
PAUSE_SECONDS = 10.0


def may_be_about_key(error: Exception, fields: Collection[str]) -> TypeGuard[ConflictError | ValidationError]:
    """Return whether PostBoost may have refused the key, which it does without naming a field of the body.

    How it says so is not documented: a stored refusal, and one that names a field, is about the body.
    """
    if not isinstance(error, (ConflictError, ValidationError)) or error.is_stored_refusal:
        return False
    errors = error.body.get("errors")
    names = errors if isinstance(errors, dict) else ()
    return not any(str(name).partition(".")[0] in fields for name in names)


def send_while_in_use(
    send: Callable[[], Response],
    fields: Collection[str],
    look: Callable[[PostBoostRequestError], Finding] = lambda _: Finding(False),
) -> Any:
    """Send the same request until the earlier one has ended. Return the response, or None if it has not ended in time.

    :param look: is given each refusal of the key, and may find what became of the earlier request: that is returned.
    :raises PostBoostRequestError: PostBoost refused the body.
    """

    def ask() -> Finding:
        try:
            return Finding(True, send())
        except (ConflictError, ValidationError) as again:
            if not may_be_about_key(again, fields):
                raise
            return look(again)

    return wait_briefly(ask, WAIT_SECONDS, None, first=PAUSE_SECONDS, longest=PAUSE_SECONDS)


def send_until_free(
    send: Callable[[], Response],
    read: Callable[[Response], T],
    error: ConflictError | ValidationError,
    fields: Collection[str],
) -> T:
    """Send as :func:`send_while_in_use` does, and read the response, which is then the stored one.

    :param error: the refusal of the key.
    :raises UnconfirmedError: the earlier request has not ended in time; a retry of the task sends the same one again.
    :raises PostBoostRequestError: PostBoost refused the body.
    """
    response = send_while_in_use(send, fields)
    if response is None:
        message = f"{error} Another attempt may still be uploading this. Retry the task: it checks first."
        raise UnconfirmedError(message, code="key_in_use", cause=str(error)) from error
    return read(response)
