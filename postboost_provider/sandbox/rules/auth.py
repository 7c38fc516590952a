"""Who may do what: tokens, the instants they stop working, abilities, roles and limits to some accounts."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, Caller
from postboost_provider.sandbox.core.models import (
    AccessToken,
    Account,
    ApiKey,
    Membership,
    Post,
    User,
    Workspace,
)
from postboost_provider.sandbox.core.replies import Refusal, forbidden, not_found
from postboost_provider.sandbox.core.store import RateWindow, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.api.operations import Operation

OUT_OF_SCOPE = "insufficient_scope"
_PUBLISHING = {
    "schedule_post",
    "add_post_to_queue",
    "approve_post",
    "retry_post_account",
    "approve_inbox_reply_draft",
    "reject_inbox_reply_draft",
}
# Which ability an update needs depends on the post: posts.py asks for it.
_ABILITY_DEPENDS = {"update_post"}
_USING_AI = {"run_agent", "learn_brand_voice"}
_UNSCOPED_ONLY = ("/api-keys", "/clients")
_ADMINS_ONLY = ("/api-keys", "/clients", "/webhooks/", "/accounts/connect", "/reconnect-links")
_ADMINS_ONLY_WRITES = ("/posting-schedule",)
# The operations with a limit of their own: calls, and in how many seconds (SDK 1.66.3).
_STATED_LIMITS = {
    "create_connect_link": (10, 60),
    "create_report_export": (20, 60),
    "get_repurpose_run": (60, 60),
    "poll_rss_feed": (6, 60),
    "repurpose_content": (10, 60),
    "run_agent": (6, 3600),
}


def dead_from(credential: AccessToken | ApiKey) -> datetime | None:
    """Return the instant a credential stops working; None means never.

    The same date means two instants. An access token ends at midnight UTC *on* its date (PostBoost's
    authentication page); a scoped key's date is the last day it works (SDK 1.66.3).
    """
    if credential.expires_on is None:
        return None
    days = 1 if isinstance(credential, ApiKey) else 0
    return datetime.combine(credential.expires_on + timedelta(days=days), time(), tzinfo=UTC)


def is_dead(credential: AccessToken | ApiKey, now: datetime) -> bool:
    end = dead_from(credential)
    return end is not None and now >= end


def authenticate(store: Store, headers: Mapping[str, str]) -> Caller:
    """Return who asks. Missing, malformed, expired and revoked tokens are all answered alike."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    credential = store.api_keys.get(token) or store.access_tokens.get(token)
    if scheme.lower() != "bearer" or credential is None or is_dead(credential, store.clock.now()):
        raise Refusal(401, "Unauthenticated.")
    if isinstance(credential, ApiKey):
        credential.last_used_at = store.clock.now()
        return Caller(token, credential.user, credential)
    return Caller(token, credential.user)


def enter_tools(store: Store, operation: Operation, headers: Mapping[str, str]) -> Caller:
    """Return who asks for a free tool: nobody in particular without a token, which most of them do not need."""
    if "authorization" in headers or operation.needs_token:
        return authenticate(store, headers)
    return Caller("", User(0, "Guest", "", False, store.clock.now()))


def throttle(store: Store, caller: Caller) -> dict[str, str]:
    """Count the request against ``requests_per_minute``, and return the headers that say what is left.

    :raises Refusal: 429 as Laravel's throttle gives it.
    """
    limit = store.settings.requests_per_minute
    return _count(store, caller.token, limit, 60) if limit else {}


def throttle_operation(call: Call) -> None:
    """Count the call of an operation that has a limit of its own."""
    name = call.operation.operation
    if name in _STATED_LIMITS:
        _count(call.store, f"{name} {call.caller.token}", *_STATED_LIMITS[name])


def _count(store: Store, what: str, limit: int, seconds: int) -> dict[str, str]:
    now = store.clock.now().timestamp()
    window = store.rates.get(what)
    if window is None or now - window.started >= seconds:
        window = store.rates[what] = RateWindow(now, 0)
    headers = {"X-RateLimit-Limit": str(limit)}
    if window.used >= limit:
        wait = max(1, math.ceil(window.started + seconds - now))
        reset = {"Retry-After": str(wait), "X-RateLimit-Reset": str(math.ceil(window.started + seconds))}
        raise Refusal(429, "Too Many Attempts.", {**headers, "X-RateLimit-Remaining": "0", **reset})
    window.used += 1
    return {**headers, "X-RateLimit-Remaining": str(limit - window.used)}


def enter_panel(caller: Caller) -> None:
    """Let platform admins in, with an unscoped token only."""
    if caller.key is not None:
        raise forbidden(OUT_OF_SCOPE)
    if not caller.user.is_admin:
        raise forbidden()


def enter_workspace(store: Store, caller: Caller, uuid: str) -> tuple[Workspace, Membership]:
    """Return the workspace and the caller's place in it; a scoped key has one workspace only."""
    workspace = store.workspaces.get(uuid)
    if workspace is None:
        raise not_found() if store.settings.unknown_workspace == 404 else forbidden()
    if caller.key is not None and caller.key.workspace_uuid != uuid:
        raise forbidden(OUT_OF_SCOPE)
    membership = workspace.members.get(caller.user.id)
    if membership is None:
        raise forbidden() if store.settings.foreign_workspace == 403 else not_found()
    if workspace.access_status == "locked":
        raise forbidden()
    return workspace, membership


def check_access(call: Call) -> None:
    """Refuse what the key's abilities or the user's role do not cover."""
    operation, key = call.operation, call.caller.key
    if "/inbox/" in operation.path and call.store.settings.inbox == "off":
        raise not_found()
    if key is not None:
        if any(part in operation.path for part in _UNSCOPED_ONLY):
            raise forbidden(OUT_OF_SCOPE)
        if operation.operation not in _ABILITY_DEPENDS:
            require_ability(call, ability_for(operation))
    role = call.membership.role if call.membership else "viewer"
    admins_only = _ADMINS_ONLY if operation.is_read else (*_ADMINS_ONLY, *_ADMINS_ONLY_WRITES)
    if role != "admin" and any(part in operation.path for part in admins_only):
        raise forbidden()
    reading = operation.is_read or operation.operation == "validate_post"
    if role == "viewer" and (not reading or "/inbox/" in operation.path):
        raise forbidden()


def ability_for(operation: Operation) -> str:
    """Return the ability that a scoped key needs. "Every GET" has one exception: the list of webhooks."""
    if "/webhooks/" in operation.path:
        return "webhooks"
    spends = "/ai/" in operation.path or operation.operation in _USING_AI
    if spends and not operation.is_read:
        return "ai"
    if operation.is_read or operation.operation == "validate_post":
        return "read"
    return "publish" if operation.operation in _PUBLISHING else "write"


def require_ability(call: Call, ability: str) -> None:
    key = call.caller.key
    if key is not None and ability not in key.abilities:
        raise forbidden(OUT_OF_SCOPE)


def account_is_visible(call: Call, account: Account) -> bool:
    limit = call.caller.key.account_ids if call.caller.key else None
    return limit is None or account.id in limit


def post_is_visible(call: Call, post: Post) -> bool:
    return all(account_is_visible(call, target.account) for target in post.targets)


def require_accounts(call: Call, ids: Iterable[object]) -> None:
    """Refuse a limited key that names an account it is not limited to; 0 stands for the original version."""
    limit = call.caller.key.account_ids if call.caller.key else None
    if limit is not None and any(each not in limit for each in ids if each != 0):
        raise forbidden(OUT_OF_SCOPE)
