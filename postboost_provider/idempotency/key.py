"""Idempotency keys and their revisions.

PostBoost repeats the response to a key for 24 hours (SDK 1.66.3), even a refusal whose cause has been fixed, or a thing
that has been deleted. Then the next revision of the key is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, Unpack

from postboost_provider.api.errors import (
    AuthenticationError,
    DuplicatePostError,
    GatewayError,
    NotFoundError,
    PostBoostConfigError,
    PostBoostError,
    PostBoostRequestError,
    UnconfirmedError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.requests import KeyedArguments
    from postboost_provider.api.responses import Response

# Each attempt can leave one stored response behind; nobody makes this many in a day.
MAX_REVISIONS = 50

T = TypeVar("T")


class NextRevision(Exception):
    """The stored response to this key revision is of no use: send the next one."""


def step_past_stored_refusal(error: PostBoostRequestError | UnconfirmedError, revision: int) -> NoReturn:
    """Raise :class:`NextRevision` for a stored refusal, and any other error as it is."""
    if isinstance(error, PostBoostRequestError) and error.is_stored_refusal:
        raise NextRevision
    raise error


def send_past_stored_responses(
    api: PostBoostClient,
    operation: str,
    key: Callable[[int], str],
    *,
    read: Callable[[Response], T],
    on_error: Callable[[PostBoostRequestError | UnconfirmedError, int], T] = step_past_stored_refusal,
    first: int = 0,
    label: Callable[[int], object] | None = None,
    **call: Unpack[KeyedArguments],
) -> T:
    """Send an operation under the first key revision whose stored response is of use.

    ``read`` and ``on_error`` return the result, raise :class:`NextRevision`, or raise an error to stop.

    :param key: returns the idempotency key of a revision.
    :param on_error: is given the error and the revision.
    :param first: the revision to begin with.
    :param label: returns the client label of a revision.
    :param call: more arguments of ``api.send``.
    :raises PostBoostConfigError: every revision was used; ``code`` is ``key_revisions_used``.
    """
    last: Exception | None = None
    for revision in range(first, first + MAX_REVISIONS):
        try:
            if label is not None:
                call["client_label"] = str(label(revision))
            try:
                response = api.send(operation, idempotency_key=key(revision), **call)
            except (PostBoostRequestError, UnconfirmedError) as error:
                last = error
                return on_error(error, revision)
            return read(response)
        except NextRevision:
            continue
    seen = f" The last one was: {last}" if last else ""
    raise PostBoostConfigError(
        f"{operation}: {MAX_REVISIONS} attempts were made within 24 hours, and PostBoost repeats their responses.{seen} Fix "
        "the cause and run the task again tomorrow.",
        code="key_revisions_used",
    ) from last


def create_thing(
    api: PostBoostClient,
    operation: str,
    key: str,
    read_back: Callable[[dict[str, Any]], object],
    **call: Unpack[KeyedArguments],
) -> dict[str, Any]:
    """Create something under a key made of its content, and return it.

    :param read_back: reads the thing of a stored response, and raises :class:`NotFoundError` if it was deleted.
    :raises UnexpectedResponseError: the response has no id.
    """

    def read(response: Response) -> dict[str, Any]:
        thing = response.payload
        if not isinstance(thing, dict) or not str(thing.get("id") or "").isdecimal():
            raise UnexpectedResponseError(f"{operation}: PostBoost's response has no id.", code="no_id")
        if response.replayed:
            try:
                read_back(thing)
            except NotFoundError:
                raise NextRevision from None
        return thing

    return send_past_stored_responses(api, operation, numbered(key), read=read, **call)


def numbered(key: str) -> Callable[[int], str]:
    """Return the function that numbers the revisions of a content-based key."""
    return lambda revision: f"{key}-{revision}" if revision else key


# PostBoost's documented codes for what it refuses for the post's sake (SDK 1.66.3, ``GuardrailError``).
GUARDRAIL_CODES = frozenset(
    {
        "duplicate_post",
        "account_daily_cap_reached",
        "account_unauthorized",
        "account_token_missing",
        "x_monthly_cap_reached",
    }
)


def read_refusal(error: Exception, body: Container[str]) -> Literal["values", "key", "unclear"] | None:
    """Return what a refusal of a keyed request is about. The bodies of those about the key are not documented.

    :return: the ``values``; the ``key``, which another body uses or used; ``unclear``: sent again, PostBoost's stored
        response to the same bytes tells; None: it is not a response that PostBoost may have stored.
    """
    if isinstance(error, (AuthenticationError, GatewayError)) or not isinstance(error, PostBoostRequestError):
        return None
    if not 400 <= error.status < 429:
        return None
    errors = error.body.get("errors")
    names = [str(name) for name in errors] if isinstance(errors, dict) else []
    if "idempotency" in f"{error.code} {names}".lower():
        return "key"
    if isinstance(error, DuplicatePostError) or error.code in GUARDRAIL_CODES:
        return "values"
    if error.status == 409:
        # The client has waited for the same request.
        return "key"
    if error.status != 422 or (names and all(name.partition(".")[0] in body for name in names)):
        return "values"
    return "unclear"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal of a keyed request was about, now that the same bytes were sent again.

    :param about: the ``values``; the ``key``; None: it is not known.
    :param error: what PostBoost says about it.
    :param is_settled: its stored refusal has come back: nothing is done under this key for 24 hours.
    """

    about: Literal["values", "key"] | None
    error: PostBoostError
    is_settled: bool = False


def send_again(error: PostBoostError, body: Container[str], send: Callable[[], T]) -> T | Refusal:
    """Send the same bytes again where this tells what a refusal was about, and return what came of it.

    What PostBoost has stored for these bytes comes back, and tells later attempts that this key is free of effects. If it
    does not, a refusal that was unclear was about the key.

    :param send: sends them under the same key, and reads the response.
    """
    about = read_refusal(error, body)
    if about in ("key", None):
        return Refusal(about, error)
    try:
        return send()
    except (PostBoostRequestError, UnconfirmedError, UnexpectedResponseError) as again:
        if isinstance(again, PostBoostRequestError) and again.is_stored_refusal:
            return Refusal("values", error, is_settled=True)
        if about == "values":
            return Refusal("values", error)
        return Refusal("key" if read_refusal(again, body) in ("key", "unclear") else None, again)
