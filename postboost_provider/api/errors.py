"""What can go wrong between a task and PostBoost, as types.

::

    PostBoostError
    ├── PostBoostConfigError          the connection or an argument is wrong; nothing was sent
    │   └── ModeError                 the connection's safety mode does not let it be sent
    ├── UnreachableError              no response to a request that changed nothing
    ├── UnconfirmedError              a write was sent and got no response: it may have happened
    ├── NotFinishedError              PostBoost's work in the background failed, or did not finish in time
    ├── OvertakenError                another attempt wrote different content to the post at the same time
    ├── UnexpectedResponseError       the response can't be read, or lacks what PostBoost's documents promise
    ├── PublishError                  the post was accepted, but one or more accounts failed
    └── PostBoostRequestError         the API responded with an error
        ├── AuthenticationError       401
        ├── PermissionDeniedError     403
        ├── NotFoundError             404
        ├── DuplicatePostError        409 with code duplicate_post
        ├── ConflictError             any other 409
        ├── GatewayError              403, 404, 408 or 422 of something in front of PostBoost
        ├── ValidationError           422
        ├── QuotaExceededError        429 with the code of a cap, or with a code and no Retry-After
        ├── RateLimitedError          any other 429
        └── ServerError               5xx

Statuses and codes are those of PostBoost's errors page and of its SDK 1.66.3. One status has several meanings there,
so ``code`` chooses the type where PostBoost sends one.
"""

from __future__ import annotations

from typing import Any, Required, TypedDict, Unpack

from postboost_provider.api.clean_text import clean_lines, clean_text

__all__ = [
    "AuthenticationError",
    "ConflictError",
    "DuplicatePostError",
    "GatewayError",
    "ModeError",
    "NotFinishedError",
    "NotFoundError",
    "OvertakenError",
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


class ErrorDetails(TypedDict, total=False):
    """What any error may carry besides its message."""

    code: str | None
    field: str | None


class RequestDetails(ErrorDetails, total=False):
    """What the error of a response carries besides its message."""

    status: Required[int]
    body: dict[str, Any] | None
    replayed: bool
    request: str
    retry_after: float | None


class PostBoostError(Exception):
    """Anything that this package raises about PostBoost. Each subclass says whether retryable.

    Code decides by the type, ``code`` and ``field`` of an error, never by its message.

    :param message: what is wrong, what was seen, and what to do.
    :param code: what is wrong, as a stable code such as ``unknown_account``. It is PostBoost's own
        code if the error comes from PostBoost.
    :param field: the argument, column or extra that is wrong, as its author writes it.
    """

    def __init__(self, message: str = "", *, code: str | None = None, field: str | None = None) -> None:
        # It may quote anything: a response, a name, a cell.
        super().__init__(clean_lines(message))
        self.code = code
        self.field = field
        # False where a retry could do the same thing twice.
        self.retryable = True


class PostBoostConfigError(PostBoostError):
    """The connection or an argument is wrong; nothing was sent. A retry fails the same way."""


class ModeError(PostBoostConfigError):
    """The safety mode does not let it be sent; nothing was sent. Operators and sensors skip their task for it.

    ``code`` is ``mode``, and ``field`` the connection's.
    """

    def __init__(self, message: str = "", *, code: str | None = "mode", field: str | None = "mode") -> None:
        super().__init__(message, code=code, field=field)


class UnreachableError(PostBoostError):
    """PostBoost sent no response, and nothing was changed there. Retryable."""


class UnconfirmedError(PostBoostError):
    """A write was sent and got no response: it may have happened. A retry of the task checks before it writes.

    :param cause: what was seen in place of a response, without advice.
    """

    def __init__(self, message: str = "", *, cause: str = "", **known: Unpack[ErrorDetails]) -> None:
        super().__init__(message, **known)
        self.cause = cause or message


class UnexpectedResponseError(PostBoostError):
    """PostBoost's response can't be read, or lacks what its documents promise. Retryable."""


class NotFinishedError(PostBoostError):
    """Work that PostBoost does in the background failed, or did not finish in time. Retryable."""


class OvertakenError(PostBoostError):
    """Another attempt of the task wrote different content to its post at the same time. Retryable: a retry compares both.

    ``code`` is ``overtaken``.
    """

    def __init__(
        self, message: str = "", *, code: str | None = "overtaken", field: str | None = None
    ) -> None:
        super().__init__(message, code=code, field=field)


class PublishError(PostBoostError):
    """The post was accepted, but one or more accounts failed. A retry of the task changes nothing by itself.

    ``outcomes`` has the outcome of each post, in the shape that the operators return.
    """

    def __init__(
        self, message: str, outcomes: list[dict[str, Any]] | None = None, **known: Unpack[ErrorDetails]
    ) -> None:
        super().__init__(message, **known)
        self.outcomes = outcomes or []


class PostBoostRequestError(PostBoostError):
    """The API responded with an error. A retry helps only where a subclass says so.

    :param message: what is wrong, what was seen, and what to do.
    :param status: the HTTP status.
    :param code: PostBoost's own code for the error, if the response had one.
    :param body: the decoded JSON body, or an empty mapping.
    :param replayed: PostBoost returned its stored response to an earlier request with the same idempotency key.
    :param request: the request in short, such as ``create_post in <workspace>``.
    :param retry_after: of a rate limit or a failure of PostBoost: the seconds to wait, if the response had them.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        body: dict[str, Any] | None = None,
        replayed: bool = False,
        request: str = "",
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, field=field)
        self.request = request
        self.status = status
        self.body = body or {}
        self.replayed = replayed
        self.retry_after = retry_after

    @property
    def details(self) -> RequestDetails:
        """Everything but the message, as arguments for the same error with another message."""
        return {
            "status": self.status,
            "code": self.code,
            "body": self.body,
            "replayed": self.replayed,
            "request": self.request,
            "field": self.field,
            "retry_after": self.retry_after,
        }

    @property
    def is_stored_refusal(self) -> bool:
        """Nothing was done. For 24 hours PostBoost repeats this response to the same idempotency key."""
        return self.replayed and 400 <= self.status < 500


class AuthenticationError(PostBoostRequestError):
    """The token is missing, mistyped, expired or revoked (401). Not retryable until the token is replaced.

    ``seen`` is the message without an explanation, and ``cause`` the message without advice.
    """

    def __init__(
        self, message: str, *, seen: str = "", cause: str = "", **details: Unpack[RequestDetails]
    ) -> None:
        super().__init__(message, **details)
        self.seen = seen or message
        self.cause = cause or message

    def explained(self, why: str, advice: str) -> AuthenticationError:
        """Return the error with another explanation: the client may know more than the response tells."""
        cause = f"{self.seen} {why}"
        return AuthenticationError(f"{cause} {advice}".rstrip(), seen=self.seen, cause=cause, **self.details)


class PermissionDeniedError(PostBoostRequestError):
    """PostBoost accepts the token, but its role, scope or plan does not allow this (403). Not retryable."""


class NotFoundError(PostBoostRequestError):
    """PostBoost itself did not find it, or the feature is switched off (404). Not retryable."""


class GatewayError(PostBoostRequestError):
    """A gateway or a firewall in front of PostBoost responded in its place (403, 404, 408 or 422). Retryable.

    It says nothing about PostBoost: neither that something was deleted, nor that the token lacks a right.
    """


class DuplicatePostError(PostBoostRequestError):
    """The same content was sent to the same account within 24 hours (409). Not retryable.

    ``existing_post_uuid`` names the earlier post.
    """

    @property
    def existing_post_uuid(self) -> str | None:
        value = self.body.get("existing_post_uuid")
        return str(value) if value else None


class ConflictError(PostBoostRequestError):
    """PostBoost reports a conflict (409), mostly with the same request, still running. Retryable."""


class ValidationError(PostBoostRequestError):
    """The API refused the values (422). Not retryable. ``errors`` maps a field to its messages.

    ``is_mapped``: the message names the author's arguments or columns in place of the API's fields.
    """

    is_mapped = False

    @property
    def errors(self) -> dict[str, list[str]]:
        found = self.body.get("errors")
        if not isinstance(found, dict):
            return {}
        return {
            clean_text(field): [
                clean_text(m) for m in (messages if isinstance(messages, list) else [messages])
            ]
            for field, messages in found.items()
        }


class QuotaExceededError(PostBoostRequestError):
    """A cap or allowance is used up (429 with the code of one, or with a code and no ``Retry-After``). It has to reset.

    ``limit``, ``used`` and ``account_id`` are set if the response had them.
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
    """Too many requests in a short time (any other 429). A retry helps after ``retry_after`` seconds.

    The client sends the request again only where that is safe: the 429 may be a gateway's, and the request done.
    """


class ServerError(PostBoostRequestError):
    """PostBoost failed (5xx). Retryable. ``retry_after`` is set, in seconds, if the response had it."""


RETRYABLE = (
    ConflictError,
    GatewayError,
    NotFinishedError,
    OvertakenError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnexpectedResponseError,
    UnreachableError,
)
# After these, it is not known whether PostBoost did what was requested.
LOST_RESPONSE = (GatewayError, RateLimitedError, ServerError, UnconfirmedError, UnexpectedResponseError)


def is_retryable(error: BaseException) -> bool:
    """Return whether the error is retryable: the network, the server or a temporary state caused it."""
    return isinstance(error, RETRYABLE) and error.retryable
