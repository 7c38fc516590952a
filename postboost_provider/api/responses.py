"""Read an answer of the API: its payload, or the typed error that says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from postboost_provider.api.credentials import explain_401
from postboost_provider.api.errors import (
    AuthenticationError,
    ConflictError,
    DuplicatePostError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostRequestError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    ValidationError,
)
from postboost_provider.api.requests import ClientSettings, Reply, Request, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# What to do about PostBoost's own codes (its SDK 1.66.3 lists them; the list is open-ended).
ADVICE_BY_CODE = {
    "duplicate_post": "The same content went to this account within 24 hours. Change it, or allow it, "
    "with on_duplicate='allow' or allow_duplicate.",
    "account_unauthorized": "Reconnect the account in PostBoost, under Accounts.",
    "account_token_missing": "Reconnect the account in PostBoost, under Accounts.",
    "account_daily_cap_reached": "Pick another day for this account; the cap counts by UTC day of the planned time.",
    "x_monthly_cap_reached": "The X allowance starts anew with the next UTC month.",
    "ai_credits_exhausted": "AI credits come back with the next billing cycle.",
    "image_credits_exhausted": "Image credits come back with the next UTC month.",
    "insufficient_scope": "Use a key with the needed ability, or an unscoped access token.",
    "self_approval": "A draft must be approved by another key than the one that wrote it.",
}

# PostBoost hides what is switched off behind a 404 (SDK 1.66.3).
SWITCHED_OFF = {
    "/inbox/": "the inbox API of the workspace is switched on",
    "/reconnect-links": "PostBoost has reconnect links enabled",
}
_GONE = "PostBoost keeps a report's file for 7 days: have the report made anew, and save it then."


def read(
    settings: ClientSettings,
    request: Request,
    *,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    now: datetime,
) -> Reply:
    """Return the payload of a success.

    A JSON body is returned whole, as PostBoost documents it (a list stays inside its ``data``); an empty one is
    None; a file is its bytes.

    :raises PostBoostRequestError: one of its subclasses, by status and ``code``.
    """
    replayed = headers.get("idempotent-replayed", "").lower() == "true"
    if 200 <= status < 300:
        date = headers.get("date")
        if request.operation.reply == "binary":
            return Reply(content, status, replayed, date)
        if not content or content.isspace():
            return Reply(None, status, replayed, date)
        try:
            return Reply(json.loads(content), status, replayed, date)
        except ValueError:
            raise ServerError(
                f"{request.operation.operation}: the answer ({status}) is not JSON. Check that the base URL "
                f"{settings.base_url} is PostBoost's API and not a web page or a proxy in front of it.",
                status=status,
            ) from None
    raise error_of(settings, request, status, headers, content, replayed, now)


def error_of(
    settings: ClientSettings,
    request: Request,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    replayed: bool,
    now: datetime,
) -> PostBoostRequestError:
    """Return the error that an answer of that status stands for."""
    # An answer may echo what was sent.
    body = _decode(content.decode(errors="replace"), settings)
    said = str(body.get("message") or "")[:500]
    code = str(body["code"]) if body.get("code") else _code_of(status, said)
    if isinstance(body.get("errors"), dict):
        fields = "; ".join(f"{k}: {_first(v)}" for k, v in body["errors"].items())
        said = f"{said} {fields[:1500]}"
    where = f"{request.operation.operation} in {settings.workspace_uuid}" if settings.workspace_uuid else ""
    where = where if request.operation.tier == "workspace" and where else request.operation.operation
    seen = (
        f"{where}: PostBoost answered {status}{f' {code}' if code else ''}: {said.strip() or '(no message)'}"
    )
    known: dict[str, Any] = {"status": status, "code": code, "body": body, "replayed": replayed}
    advice = ADVICE_BY_CODE.get(code or "", "")
    # The free tools say it in the body.
    hint = headers.get("retry-after") or body.get("retry_after")
    retry_after = retry_after_seconds(str(hint) if hint else None, now.timestamp())

    if status == 401:
        return AuthenticationError(f"{seen} {explain_401(settings, now)}", seen=seen, **known)
    if status == 403:
        return PermissionDeniedError(f"{seen} {_explain_403(settings, request, advice)}", **known)
    if status == 404:
        return NotFoundError(f"{seen} {_explain_404(settings, request)}", **known)
    if status == 409 and (code == "duplicate_post" or body.get("existing_post_uuid")):
        earlier = body.get("existing_post_uuid")
        return DuplicatePostError(
            f"{seen} Earlier post: {earlier}. {ADVICE_BY_CODE['duplicate_post']}", **known
        )
    if status == 409:
        return ConflictError(f"{seen} {advice}".strip(), **known)
    if status == 410:
        return PostBoostRequestError(f"{seen} {_GONE}", **known)
    if status == 422:
        return ValidationError(f"{seen} {advice}".strip(), **known)
    if status == 429 and code:
        counts = f" ({body.get('used')} of {body.get('limit')} used)" if body.get("limit") is not None else ""
        return QuotaExceededError(f"{seen}{counts} {advice}".strip(), **known)
    if status == 429:
        wait = (
            f"Try again in {retry_after:g} s."
            if retry_after is not None
            else "Slow down and try again later."
        )
        return RateLimitedError(f"{seen} {wait}", retry_after=retry_after, **known)
    if status >= 500:
        return ServerError(f"{seen} PostBoost failed: try again.", retry_after=retry_after, **known)
    if 300 <= status < 400:
        return PostBoostRequestError(
            f"{seen} It redirects, which is not followed, so that the token stays with {settings.base_url}. "
            "Correct the host of the connection.",
            **known,
        )
    return PostBoostRequestError(seen, **known)


def _code_of(status: int, said: str) -> str | None:
    """Return the code of a refusal that lacks it: AI credits were once used up in words alone (API document of April 2026).

    Taken for a throttle, it would be sent again and again until the next billing cycle.
    """
    return "ai_credits_exhausted" if status == 429 and said.startswith("Insufficient AI credits") else None


def _explain_403(settings: ClientSettings, request: Request, advice: str) -> str:
    if request.operation.tier == "panel":
        return (
            f"/panel needs the unscoped access token of a platform admin; {settings.name} holds another one."
        )
    return advice or (
        f"The token of {settings.name} may not do this: check its user's role in the workspace, a scoped key's "
        "abilities and accounts, and that the workspace's plan includes API access."
    )


def _explain_404(settings: ClientSettings, request: Request) -> str:
    if request.operation.tier != "workspace":
        return "Check the id."
    path = request.operation.path
    checks = [f"that {switch}" for part, switch in SWITCHED_OFF.items() if part in path]
    checks.append(f"that workspace_uuid of {settings.name} is the workspace it belongs to")
    return f"Check the id, {' and '.join(checks)}." if len(checks) > 1 else f"Check the id, and {checks[0]}."


def _decode(content: str, settings: ClientSettings) -> dict[str, Any]:
    """Return a body without the token. JSON may write that in other characters, so it is decoded first."""
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
    if isinstance(messages, list):
        return str(messages[0]) if messages else ""
    return str(messages)
