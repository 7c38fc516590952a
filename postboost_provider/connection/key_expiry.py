"""When the scoped key of a connection expires, looked up through an admin's connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.api.errors import AuthenticationError, PermissionDeniedError, PostBoostConfigError
from postboost_provider.api.expiry import Expiry, parse_expiry
from postboost_provider.api.responses import reading_response

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.settings import ClientSettings


def look_up_expiry(settings: ClientSettings, admin: PostBoostClient, admin_conn_id: str) -> Expiry:
    """Return when the scoped key of a connection expires. The key itself may not ask PostBoost for that.

    :param settings: those of the connection, with its ``scoped_key_id`` and ``workspace_uuid``.
    :param admin: a client of ``admin_conn_id``, which has the unscoped access token of an admin of that workspace.
    :raises PostBoostConfigError: the key does not exist, or ``admin_conn_id`` may not list keys.
    """
    if not settings.workspace_uuid:
        raise PostBoostConfigError(
            f"{settings.name} has a scoped_key_id but no workspace_uuid. Set the workspace of the key.",
            field="workspace_uuid",
        )
    try:
        listed = admin.call("list_api_keys", parameters={"workspace_uuid": settings.workspace_uuid})
    except (AuthenticationError, PermissionDeniedError) as error:
        # An AuthenticationError would mean that the scoped key itself does not work.
        raise PostBoostConfigError(
            f"admin_conn_id {admin_conn_id!r} can't list the scoped keys of the workspace, which needs the unscoped access "
            f"token of one of its admins: {error}",
            field="admin_conn_id",
        ) from error
    with reading_response("list_api_keys"):
        keys = {int(key["id"]): dict(key) for key in listed.get("data") or ()}
    key = keys.get(settings.scoped_key_id or 0)
    if key is None:
        seen = ", ".join(f"{number} ({key.get('name')})" for number, key in sorted(keys.items())) or "none"
        raise PostBoostConfigError(
            f"{settings.name} has scoped_key_id {settings.scoped_key_id}, but {admin.settings.name} sees no such key in "
            f"the workspace; it sees {seen}. Correct scoped_key_id, or use a connection of the admin who created the key.",
            code="unknown_key",
            field="scoped_key_id",
        )
    return parse_expiry(str(key["expires_at"])[:10]) if key.get("expires_at") else Expiry("never")
