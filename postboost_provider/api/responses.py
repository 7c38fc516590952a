"""Turn a response of the API into its payload, or into the typed error that says what to do."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.credentials import explain_401
from postboost_provider.api.errors import (
    AuthenticationError,
    ConflictError,
    DuplicatePostError,
    GatewayError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostRequestError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.api.requests import USER_AGENT, Request, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.api.transport import RawResponse

# What to do about PostBoost's own codes (its SDK 1.66.3 lists them; the list is open-ended).
ADVICE_BY_CODE = {
    "duplicate_post": "The same content was sent to this account within 24 hours. Change it, or allow it with "
    "on_duplicate='allow' or allow_duplicate.",
    "account_unauthorized": "Reconnect the account in PostBoost, under Accounts.",
    "account_token_missing": "Reconnect the account in PostBoost, under Accounts.",
    "account_daily_cap_reached": "Choose another day for this account: the cap counts scheduled posts by UTC day.",
    "x_monthly_cap_reached": "The X allowance resets with the next UTC month.",
    "ai_credits_exhausted": "AI credits reset with the next billing cycle.",
    "image_credits_exhausted": "Image credits reset with the next UTC month.",
    "insufficient_scope": "Use a key with the needed ability, or an unscoped access token.",
    "self_approval": "A draft must be approved with another key than the one that wrote it.",
}
# A Retry-After changes nothing about these: waiting a few seconds never helps. With any other code it is a rate limit.
QUOTA_CODES = (
    "account_daily_cap_reached",
    "x_monthly_cap_reached",
    "ai_credits_exhausted",
    "image_credits_exhausted",
)

# PostBoost responds with 404 to a feature that is switched off (SDK 1.66.3).
SWITCHED_OFF = {
    "/inbox/": "the inbox API of the workspace is switched on",
    "/reconnect-links": "PostBoost has reconnect links enabled",
}
# PostBoost documents a boolean. What else says no is a refusal, too.
NOT_SUCCESSFUL: tuple[Any, ...] = (False, None, "", "0", "false", [])
# Operations that document null: a workspace without a subscription (SDK 1.66.3).
MAY_BE_NULL = ("get_subscription",)
# PostBoost's own responses have about ten levels.
MAX_DEPTH = 100
NESTING = frozenset({dict, list})
_FILE_DELETED = "PostBoost keeps a report's file for 7 days. Create the report again and save it before then."


@dataclass(frozen=True, slots=True)
class Response:
    """A successful response.

    :param payload: the JSON body, the bytes of a file, or None for an empty body.
    :param status: the HTTP status.
    :param replayed: PostBoost stored it for an earlier request with the same idempotency key.
    :param date: the server's clock, as in the ``Date`` header.
    """

    payload: Any
    status: int
    replayed: bool = False
    date: str | None = None


@contextmanager
def reading_response(operation: str) -> Iterator[None]:
    """Read what is in a success, which may lack anything, or have something else in its place.

    :raises UnexpectedResponseError: it can't be read.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise UnexpectedResponseError(
            f"{operation}: PostBoost's response can't be read ({error!r}). If it persists, update airflow-provider-postboost, or "
            "report it.",
            code="unreadable_response",
        ) from error


def read(settings: ClientSettings, request: Request, raw: RawResponse, now: datetime) -> Response:
    """Return the payload of a success. A JSON body stays whole, as PostBoost documents it (a list inside its ``data``).

    :raises PostBoostRequestError: one of its subclasses, by status and ``code``.
    :raises UnexpectedResponseError: the response is not JSON.
    """
    replayed = raw.headers.get("idempotent-replayed", "").lower() == "true"
    if not 200 <= raw.status < 300:
        raise error_of(settings, request, raw, replayed, now)
    if raw.content is None or request.operation.response == "binary":
        return Response(raw.content, raw.status, replayed, raw.headers.get("date"))
    payload = _payload_of(settings, request, raw.status, raw.content)
    if isinstance(payload, dict) and payload.get("success", True) in NOT_SUCCESSFUL:
        raise error_of(settings, request, raw, replayed, now)
    return Response(payload, raw.status, replayed, raw.headers.get("date"))


def _payload_of(settings: ClientSettings, request: Request, status: int, content: bytes) -> Any:
    """Return the JSON object of a success, or None where nothing was to come."""
    envelope, is_empty = request.operation.response, not content.strip()
    # A 204 says all that a deletion or a {"success": true} has to say.
    is_enough = status == 204 and (envelope == "untyped" or request.operation.method == "DELETE")
    if is_empty and (envelope == "none" or is_enough):
        return None
    try:
        payload = json.loads(content)
        is_nothing = payload is None and request.operation.operation in MAY_BE_NULL
        # In whatever encoding, a small body has too few brackets.
        may_be_deep = content.count(b"[") + content.count(b"{") > MAX_DEPTH
        is_deep = may_be_deep and _is_nested_deeply(payload)
        if not is_deep and (isinstance(payload, dict) or envelope == "none" or is_nothing):
            # A response may echo what was sent, including the token.
            return _redacted(payload, settings) if settings.may_hold_token(content) else payload
        code, problem = "not_an_object", "not a JSON object, which PostBoost documents"
    except (ValueError, RecursionError):
        code, problem = "not_json", "empty" if is_empty else "not JSON"
    raise UnexpectedResponseError(
        f"The response ({status}) to {request} is {problem}. Check that the base URL {settings.base_url} is PostBoost's API, "
        "not a web page or a proxy in front of it.",
        code=code,
    )


def _is_nested_deeply(value: Any) -> bool:
    """Return whether code that walks through the value could exceed Python's recursion limit."""
    # Written for speed: it runs for every response, and a page has thousands of values.
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for parent in level
            for item in (parent.values() if type(parent) is dict else parent)
            if type(item) in NESTING and item
        ]
        if not level:
            return False
    return True


def error_of(
    settings: ClientSettings, request: Request, raw: RawResponse, replayed: bool, now: datetime
) -> PostBoostRequestError:
    """Return the error for a response that is not a success."""
    # A response may echo what was sent, including the token.
    body = _decode((raw.content or b"").decode(errors="replace"), settings)
    status, message = raw.status, str(body.get("message") or "")[:500]
    code = clean_text(body["code"]) if body.get("code") else _missing_code(status, message)
    if isinstance(body.get("errors"), dict):
        fields = "; ".join(f"{name}: {_first(messages)}" for name, messages in body["errors"].items())
        message = f"{message} {fields[:1500]}"
    shown_code = f" {code}" if code else ""
    seen = f"PostBoost responded with {status}{shown_code} to {request}: {message.strip() or '(no message)'}"
    known: dict[str, Any] = {"status": status, "code": code, "body": body, "replayed": replayed}
    known["request"] = str(request)
    kind: type[PostBoostRequestError] = PostBoostRequestError
    if 200 <= status < 300:
        known["code"], shown_code = code or "not_successful", " and success false"
        seen = (
            f"PostBoost responded with {status}{shown_code} to {request}: {message.strip() or '(no message)'}"
        )
    advice = ADVICE_BY_CODE.get(code or "", "")
    # The free tools have it in the body.
    hint = raw.headers.get("retry-after") or body.get("retry_after")
    retry_after = retry_after_seconds(str(hint) if hint else None, now.timestamp())

    if status == 401:
        return AuthenticationError(clean_text(seen), **known).explained(*explain_401(settings, now))
    if status == 408 or (status in (403, 404, 422) and not _is_own(raw, body)):
        kind, advice = (
            GatewayError,
            (
                f"A gateway or a firewall in front of PostBoost sent this, not PostBoost. If it persists, check the base URL "
                f"{settings.base_url}, and ask who runs the network to let the User-Agent {USER_AGENT} through."
            ),
        )
        known["code"], seen = "gateway", seen.replace("PostBoost responded with", "The response was", 1)
    elif status == 403:
        kind, advice = PermissionDeniedError, _explain_403(settings, request, advice)
    elif status == 404:
        kind, advice = NotFoundError, _explain_404(settings, request)
    elif status == 409 and (code == "duplicate_post" or body.get("existing_post_uuid")):
        kind, advice = DuplicatePostError, ADVICE_BY_CODE["duplicate_post"]
        advice = f"Existing post: {body.get('existing_post_uuid')}. {advice}"
    elif status == 409:
        kind = ConflictError
    elif status == 410:
        advice = _FILE_DELETED
    elif status == 422:
        kind = ValidationError
    elif status == 429 and code and (code in QUOTA_CODES or retry_after is None):
        kind = QuotaExceededError
        if body.get("limit") is not None:
            advice = f"({body.get('used')} of {body['limit']} used) {advice}"
    elif status == 429:
        wait = "later, more slowly" if retry_after is None else f"in {retry_after:g} s"
        kind, advice, known["retry_after"] = RateLimitedError, f"Retry {wait}.", retry_after
    elif status >= 500:
        kind, advice, known["retry_after"] = ServerError, "PostBoost failed. Retry later.", retry_after
    elif 300 <= status < 400:
        advice = f"The client follows no redirects: the token is only for {settings.base_url}. Correct the connection's host."
    return kind(clean_text(f"{seen} {advice}".rstrip()), **known)


# What Laravel itself, and the gateway Kong, respond for a path that they do not know. There is no code.
UNKNOWN_PATH = re.compile(r"The route \S+ could not be found\.|no Route matched with those values")


def _is_own(raw: RawResponse, body: Mapping[str, Any]) -> bool:
    """Return whether PostBoost itself sent this 403, 404 or 422: JSON with its message, or its code.

    The exception is the 404 of a forgotten download, which has a status and no message (SDK 1.66.3). Laravel's 404 for a
    path that it does not know is about the base URL, not about a post.
    """
    kind, message, code = raw.headers.get("content-type", "json"), body.get("message"), body.get("code")
    if "json" not in kind.lower() or not isinstance(code, (str, NoneType)):
        return False
    if isinstance(message, str) and message.strip():
        return raw.status != 404 or not UNKNOWN_PATH.fullmatch(message.strip())
    return bool(code) or body.get("status") == "failed" or (raw.status == 422 and bool(body.get("errors")))


def _missing_code(status: int, message: str) -> str | None:
    """Return the code of an error without one. Only here and in ``_is_own`` does a message decide.

    PostBoost's API document of April 2026 has a 429 for used up AI credits without a code or any other field that
    distinguishes it from a rate limit. As a rate limit it would be retried until the next billing cycle.
    """
    return "ai_credits_exhausted" if status == 429 and message.startswith("Insufficient AI credits") else None


def _explain_403(settings: ClientSettings, request: Request, advice: str) -> str:
    if request.operation.tier == "panel":
        return f"/panel needs the unscoped access token of a platform admin, which {settings.name} does not have."
    return advice or (
        f"The token of {settings.name} is not allowed to do this. Check its user's role in the workspace, a scoped "
        "key's abilities and accounts, and that the workspace's plan includes API access."
    )


def _explain_404(settings: ClientSettings, request: Request) -> str:
    workspace = request.workspace_uuid
    if workspace is None:
        return "Check the id."
    checks = [f"that {switch}" for part, switch in SWITCHED_OFF.items() if part in request.operation.path]
    whose = f"workspace_uuid of {settings.name}" if workspace == settings.workspace_uuid else workspace
    checks.append(f"that {whose} is the workspace it belongs to")
    return f"Check the id{' and' if len(checks) == 1 else ','} {' and '.join(checks)}."


def _decode(content: str, settings: ClientSettings) -> dict[str, Any]:
    """Return a body without the token. It is decoded first, because JSON can write the token in other characters."""
    try:
        body = _redacted(json.loads(content), settings)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _redacted(value: Any, settings: ClientSettings) -> Any:
    if isinstance(value, str):
        return settings.redact(value)
    if isinstance(value, list):
        return [_redacted(item, settings) for item in value]
    if isinstance(value, dict):
        return {settings.redact(name): _redacted(item, settings) for name, item in value.items()}
    return value


def _first(messages: Any) -> str:
    return str(next(iter(messages), "")) if isinstance(messages, list) else str(messages)
