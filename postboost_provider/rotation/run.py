"""Rotate the scoped key of a connection.

Creating a key takes no idempotency key, and shows the secret once (SDK 1.66.3). So an attempt that was killed is not
continued: it leaves a key with a name that says what it was to replace, and another one is created. The old key and what
killed attempts left are revoked last, when PostBoost has accepted the new one from the connection.

Two rotations of one connection may run at once. Each creates a key; the first to write it wins. The other one finds, right
before its own write, that the connection has changed: it revokes its own key and starts over (``overtaken``). The extra
``rotation`` tells which key the connection has, and changes with the token, so stores compare it before they write.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from postboost_provider.api.errors import (
    AuthenticationError,
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
    Renew,
    Rest,
    Retire,
    decide,
    note,
    read_note,
    recover,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.rotation.keys import Keys
    from postboost_provider.rotation.target import ConnectionContents, Target

log = logging.getLogger(__name__)

# A post without accounts, only to get an entry in the activity log. The response does not matter.
_VERSION = {"account_id": 0, "is_original": True, "content": [{"body": "-", "media": []}]}
_DRY_RUN = {"versions": [_VERSION], "accounts": []}


@dataclass
class Rotation:
    """The steps of a rotation, each safe to retry.

    :param target: the connection.
    :param connect: returns a client for settings.
    :param key: the current key by id or name, for a connection that has no ``scoped_key_id`` yet.
    """

    keys: Keys
    target: Target
    connect: Callable[[ClientSettings], PostBoostClient]
    key: int | str | None = None

    def next(
        self, when_less_than: timedelta | None, now: datetime, since: datetime | None = None
    ) -> Rest | Renew | Retire:
        """Read the connection and the keys, and return the next step. Nothing is changed."""
        connection, maker = self.target.read(), self.keys.maker
        wanted = connection.settings.scoped_key_id or self.key
        if wanted is None or wanted == "":
            raise PostBoostConfigError(
                f"{connection.settings.name} has no scoped_key_id. Set it in its extras, or name the key with key=. To replace "
                "an access token, which a person has to do, use PostBoostRotateTokenOperator.",
                code="missing",
                field="scoped_key_id",
            )
        listed = self.keys.listed(connection)
        current = self.keys.find(wanted, connection, listed)
        if current is None:
            return self._recover(connection, wanted, listed)
        return decide(current, listed, maker, when_less_than=when_less_than, now=now, since=since)

    def renew(self, step: Renew, valid_days: int, now: datetime) -> Key:
        """Create the successor of the current key, check it, write it to the connection and check it there.

        After an error the current key stays in place, and a retry starts over.
        """
        connection = self._read(step.held)
        if step.lost is None:
            self._check_holds(connection, step.current, now)
        self.keys.wanted_abilities(connection, step.current)
        self._check_same_user(connection, now)
        for orphan in step.orphans:
            refusals.check_unused(orphan)
        connection = self._check_store(connection, step, now)
        for orphan in step.stale_orphans(now):
            log.info("Key %d (%s) is left over from an earlier attempt.", orphan.id, orphan.name)
            self.keys.revoke(connection, orphan)
        new, secret = self.keys.create(connection, step, now.date() + timedelta(days=valid_days))
        try:
            self._refuse_other_user(connection, step.current.created_by, new.created_by)
            self.keys.check_same_powers(connection, step.current, new)
            self._check_accepted(replace(connection.settings, token=secret, expiry=new.expiry))
            self._check_unchanged(connection)
        except PostBoostError as error:
            self.keys.undo(connection, new)
            self._look_again(connection, error)
        self._place(connection, new, secret, now)
        try:
            self._check_in_place(connection, new, secret)
        except AuthenticationError as error:
            if new.id in self.keys.listed(connection):
                raise
            raise refusals.overtaken(
                f"Key {new.id} was revoked while it was written to {connection.settings.name}."
            ) from error
        log.info("%s now has key %d, and PostBoost accepts it.", connection.settings.name, new.id)
        return new

    def retire(self, step: Retire, now: datetime) -> None:
        """Revoke what the current key replaced, after checking again that it is in place."""
        connection = self._read(step.current.id)
        self._check_holds(connection, step.current, now)
        try:
            self._check_accepted(connection.settings)
        except AuthenticationError as error:
            if step.current.id not in self.keys.listed(connection):
                raise refusals.overtaken(f"Key {step.current.id} was revoked meanwhile.") from error
            self._look_again(connection, error)
        old = step.current.successor_of
        for key in step.leftovers:
            if key.id != old:
                refusals.check_unused(key)
                log.info("Key %d (%s) is left over from an earlier attempt.", key.id, key.name)
            self.keys.revoke(connection, key)

    def _read(self, held: int) -> ConnectionContents:
        """Return the connection, which must still have the key with this id."""
        connection = self.target.read()
        found = connection.settings.scoped_key_id
        if found not in (None, held):
            raise refusals.overtaken(f"{connection.settings.name} now has key {found} instead of {held}.")
        return connection

    def _recover(self, connection: ConnectionContents, wanted: int | str, keys: Mapping[int, Key]) -> Renew:
        """Return how to replace a key that is not listed: it was revoked, has expired, or is another user's."""
        self._check_unchanged(connection)
        noted = read_note(connection.extras.get("rotation"))
        if isinstance(wanted, int) and noted and noted[:2] == (wanted, reference(connection.settings.token)):
            step = recover(wanted, noted[2], keys, self.keys.maker)
            if step is not None and not self._is_accepted(connection):
                log.warning(
                    "%s has key %d, which a rotation has revoked. It gets a new one with what key %d may do.",
                    connection.settings.name,
                    wanted,
                    step.current.id,
                )
                return step
        raise refusals.unknown_key(connection, wanted, len(keys), self.keys.admin.settings.name)

    def _check_unchanged(self, connection: ConnectionContents) -> None:
        found = self.target.read()
        if found.settings.token != connection.settings.token or _held(found.extras) != _held(
            connection.extras
        ):
            raise refusals.overtaken(f"Another run has written a new key to {connection.settings.name}.")

    def _look_again(self, connection: ConnectionContents, error: PostBoostError) -> NoReturn:
        """Raise the error, unless another run has caused it by changing the connection."""
        self._check_unchanged(connection)
        raise error

    def _check_holds(self, connection: ConnectionContents, key: Key, now: datetime) -> None:
        """Check that the connection's token is this key's, so that no other key is revoked for it."""
        noted = read_note(connection.extras.get("rotation"))
        if noted is not None and noted[0] == key.id:
            if noted[1] != reference(connection.settings.token):
                raise refusals.wrong_key(connection, key, "the token was replaced since that key was written")
            return
        if not self._is_accepted(connection):
            if key.expires_at is not None and now.date() >= key.expires_at:
                return  # The key has expired, but it can still be replaced.
            why = "PostBoost refuses the token, and lists the key as valid"
            self._look_again(connection, refusals.wrong_key(connection, key, why))
        seen = self.keys.listed(connection).get(key.id)
        if seen is None or seen.last_used_at is None or now - seen.last_used_at > refusals.LAST_USE_DELAY:
            last = f"{seen.last_used_at:%Y-%m-%d %H:%M} UTC" if seen and seen.last_used_at else "never"
            why = f"the token was used a moment ago, and the last use of that key was: {last}"
            self._look_again(connection, refusals.wrong_key(connection, key, why))

    def _check_same_user(self, connection: ConnectionContents, now: datetime) -> None:
        """Check in PostBoost's activity log that admin and target are the same user: a key acts as its creator.

        Where the log can't tell, the response with the new key does, and the key is revoked again.
        """
        actor = Actor(self.keys.maker.task, ("rotation", self.keys.maker.conn_id))
        act = f"rotation {digest(self.keys.maker.run, f'{now:%H%M%S%f}')[:12]}"
        workspace = connection.settings.workspace_uuid
        with self.connect(connection.settings) as api:
            for role, client in (("target", api), ("admin", self.keys.admin)):
                try:
                    client.send(
                        "validate_post",
                        parameters={"workspace_uuid": workspace},
                        body=_DRY_RUN,
                        client_label=str(actor.label(f"{act} {role}")),
                    )
                except ValidationError:
                    pass  # PostBoost logs that as well.
                except (AuthenticationError, PermissionDeniedError):
                    return
        entries = read_log(self.keys.admin, actor.owner, workspace_uuid=workspace) or ()
        users = {entry.label.act: entry.user_id for entry in entries}
        self._refuse_other_user(connection, users.get(f"{act} target"), users.get(f"{act} admin"))

    def _refuse_other_user(self, connection: ConnectionContents, user: object, admin_user: object) -> None:
        if user is not None and admin_user is not None and user != admin_user:
            admin = self.keys.admin.settings.name
            raise refusals.other_user(connection.settings.name, user, admin, admin_user)

    def _check_store(self, connection: ConnectionContents, step: Renew, now: datetime) -> ConnectionContents:
        """Note in the connection which key its token is, and check that tasks read that from the store.

        Returns the connection with the note.
        """
        stored, before = self.target.stored(), connection.extras.get("rotation")
        names = ("scoped_key_id", "rotation", "workspace_uuid")
        if stored is not None and any(stored.get(name) != connection.extras.get(name) for name in names):
            self._look_again(connection, refusals.shadowed(connection))
        noted_old = (read_note(before) or (0, "", None))[2]
        noted = note(step.held, connection.settings.token, now, noted_old)
        self._write(connection, None, {"scoped_key_id": step.held, "rotation": noted})
        found = self.target.read()
        if found.settings.token != connection.settings.token:
            raise refusals.overtaken(f"Another run has written a new key to {connection.settings.name}.")
        seen = found.extras.get("rotation")
        # The note of another run, at another time, shows as well that tasks read what is written.
        if seen != noted and seen == before:
            self.target.write(None, lambda _: connection.extras if stored is None else stored)
            raise refusals.shadowed(connection)
        return found

    def _check_accepted(self, settings: ClientSettings) -> None:
        """Check that PostBoost accepts the token, whatever it may do."""
        with self.connect(settings) as api:
            try:
                api.call("list_tags")
            except PermissionDeniedError as error:
                log.info("PostBoost accepts the token, which may not list tags: %s", error)

    def _is_accepted(self, connection: ConnectionContents) -> bool:
        try:
            self._check_accepted(connection.settings)
        except AuthenticationError:
            return False
        return True

    def _write(self, connection: ConnectionContents, token: str | None, changes: Mapping[str, Any]) -> None:
        """Write to the connection, if it is still as it was read."""

        def edit(stored: Mapping[str, Any]) -> Mapping[str, Any]:
            if _held(stored) != _held(connection.extras):
                raise refusals.overtaken(f"Another run has written a new key to {connection.settings.name}.")
            return {**stored, **changes}

        self._check_unchanged(connection)
        self.target.write(token, edit)

    def _place(self, connection: ConnectionContents, new: Key, secret: str, now: datetime) -> None:
        changes = {
            "scoped_key_id": new.id,
            "rotation": note(new.id, secret, now, new.successor_of),
            "expires_on": str(new.expires_at),
        }
        try:
            self._write(connection, secret, changes)
        except PostBoostError as error:
            if refusals.is_overtaken(error) or isinstance(error, (PostBoostConfigError, UnreachableError)):
                self.keys.undo(connection, new)
                raise
            # It may have been written, or be written later: the next attempt reads that, and revokes the key if not.
            if self.target.read().settings.token != secret:
                raise
            log.warning("The store failed, but it has the new key: %s", error)

    def _check_in_place(self, connection: ConnectionContents, new: Key, secret: str) -> None:
        found = self.target.read()
        if found.settings.token == secret:
            self._check_accepted(found.settings)
            return
        if found.settings.token != connection.settings.token:
            self.keys.undo(connection, new)
            raise refusals.overtaken(
                f"{found.settings.name} does not show key {new.id}: another run has written another key."
            )
        raise refusals.changed_meanwhile(
            f"{found.settings.name} does not show key {new.id}: another task or person has written to it too. "
            "Nothing was revoked; the next attempt revokes the new key unless the connection has it."
        )


def _held(extras: Mapping[str, Any]) -> tuple[str, object]:
    """Return which key a connection says that it has."""
    return str(extras.get("scoped_key_id") or ""), read_note(extras.get("rotation"))
