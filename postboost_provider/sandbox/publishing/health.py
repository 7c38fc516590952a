"""Account health: whether an account can publish, how full its day is, and when its connection ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.publishing.connections import EXPIRING
from postboost_provider.sandbox.publishing.guardrails import cap_of, used_on_days
from postboost_provider.sandbox.rules.auth import account_is_visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from postboost_provider.sandbox.core.models import Account

_REFRESHED_FOR_EVER = {"twitter", "youtube", "gbp", "bluesky"}
_REFRESHED_UNTIL = {"tiktok", "pinterest", "linkedin", "linkedin_page"}
_MESSAGES = {
    "refresh_expired": "The permission to refresh the connection has ended.",
    "linkedin_revoked": "LinkedIn's permission was withdrawn.",
    "linkedin_expired": "LinkedIn's permission has ended.",
    "google_revoked": "Google's permission was withdrawn.",
}


@answers("get_account_health")
def get_account_health(call: Call) -> Reply:
    accounts = [each for each in call.workspace.accounts.values() if account_is_visible(call, each)]
    return Reply.of({"data": render_health(call, accounts)})


def render_health(call: Call, accounts: Sequence[Account]) -> list[dict[str, Any]]:
    used = used_on_days(call.workspace.posts.values(), dict.fromkeys(accounts, call.now.date()))
    return [_render(call, account, used[account]) for account in accounts]


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
        "refreshable": healthy and account.provider in _REFRESHED_FOR_EVER | _REFRESHED_UNTIL,
        "note": _note(account, healthy),
        "reconnect_reason": _reason(call, account),
        "last_success_at": rfc3339(account.last_success_at),
        "last_error": account.last_error[:300] if account.last_error else None,
        "reconnect_url": f"{call.origin}/accounts/{account.uuid}/reconnect",
    }


def connection_status(account: Account, now: datetime) -> str:
    """Return expired, expiring, failing or healthy: the worst of what is so."""
    if not (account.authorized and account.has_token):
        return "expired"
    if account.expires_at is not None and account.expires_at - now <= EXPIRING:
        return "expiring"
    return "failing" if account.last_error else "healthy"


def _expiry_kind(account: Account) -> str:
    if account.expires_at is not None:
        return "refresh" if account.provider in _REFRESHED_UNTIL else "access"
    return "unknown" if account.provider in _REFRESHED_FOR_EVER else "none"


def _note(account: Account, healthy: bool) -> str:
    if not healthy:
        return "Reconnect this account."
    if account.expires_at is not None:
        return f"Reconnect this account before {account.expires_at:%Y-%m-%d %H:%M} UTC."
    if account.provider in _REFRESHED_FOR_EVER:
        return "This connection is refreshed automatically."
    return "This connection does not expire."


def _reason(call: Call, account: Account) -> dict[str, Any] | None:
    """Return why the daily check found the token dead: null for a healthy account, and where it found nothing."""
    if account.reconnect_code is not None:
        code = account.reconnect_code
        message = _MESSAGES.get(code, "Facebook has ended the session." if "meta" in code else code)
        return {"code": code, "message": message, "found_at": rfc3339(account.found_dead_at)}
    if call.store.settings.reconnect_reason == "object":
        return {"code": "none", "message": "Nothing was found.", "found_at": rfc3339(account.created_at)}
    return None
