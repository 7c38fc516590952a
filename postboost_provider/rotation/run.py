"""Rotate the scoped key of a connection.

Creating a key takes no idempotency key, and shows the secret once (SDK 1.66.3). So an attempt that was killed is not
continued: its key is found by name and revoked, and another one is created. The old key is revoked last, when PostBoost
has accepted the new one from the connection.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    UnreachableError,
    ValidationError,
)
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.identity import Actor, digest
from postboost_provider.rotation import refusals
from postboost_provider.rotation.plan import (
    Key,
    Maker,
    Renew,
    Rest,
    Retire,
    decide,
    note,
    read_note,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.rotation.target import ConnectionContents, Target

log = logging.getLogger(__name__)

# A post without accounts, only to get an entry in the activity log. The response does not matter.
_VERSION = {"account_id": 0, "is_original": True, "content": [{"body": "-", "media": []}]}
_DRY_RUN = {"versions": [_VERSION], "accounts": []}


@dataclass
class Rotation:
    """The steps of a rotation, each safe to retry.

    :param admin: a client with the access token of a workspace admin.
    :param target: the connection.
    :param connect: returns a client for settings.
    :param mask: masks a secret in the logs.
    :param key: the current key by id or name, for a connection that has no ``scoped_key_id`` yet.
    """

    admin: PostBoostClient
    target: Target
    maker: Maker
    connect: Callable[[ClientSettings], PostBoostClient]
    mask: Callable[[str], None]
    key: int | str | None = None
    _revoked: set[int] = field(default_factory=set)

    def next(self, when_less_than: timedelta | None, now: datetime) -> Rest | Renew | Retire:
        """Read the connection and the keys, and return the next step. Nothing is changed."""
        connection = self.target.read()
        keys = self._keys(connection)
        return decide(
            self._current(connection, keys), keys, self.maker, when_less_than=when_less_than, now=now
        )

    def renew(self, step: Renew, valid_days: int, now: datetime) -> Key:
        """Create the successor of the current key, check it, write it to the connection and check it there.

        After an error the current key stays in place, and a retry starts over.
        """
        connection = self.target.read()
        self._check_holds(connection, step.current, now)
        self._check_same_user(connection, now)
        for orphan in step.orphans:
            refusals.check_unused(orphan)
        self._check_store(connection, step.current, now)
        for orphan in step.orphans:
            log.info("Key %d (%s) is left over from an earlier attempt.", orphan.id, orphan.name)
            self.revoke(connection, orphan)
        new, secret = self._make(connection, step.current, now.date() + timedelta(days=valid_days))
        log.info("Created key %d (%s), whose last day is %s.", new.id, new.name, new.expires_at)
        try:
            self._refuse_other_user(connection, step.current.created_by, new.created_by)
            self._check_accepted(replace(connection.settings, token=secret, expiry=new.expiry))
        except PostBoostError:
            self._undo(connection, new)
            raise
        noted = {
            "scoped_key_id": new.id,
            "rotation": note(new, secret, now),
            "expires_on": str(new.expires_at),
        }
        self._place(connection, new, secret, {**connection.extras, **noted})
        try:
            self._check_in_place(new, secret)
        except AuthenticationError as error:
            # Another process of this task found the new key as an orphan, and revoked it.
            if self.target.read().settings.token == secret:
                self._check_accepted(connection.settings)
                self.target.write(connection.settings.token, connection.extras)
            raise refusals.changed_meanwhile(
                f"Key {new.id} was revoked while it was written to {connection.settings.name}, by another run of this task "
                "or by a person. The old key is in place again."
            ) from error
        log.info("%s now has key %d, and PostBoost accepts it.", connection.settings.name, new.id)
        return new

    def retire(self, step: Retire, now: datetime) -> None:
        """Revoke what the current key replaced, after checking again that it is in place."""
        connection = self.target.read()
        found = connection.settings.scoped_key_id
        if found not in (None, step.current.id):
            raise refusals.changed_meanwhile(
                f"{connection.settings.name} now has key {found} instead of {step.current.id}. Nothing was revoked."
            )
        self._check_holds(connection, step.current, now)
        self._check_accepted(connection.settings)
        for key in step.leftovers:
            self.revoke(connection, key)

    def revoke(self, connection: ConnectionContents, key: Key) -> None:
        """Revoke a key. Succeeds if it does not exist any more."""
        parameters = {"workspace_uuid": connection.settings.workspace_uuid, "api_key_id": key.id}
        try:
            self.admin.call("delete_api_key", parameters=parameters)
        except NotFoundError:
            log.info("Key %d (%s) was revoked already.", key.id, key.name)
        else:
            used = f", last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else ""
            log.info("Revoked key %d (%s)%s.", key.id, key.name, used)
        self._revoked.add(key.id)

    def _keys(self, connection: ConnectionContents) -> dict[int, Key]:
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
        where = {"workspace_uuid": settings.workspace_uuid}
        try:
            rows = list(self.admin.pages("list_api_keys", parameters=where))
        except PermissionDeniedError as error:
            is_scoped = error.code == "insufficient_scope"
            problem = "has a scoped key" if is_scoped else "may not manage keys there"
            raise PostBoostConfigError(
                f"{admin.name} {problem}: creating and revoking keys needs the access token of an admin of workspace "
                f"{settings.workspace_uuid}, from Settings > Access Tokens. {error}",
                code="not_an_admin",
                field="admin_conn_id",
            ) from error
        return {key.id: key for key in map(Key.read, rows) if key.id not in self._revoked}

    def _current(self, connection: ConnectionContents, keys: Mapping[int, Key]) -> Key:
        name, wanted = connection.settings.name, connection.settings.scoped_key_id or self.key
        if wanted is None or wanted == "":
            raise PostBoostConfigError(
                f"{name} has no scoped_key_id. Set it in its extras, or name the key with key=. To replace an access token, "
                "which a person has to do, use PostBoostRotateTokenOperator.",
                code="missing",
                field="scoped_key_id",
            )
        wanted = int(wanted) if str(wanted).isdecimal() else wanted
        found = [key for key in keys.values() if wanted in (key.id, key.name)]
        if len(found) > 1:
            ids = ", ".join(str(key.id) for key in found)
            raise PostBoostConfigError(
                f"{len(found)} keys have the name {wanted!r}: {ids}. Give the id of the one in {name}.",
                code="several",
                field="key",
            )
        if not found:
            raise PostBoostConfigError(
                f"Key {wanted} of {name} is not among the {len(keys)} keys that {self.admin.settings.name} sees in its "
                "workspace: it was revoked, has expired, or is another user's. Create a new key, and put it and its "
                "scoped_key_id into the connection.",
                code="unknown_key",
                field="scoped_key_id",
            )
        return found[0]

    def _check_holds(self, connection: ConnectionContents, key: Key, now: datetime) -> None:
        """Check that the connection's token is this key's, so that no other key is revoked for it."""
        noted = read_note(connection.extras.get("rotation"))
        if noted is not None and noted[0] == key.id:
            if noted[1] != reference(connection.settings.token):
                raise refusals.wrong_key(connection, key, "the token was replaced since that key was written")
            return
        try:
            self._check_accepted(connection.settings)
        except AuthenticationError as error:
            if key.expires_at is not None and now.date() >= key.expires_at:
                return  # The key has expired, but it can still be replaced.
            raise refusals.wrong_key(
                connection, key, "PostBoost refuses the token, and lists the key as valid"
            ) from error
        seen = self._keys(connection).get(key.id)
        if seen is None or seen.last_used_at is None or now - seen.last_used_at > refusals.LAST_USE_DELAY:
            last = f"{seen.last_used_at:%Y-%m-%d %H:%M} UTC" if seen and seen.last_used_at else "never"
            raise refusals.wrong_key(
                connection, key, f"the token was used a moment ago, and the last use of that key was: {last}"
            )

    def _check_same_user(self, connection: ConnectionContents, now: datetime) -> None:
        """Check in PostBoost's activity log that admin and target are the same user: a key acts as its creator.

        Where the log can't tell, the response with the new key does, and the key is revoked again.
        """
        actor = Actor(self.maker.task, ("rotation", self.maker.conn_id))
        act = f"rotation {digest(self.maker.run, f'{now:%H%M%S%f}')[:12]}"
        where = {"workspace_uuid": connection.settings.workspace_uuid}
        with self.connect(connection.settings) as api:
            for role, client in (("target", api), ("admin", self.admin)):
                try:
                    client.send(
                        "validate_post",
                        parameters=where,
                        body=_DRY_RUN,
                        client_label=str(actor.label(f"{act} {role}")),
                    )
                except ValidationError:
                    pass  # PostBoost logs that as well.
                except (AuthenticationError, PermissionDeniedError):
                    return
        entries = read_log(self.admin, actor.owner, **where) or ()
        users = {entry.label.act: entry.user_id for entry in entries}
        self._refuse_other_user(connection, users.get(f"{act} target"), users.get(f"{act} admin"))

    def _refuse_other_user(self, connection: ConnectionContents, user: object, admin_user: object) -> None:
        if user is not None and admin_user is not None and user != admin_user:
            raise refusals.other_user(connection.settings.name, user, self.admin.settings.name, admin_user)

    def _check_store(self, connection: ConnectionContents, current: Key, now: datetime) -> None:
        """Note in the connection which key its token is, and check that tasks read that from the store."""
        stored = self.target.stored()
        names = ("scoped_key_id", "rotation", "workspace_uuid")
        if stored is not None and any(stored.get(name) != connection.extras.get(name) for name in names):
            raise refusals.shadowed(connection)
        noted = note(current, connection.settings.token, now)
        self.target.write(None, {**connection.extras, "scoped_key_id": current.id, "rotation": noted})
        if self.target.read().extras.get("rotation") != noted:
            self.target.write(None, connection.extras if stored is None else stored)
            raise refusals.shadowed(connection)

    def _make(self, connection: ConnectionContents, old: Key, last_day: date) -> tuple[Key, str]:
        body: dict[str, Any] = {"name": self.maker.name(old), "expires_at": str(last_day)}
        body["abilities"] = list(old.abilities)
        if old.account_ids is not None:
            body["account_ids"] = list(old.account_ids)
        where = {"workspace_uuid": connection.settings.workspace_uuid}
        created = self.admin.call("create_api_key", parameters=where, body=body)["data"]
        secret = str(created["token"])
        self.mask(secret)
        return Key.read(created), secret

    def _check_accepted(self, settings: ClientSettings) -> None:
        """Check that PostBoost accepts the token, whatever it may do."""
        with self.connect(settings) as api:
            try:
                api.call("list_tags")
            except PermissionDeniedError as error:
                log.info("PostBoost accepts the token, which may not list tags: %s", error)

    def _place(
        self, connection: ConnectionContents, new: Key, secret: str, extras: Mapping[str, Any]
    ) -> None:
        if self.target.read().settings.token != connection.settings.token:
            self._undo(connection, new)
            raise refusals.changed_meanwhile(
                f"Another run has written a new key to {connection.settings.name}. Key {new.id} was revoked again."
            )
        try:
            self.target.write(secret, extras)
        except (PostBoostConfigError, UnreachableError):
            self._undo(connection, new)
            raise
        except PostBoostError as error:
            # It may have been written, or be written later: the next attempt reads that, and revokes the key if not.
            if self.target.read().settings.token != secret:
                raise
            log.warning("The store failed, but it has the new key: %s", error)

    def _check_in_place(self, new: Key, secret: str) -> None:
        connection = self.target.read()
        if connection.settings.token != secret:
            raise refusals.changed_meanwhile(
                f"{connection.settings.name} does not show key {new.id}: another task or person has written to it too. "
                "Nothing was revoked; the next attempt revokes the new key unless the connection has it."
            )
        self._check_accepted(connection.settings)

    def _undo(self, connection: ConnectionContents, new: Key) -> None:
        try:
            self.revoke(connection, new)
        except PostBoostError as error:
            log.warning("Key %d could not be revoked again; the next attempt revokes it: %s", new.id, error)
