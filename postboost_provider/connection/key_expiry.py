"""What an admin's connection knows about the scoped key of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.api.credentials import Expiry, read_key_expiry
from postboost_provider.api.errors import AuthenticationError, PermissionDeniedError, PostBoostConfigError

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.requests import ClientSettings


def look_up_expiry(settings: ClientSettings, admin: PostBoostClient, admin_conn_id: str) -> Expiry:
    """Return when the scoped key of a connection expires. A scoped key can't be asked that itself.

    :param settings: those of the connection, with its ``scoped_key_id`` and ``workspace_uuid``.
    :param admin: a client of ``admin_conn_id``, which holds the unscoped access token of an admin of that workspace.
    :raises PostBoostConfigError: there is no such key, or it is no admin's connection.
    """
    if not settings.workspace_uuid:
        raise PostBoostConfigError(
            f"{settings.name} has a scoped_key_id and no workspace_uuid: set the workspace whose key it is."
        )
    try:
        answer = admin.call("list_api_keys", parameters={"workspace_uuid": settings.workspace_uuid})
    except AuthenticationError as error:
        # Not the key's own 401: that one would mean that the key is dead.
        raise PostBoostConfigError(f"admin_conn_id {admin_conn_id!r} can't look it up: {error}") from error
    except PermissionDeniedError as error:
        raise PostBoostConfigError(
            f"admin_conn_id {admin_conn_id!r} may not list the scoped keys of the workspace, which takes the unscoped "
            f"access token of one of its admins: {error}"
        ) from error
    return read_key_expiry(answer, settings, admin.settings.name)
