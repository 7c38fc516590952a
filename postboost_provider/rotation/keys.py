"""The scoped keys of a workspace, as its admin sees them: list, create and revoke."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
)
from postboost_provider.api.responses import reading_response
from postboost_provider.rotation import refusals
from postboost_provider.rotation.plan import Key, Maker, Renew

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.rotation.target import ConnectionContents

log = logging.getLogger(__name__)


@dataclass
class Keys:
    """The keys of the workspace of a connection.

    :param admin: a client with the access token of a workspace admin.
    :param mask: masks a secret in the logs.
    :param abilities: of new keys; None: those of the key that is replaced.
    """

    admin: PostBoostClient
    maker: Maker
    mask: Callable[[str], None]
    abilities: Sequence[str] | None = None
    _revoked: set[int] = field(default_factory=set)

    def listed(self, connection: ConnectionContents) -> dict[int, Key]:
        settings, admin = connection.settings, self.admin.settings
        if not settings.workspace_uuid:
            raise PostBoostConfigError(
                f"{settings.name} has no workspace_uuid. Set it to the workspace of its key.",
                code="missing",
                field="workspace_uuid",
            )
        if settings.base_url != admin.base_url:
            raise PostBoostConfigError(
                f"{settings.name} is at {settings.base_url}, and {admin.name} at {admin.base_url}. Give an admin connection "
                "of the same PostBoost.",
                code="other_server",
                field="admin_conn_id",
            )
        try:
            rows = list(self.admin.pages("list_api_keys", parameters=_where(connection)))
        except PermissionDeniedError as error:
            is_scoped = error.code == "insufficient_scope"
            problem = "has a scoped key" if is_scoped else "may not manage keys there"
            raise PostBoostConfigError(
                f"{admin.name} {problem}: creating and revoking keys needs the access token of an admin of workspace "
                f"{settings.workspace_uuid}, from Settings > Access Tokens. {error}",
                code="not_an_admin",
                field="admin_conn_id",
            ) from error
        with reading_response("list_api_keys"):
            return {key.id: key for key in map(Key.read, rows) if key.id not in self._revoked}

    def find(self, wanted: int | str, connection: ConnectionContents, keys: Mapping[int, Key]) -> Key | None:
        """Return the key with an id or a name."""
        wanted = int(wanted) if str(wanted).isdecimal() else wanted
        found = [key for key in keys.values() if wanted in (key.id, key.name)]
        if len(found) > 1:
            ids = ", ".join(str(key.id) for key in found)
            raise PostBoostConfigError(
                f"{len(found)} keys have the name {wanted!r}: {ids}. Give the id of the one in {connection.settings.name}.",
                code="several",
                field="key",
            )
        return found[0] if found else None

    def create(self, connection: ConnectionContents, step: Renew, last_day: date) -> tuple[Key, str]:
        """Create the new key, and return it with its secret, which PostBoost shows only now."""
        old = step.current
        body: dict[str, Any] = {"name": self.maker.name(step.replaces), "expires_at": str(last_day)}
        body["abilities"] = self.wanted_abilities(connection, old)
        if old.account_ids is not None:
            body["account_ids"] = list(old.account_ids)
        response = self.admin.call("create_api_key", parameters=_where(connection), body=body)
        with reading_response("create_api_key"):
            secret = str(response["data"]["token"])
            self.mask(secret)
            new = Key.read(response["data"])
        log.info("Created key %d (%s), whose last day is %s.", new.id, new.name, new.expires_at)
        return new, secret

    def wanted_abilities(self, connection: ConnectionContents, old: Key) -> list[str]:
        if self.abilities is not None:
            return list(self.abilities)
        if not old.abilities:
            raise refusals.unknown_abilities(connection, old)
        return list(old.abilities)

    def check_same_powers(self, connection: ConnectionContents, old: Key, new: Key) -> None:
        """Check that PostBoost gave the new key what was asked for."""
        wanted = self.wanted_abilities(connection, old)
        missing = [ability for ability in wanted if ability not in (new.abilities or ())]
        if missing:
            raise refusals.fewer_abilities(connection, new, missing)
        if set(new.account_ids or ()) != set(old.account_ids or ()):
            raise refusals.other_accounts(connection, new, old)

    def revoke(self, connection: ConnectionContents, key: Key) -> None:
        """Revoke a key. Succeeds if it does not exist any more."""
        try:
            self.admin.call("delete_api_key", parameters={**_where(connection), "api_key_id": key.id})
        except NotFoundError:
            log.info("Key %d (%s) was revoked already.", key.id, key.name)
        else:
            used = f", last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else ""
            log.info("Revoked key %d (%s)%s.", key.id, key.name, used)
        self._revoked.add(key.id)

    def undo(self, connection: ConnectionContents, new: Key) -> None:
        """Revoke a new key that the connection does not have."""
        try:
            self.revoke(connection, new)
        except PostBoostError as error:
            log.warning("Key %d could not be revoked again; the next attempt revokes it: %s", new.id, error)


def _where(connection: ConnectionContents) -> dict[str, Any]:
    return {"workspace_uuid": connection.settings.workspace_uuid}
