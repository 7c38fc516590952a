"""Authentication and authorization: tokens and their expiry, abilities of scoped keys, roles of members."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, Caller
from postboost_provider.sandbox.core.models import AccessToken, ApiKey, Membership, User, Workspace
from postboost_provider.sandbox.core.responses import ErrorResponse, forbidden, not_found
from postboost_provider.sandbox.core.scope import OUT_OF_SCOPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.operations import Operation
    from postboost_provider.sandbox.core.store import Store

_PUBLISHING = {
    "schedule_post",
    "add_post_to_queue",
    "approve_post",
    "retry_post_account",
    "approve_inbox_reply_draft",
    "reject_inbox_reply_draft",
}
# The ability for an update depends on the post: posts.py checks it.
_ABILITY_DEPENDS = {"update_post"}
_USING_AI = {"run_agent", "learn_brand_voice"}
_UNSCOPED_ONLY = ("/api-keys", "/clients")
_ADMINS_ONLY = ("/api-keys", "/clients", "/webhooks/", "/accounts/connect", "/reconnect-links")
_ADMINS_ONLY_WRITES = ("/posting-schedule",)


def expiry_of(credential: AccessToken | ApiKey) -> datetime | None:
    """Return the instant at which a credential expires; None means never.

    The same date means two instants. An access token expires at midnight UTC *on* its date (PostBoost's
    authentication page); a scoped key's date is the last day it works (SDK 1.66.3).
    """
    if credential.expires_on is None:
        return None
    days = 1 if isinstance(credential, ApiKey) else 0
    return datetime.combine(credential.expires_on + timedelta(days=days), time(), tzinfo=UTC)


def is_expired(credential: AccessToken | ApiKey, now: datetime) -> bool:
    expiry = expiry_of(credential)
    return expiry is not None and now >= expiry


def authenticate(store: Store, headers: Mapping[str, str]) -> Caller:
    """Return the caller. Missing, malformed, expired and revoked tokens all get the same 401."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    credential = store.api_keys.get(token) or store.access_tokens.get(token)
    if scheme.lower() != "bearer" or credential is None or is_expired(credential, store.clock.now()):
        raise ErrorResponse(401, "Unauthenticated.")
    if isinstance(credential, ApiKey):
        credential.last_used_at = store.clock.now()
        return Caller(token, credential.user, credential)
    return Caller(token, credential.user)


def authorize_tools(store: Store, operation: Operation, headers: Mapping[str, str]) -> Caller:
    """Return the caller of a free tool. Most tools need no token; without one the caller is a guest."""
    if "authorization" in headers or operation.needs_token:
        return authenticate(store, headers)
    return Caller("", User(0, "Guest", "", False, store.clock.now()))


def authorize_panel(caller: Caller) -> None:
    """Allow only platform admins with an unscoped token."""
    if caller.key is not None:
        raise forbidden(OUT_OF_SCOPE)
    if not caller.user.is_admin:
        raise forbidden()


def authorize_workspace(store: Store, caller: Caller, uuid: str) -> tuple[Workspace, Membership]:
    """Return the workspace and the caller's membership; a scoped key has only one workspace."""
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
    """Reject what the key's abilities or the user's role do not allow."""
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
    """Return the ability that a scoped key needs: ``read`` for every GET except the list of webhooks."""
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
