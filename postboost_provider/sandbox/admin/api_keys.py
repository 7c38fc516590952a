"""Scoped API keys: created, listed and revoked by workspace admins with an unscoped token."""

from __future__ import annotations

from typing import Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import ApiKey
from postboost_provider.sandbox.core.responses import SUCCESS, Response
from postboost_provider.sandbox.core.store import new_token
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.rules.auth import is_expired

ABILITIES = ("read", "write", "publish", "ai", "webhooks")


def _render_key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "abilities": key.abilities,
        "account_ids": key.account_ids,
        "created_by": key.user.name,
        "last_used_at": rfc3339(key.last_used_at),
        "expires_at": key.expires_on.isoformat() if key.expires_on else None,
        "created_at": rfc3339(key.created_at),
    }


def _keys_of(call: Call) -> dict[int, ApiKey]:
    """Return the keys that the caller may see, expired ones included."""
    whole_workspace = call.store.settings.listed_keys == "workspace"
    return {
        key.id: key for key in call.workspace.keys.values() if whole_workspace or key.user is call.caller.user
    }


@handles("list_api_keys")
def list_api_keys(call: Call) -> Response:
    keys = sorted(_keys_of(call).values(), key=lambda key: key.id, reverse=True)
    if call.store.settings.expired_keys == "hidden":
        keys = [key for key in keys if not is_expired(key, call.now)]
    return Response.of({"data": [_render_key(key) for key in keys]})


@handles("create_api_key")
def create_api_key(call: Call) -> Response:
    """Create a key for the caller. Only this response has its token (SDK 1.66.3)."""
    fields = Fields(call.fields)
    name = fields.text("name", required=True, max_length=255) or ""
    abilities = fields.choices("abilities", ABILITIES, required=True)
    limited = fields.values.get("account_ids") is not None
    account_ids = fields.ids("account_ids", call.workspace.accounts, "account", maximum=500)
    expires_on = fields.day("expires_at")
    if expires_on is not None and expires_on <= call.now.date():
        fields.add_error("expires_at", "The expires at field must be a date after today.")
    fields.raise_errors()
    key = ApiKey(
        id=call.store.next_id("key"),
        token=new_token(),
        name=name,
        user=call.caller.user,
        workspace_uuid=call.workspace.uuid,
        abilities=abilities,
        account_ids=account_ids if limited else None,
        expires_on=expires_on,
        created_at=call.now,
    )
    call.workspace.keys[key.id] = key
    call.store.api_keys[key.token] = key
    return Response.of({"data": {**_render_key(key), "token": key.token}}, 201)


@handles("delete_api_key")
def delete_api_key(call: Call) -> Response:
    key = call.find_by_id(_keys_of(call), "api_key_id")
    del call.workspace.keys[key.id]
    del call.store.api_keys[key.token]
    return SUCCESS
