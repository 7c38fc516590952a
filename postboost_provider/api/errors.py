"""What can go wrong between a task and PostBoost, as types.

::

    PostBoostError
    ├── PostBoostConfigError          the connection or an argument is wrong; nothing was sent
    ├── UnreachableError              no answer to something that changes nothing
    ├── UnconfirmedError              a write was sent and no answer came: it may have happened
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
    "UnreachableError",
    "ValidationError",
]


class PostBoostError(Exception):
    """Anything this package raises about PostBoost. Whether a retry helps is said by each subclass.

    ``repeatable`` is False on one error where nothing would keep the retry from doing it twice.
    """

    repeatable = True


class PostBoostConfigError(PostBoostError):
    """The connection or an argument is wrong; nothing was sent. A retry fails the same way."""


class UnreachableError(PostBoostError):
    """PostBoost gave no answer, and nothing was changed there. A retry can help."""


class UnconfirmedError(PostBoostError):
    """A write was sent and no answer came: it may have happened. A retry of the task looks before it acts."""


class PublishError(PostBoostError):
    """The post was accepted, but one or more accounts failed. A retry of the task changes nothing by itself.

    ``outcomes`` holds what became of each post, in the shape that the operators return.
    """

    def __init__(self, message: str, outcomes: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
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
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
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

    ``is_reworded``: the message has the words of who wrote what was refused, in place of the API's fields.
    """

    is_reworded = False

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


RETRY_CAN_HELP = (ConflictError, RateLimitedError, ServerError, UnconfirmedError, UnreachableError)


def can_help(error: BaseException) -> bool:
    """Say whether a retry can mend the error: the network, the server or the time of day was to blame."""
    return isinstance(error, RETRY_CAN_HELP) and error.repeatable
