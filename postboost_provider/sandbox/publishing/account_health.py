"""Account health: whether an account can publish, its use of the daily cap, and the expiry of its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.scope import visible_accounts
from postboost_provider.sandbox.publishing.account_state import EXPIRING
from postboost_provider.sandbox.publishing.guardrails import cap_of, used_on_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from postboost_provider.sandbox.core.models import Account

_REFRESHED_FOREVER = {"twitter", "youtube", "gbp", "bluesky"}
_REFRESHED_UNTIL = {"tiktok", "pinterest", "linkedin", "linkedin_page"}
_MESSAGES = {
    "refresh_expired": "The permission to refresh the connection has expired.",
    "linkedin_revoked": "LinkedIn's permission was withdrawn.",
    "linkedin_expired": "LinkedIn's permission has expired.",
    "google_revoked": "Google's permission was withdrawn.",
}


@handles("get_account_health")
def get_account_health(call: Call) -> Response:
    return Response.of({"data": render_health(call, visible_accounts(call))})


def render_health(call: Call, accounts: Sequence[Account]) -> list[dict[str, Any]]:
    today = call.now.date()
    return [_render(call, account, used_on_day(call.workspace, account, today)) for account in accounts]


def _render(call: Call, account: Account, used: int) -> dict[str, Any]:
    return {
        "id": account.id,
        "uuid": account.uuid,
        "name": account.name,
        "provider": account.provider,
        "authorized": account.authorized,
        "has_token": account.has_token,
        "healthy": account.authorized and account.has_token,
        "daily_cap": {"limit": cap_of(call.store, account), "used_today": used},
        "connection": _render_connection(call, account),
    }


def _render_connection(call: Call, account: Account) -> dict[str, Any]:
    healthy = account.authorized and account.has_token
    left = account.expires_at - call.now if healthy and account.expires_at else None
    return {
        "status": connection_status(account, call.now),
        "expiry_kind": _expiry_kind(account) if healthy else "expired",
        "expires_at": rfc3339(account.expires_at),
        "days_left": left.days if left is not None else None,
        "refreshable": healthy and account.provider in _REFRESHED_FOREVER | _REFRESHED_UNTIL,
        "note": _note(account, healthy),
        "reconnect_reason": _reason(call, account),
        "last_success_at": rfc3339(account.last_success_at),
        "last_error": account.last_error[:300] if account.last_error else None,
        "reconnect_url": f"{call.origin}/accounts/{account.uuid}/reconnect",
    }


def connection_status(account: Account, now: datetime) -> str:
    """Return expired, expiring, failing or healthy: the worst that applies."""
    if not (account.authorized and account.has_token):
        return "expired"
    if account.expires_at is not None and account.expires_at - now <= EXPIRING:
        return "expiring"
    return "failing" if account.last_error else "healthy"


def _expiry_kind(account: Account) -> str:
    if account.expires_at is not None:
        return "refresh" if account.provider in _REFRESHED_UNTIL else "access"
    return "unknown" if account.provider in _REFRESHED_FOREVER else "none"


def _note(account: Account, healthy: bool) -> str:
    if not healthy:
        return "Reconnect this account."
    if account.expires_at is not None:
        return f"Reconnect this account before {account.expires_at:%Y-%m-%d %H:%M} UTC."
    if account.provider in _REFRESHED_FOREVER:
        return "This connection is refreshed automatically."
    return "This connection does not expire."


def _reason(call: Call, account: Account) -> dict[str, Any] | None:
    """Return why the daily check found the token invalid; null for a healthy account."""
    if account.reconnect_code is not None:
        code = account.reconnect_code
        message = _MESSAGES.get(code, "Facebook has ended the session." if "meta" in code else code)
        return {"code": code, "message": message, "found_at": rfc3339(account.disconnected_at)}
    if call.store.settings.reconnect_reason == "object":
        return {"code": "none", "message": "No problem was found.", "found_at": rfc3339(account.created_at)}
    return None
