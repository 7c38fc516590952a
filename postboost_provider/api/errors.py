"""What can go wrong between a task and PostBoost, as types.

::

    PostBoostError
    ├── PostBoostConfigError          the connection or an argument is wrong; nothing was sent
    ├── UnreachableError              no answer to something that changes nothing
    ├── UnconfirmedError              a write was sent and no answer came: it may have happened
    ├── NotFinishedError              what PostBoost does in the background did not end well, or in time
    ├── PublishError                  the post was accepted, but one or more accounts failed
    └── PostBoostRequestError         the API answered with an error
        ├── AuthenticationError       401
        ├── PermissionDeniedError     403
        ├── NotFoundError             404
        ├── DuplicatePostError        409 with code duplicate_post
        ├── ConflictError             any other 409
        ├── ValidationError           422
        ├── QuotaExceededError        429 with a code
        ├── RateLimitedError          429 without one
        └── ServerError               5xx

Statuses and codes are those of PostBoost's errors page and of its SDK 1.66.3; one status has several meanings
there, so a type is chosen by ``code`` where there is one.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AuthenticationError",
    "ConflictError",
    "DuplicatePostError",
    "NotFinishedError",
    "NotFoundError",
    "PermissionDeniedError",
    "PostBoostConfigError",
    "PostBoostError",
    "PostBoostRequestError",
    "PublishError",
    "QuotaExceededError",
    "RateLimitedError",
    "ServerError",
    "UnconfirmedError",
    "UnexpectedResponseError",
    "UnreachableError",
    "ValidationError",
]


class PostBoostError(Exception):
    """Anything that this package raises about PostBoost. Each subclass says whether a retry can help.

    Code decides by the type, ``code`` and ``field`` of an error, never by its message.

    :param message: what is wrong, what was seen, and what to do.
    :param code: what is wrong as a short word that does not change, such as ``unknown_account``; PostBoost's own where
        the error is PostBoost's.
    :param field: the argument, column or extra that is wrong, as its author knows it.
    """

    def __init__(self, message: str = "", *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        # False where a retry could do the same thing twice.
        self.retryable = True


class PostBoostConfigError(PostBoostError):
    """The connection or an argument is wrong; nothing was sent. A retry fails the same way."""


class UnreachableError(PostBoostError):
    """PostBoost sent no response, and nothing was changed there. A retry can help."""


class UnconfirmedError(PostBoostError):
    """A write was sent and no response came: it may have happened. A retry of the task checks before it writes."""


class UnexpectedResponseError(PostBoostError):
    """PostBoost's response lacks what its documents promise, such as an id. A retry can help."""


class NotFinishedError(PostBoostError):
    """What PostBoost does in the background is not finished in time, or failed there. A retry can help."""


class PublishError(PostBoostError):
    """The post was accepted, but one or more accounts failed. A retry of the task changes nothing by itself.

    ``outcomes`` holds what became of each post, in the shape that the operators return.
    """

    def __init__(self, message: str, outcomes: list[dict[str, Any]] | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.outcomes = outcomes or []


class PostBoostRequestError(PostBoostError):
    """The API answered with an error. Whether a retry helps depends on the subclass; of itself it does not.

    :param message: what was wrong, what was seen and what to do.
    :param status: the HTTP status.
    :param code: PostBoost's own code for the refusal, where it gave one.
    :param body: the decoded JSON body, or an empty mapping.
    :param replayed: the answer is a stored one of an earlier request with the same idempotency key.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        body: dict[str, Any] | None = None,
        replayed: bool = False,
        field: str | None = None,
    ) -> None:
        super().__init__(message, code=code, field=field)
        self.status = status
        self.body = body or {}
        self.replayed = replayed

    @property
    def is_stored_refusal(self) -> bool:
        """Nothing was done, and PostBoost repeats this answer to the same idempotency key for 24 hours."""
        return self.replayed and 400 <= self.status < 500


class AuthenticationError(PostBoostRequestError):
    """The token is missing, mistyped, expired or revoked (401). No retry helps until it is replaced.

    ``seen`` is the message without its explanation.
    """

    def __init__(self, message: str, *, seen: str = "", **rest: Any) -> None:
        super().__init__(message, **rest)
        self.seen = seen

    def explained(self, why: str) -> AuthenticationError:
        """Return the error with another explanation: who sent the request may know more than the answer tells."""
        rest = {"status": self.status, "code": self.code, "body": self.body, "replayed": self.replayed}
        return AuthenticationError(f"{self.seen} {why}".strip(), seen=self.seen, **rest)


class PermissionDeniedError(PostBoostRequestError):
    """The token is alive but may not do this: role, scope, plan or panel (403). No retry helps."""


class NotFoundError(PostBoostRequestError):
    """There is no such thing, or the feature is switched off (404). No retry helps."""


class DuplicatePostError(PostBoostRequestError):
    """The same content went to the same account within 24 hours (409). No retry helps.

    ``existing_post_uuid`` names the earlier post.
    """

    @property
    def existing_post_uuid(self) -> str | None:
        value = self.body.get("existing_post_uuid")
        return str(value) if value else None


class ConflictError(PostBoostRequestError):
    """Something is in the way (409): mostly the same request, still running. A retry can help."""


class ValidationError(PostBoostRequestError):
    """The API refused the values (422). No retry helps. ``errors`` maps a field to its messages.

    ``is_mapped``: the message has the words of who wrote what was refused, in place of the API's fields.
    """

    is_mapped = False

    @property
    def errors(self) -> dict[str, list[str]]:
        found = self.body.get("errors")
        if not isinstance(found, dict):
            return {}
        return {
            str(field): [str(m) for m in messages] if isinstance(messages, list) else [str(messages)]
            for field, messages in found.items()
        }


class QuotaExceededError(PostBoostRequestError):
    """A cap or an allowance is used up (429 with a code). A retry helps only after it resets.

    ``limit``, ``used`` and ``account_id`` are given where PostBoost gave them.
    """

    @property
    def limit(self) -> int | None:
        return self.body.get("limit")

    @property
    def used(self) -> int | None:
        return self.body.get("used")

    @property
    def account_id(self) -> int | None:
        return self.body.get("account_id")


class RateLimitedError(PostBoostRequestError):
    """Too many requests in a short time (429 without a code). A retry helps after ``retry_after`` seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


class ServerError(PostBoostRequestError):
    """PostBoost failed (5xx). A retry can help. ``retry_after`` is given where PostBoost gave it, in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after


RETRYABLE = (
    ConflictError,
    NotFinishedError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnexpectedResponseError,
    UnreachableError,
)


def is_retryable(error: BaseException) -> bool:
    """Return whether a retry can help: the network, the server or the time of day is to blame."""
    return isinstance(error, RETRYABLE) and error.retryable
