"""Rotate the scoped key of a connection: the steps, each safe to repeat. No Airflow in here.

Making a key has no idempotency, and shows the secret once (SDK 1.66.3). So a try that was killed is not continued: its
key is found by name and revoked, and another one is made. The old key is revoked last, when the new one is proven to be
in place.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    UnreachableError,
    ValidationError,
)
from postboost_provider.idempotency.activity_log import read_log
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
    from postboost_provider.rotation.target import Held, Target

log = logging.getLogger(__name__)

# Something to have checked that is nobody's post. Its answer does not matter.
_DRY_RUN = {
    "versions": [{"account_id": 0, "is_original": True, "content": [{"body": "-", "media": []}]}],
    "accounts": [],
}


class Rotation:
    """The steps of a rotation, each safe to repeat.

    :param admin: a client with the unscoped token of a workspace admin.
    :param target: the connection.
    :param connect: gives a client for settings.
    :param mask: keeps a secret out of the logs from now on.
    :param key: the current key by id or name, for a connection that has no ``scoped_key_id`` yet.
    """

    def __init__(
        self,
        admin: PostBoostClient,
        target: Target,
        maker: Maker,
        *,
        connect: Callable[[ClientSettings], PostBoostClient],
        mask: Callable[[str], None],
        key: int | str | None = None,
    ) -> None:
        self._admin = admin
        self._target = target
        self._maker = maker
        self._connect = connect
        self._mask = mask
        self._key = key
        self._revoked: set[int] = set()

    def next(self, when_less_than: timedelta | None, now: datetime) -> Rest | Renew | Retire:
        """Look at the connection and at the keys, and return what is to do.

        :raises PostBoostConfigError: this connection's key can't be rotated; nothing was changed.
        """
        held = self._target.read()
        keys = self._keys(held)
        return decide(self._current(held, keys), keys, self._maker, when_less_than=when_less_than, now=now)

    def renew(self, step: Renew, valid_days: int, now: datetime) -> Key:
        """Make the successor of the current key, prove it, put it into the connection and prove it there.

        :raises PostBoostError: the current key stays in place, and a retry begins anew.
        """
        held = self._target.read()
        self._check_holds(held, step.current, now)
        self._check_same_user(held, now)
        for orphan in step.orphans:
            refusals.check_unused(orphan)
        self._check_store(held, step.current, now)
        for orphan in step.orphans:
            log.info("Key %d (%s) is left over from an earlier try.", orphan.id, orphan.name)
            self.revoke(held, orphan)
        new, secret = self._make(held, step.current, now.date() + timedelta(days=valid_days))
        log.info("Made key %d (%s), which works until the end of %s.", new.id, new.name, new.expires_at)
        try:
            if None not in (users := {new.created_by, step.current.created_by}) and len(users) > 1:
                raise refusals.other_user(self._admin.settings.name, new.created_by, step.current)
            self._prove(replace(held.settings, token=secret, expiry=new.expiry))
            extras = {
                **held.extras,
                "scoped_key_id": new.id,
                "expires_on": str(new.expires_at),
                "rotation": note(new, secret, now),
            }
        except PostBoostError:
            self._undo(held, new)
            raise
        self._place(held, new, secret, extras)
        try:
            self._check_in_place(new, secret)
        except AuthenticationError as error:
            # Another process of this task took the new key for a leftover, and revoked it.
            if self._target.read().settings.token == secret:
                self._prove(held.settings)
                self._target.write(held.settings.token, held.extras)
            raise ConflictError(
                f"Key {new.id} was revoked while it was put into {held.settings.name}: another run of this task is under "
                "way, or somebody did it by hand. The old key is in place again; the next try begins anew.",
                status=409,
            ) from error
        log.info("%s holds key %d now, and PostBoost accepts it.", held.settings.name, new.id)
        return new

    def retire(self, step: Retire, now: datetime) -> None:
        """Revoke what the current key replaced, once more proven to be in place."""
        held = self._target.read()
        if held.key_id not in (None, step.current.id):
            raise ConflictError(
                f"{held.settings.name} holds key {held.key_id} and not {step.current.id} any more: nothing was "
                "revoked. The next try looks anew.",
                status=409,
            )
        self._check_holds(held, step.current, now)
        self._prove(held.settings)
        for key in step.leftovers:
            self.revoke(held, key)

    def revoke(self, held: Held, key: Key) -> None:
        """Revoke a key. One that is gone already is what was wanted."""
        parameters = {"workspace_uuid": held.settings.workspace_uuid, "api_key_id": key.id}
        try:
            self._admin.call("delete_api_key", parameters=parameters)
        except NotFoundError:
            log.info("Key %d (%s) was gone already.", key.id, key.name)
        else:
            used = f", last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else ""
            log.info("Revoked key %d (%s)%s.", key.id, key.name, used)
        self._revoked.add(key.id)

    def _keys(self, held: Held) -> dict[int, Key]:
        settings, admin = held.settings, self._admin.settings
        if not settings.workspace_uuid:
            raise PostBoostConfigError(
                f"{settings.name} has no workspace_uuid: set it to the workspace of its key."
            )
        if settings.base_url != admin.base_url:
            raise PostBoostConfigError(
                f"{settings.name} is at {settings.base_url}, and {admin.name} at {admin.base_url}: a key of one does not "
                "work at the other. Give the admin connection of the same PostBoost."
            )
        try:
            rows = list(
                self._admin.pages("list_api_keys", parameters={"workspace_uuid": settings.workspace_uuid})
            )
        except PermissionDeniedError as error:
            what = "holds a scoped key" if error.code == "insufficient_scope" else "may not handle keys there"
            raise PostBoostConfigError(
                f"{admin.name} {what}: making and revoking keys needs the access token of an admin of workspace "
                f"{settings.workspace_uuid} (made under Settings > Access Tokens). PostBoost said: {error}"
            ) from error
        return {key.id: key for key in map(Key.read, rows) if key.id not in self._revoked}

    def _current(self, held: Held, keys: Mapping[int, Key]) -> Key:
        name, wanted = held.settings.name, held.key_id or self._key
        if wanted is None or wanted == "":
            raise PostBoostConfigError(
                f"{name} does not say which scoped key it holds: set scoped_key_id in its extras, or name the key with "
                "key=. An access token has none: PostBoost's API neither makes nor revokes one, so that a "
                "person replaces it: see PostBoostRotateTokenOperator."
            )
        if isinstance(wanted, int) or wanted.isdecimal():
            found = [key for key in keys.values() if key.id == int(wanted)]
        else:
            found = [key for key in keys.values() if key.name == wanted]
        if len(found) > 1:
            ids = ", ".join(str(key.id) for key in found)
            raise PostBoostConfigError(
                f"{len(found)} keys have the name {wanted!r}: {ids}. Give the id of the one that {name} holds."
            )
        if not found:
            raise PostBoostConfigError(
                f"Key {wanted!r} of {name} is not among the {len(keys)} keys that {self._admin.settings.name} sees in "
                f"workspace {held.settings.workspace_uuid}. It was revoked, has expired and is listed no longer, or is "
                "another user's. Make a new key, and put it and its scoped_key_id into the connection."
            )
        return found[0]

    def _check_holds(self, held: Held, key: Key, now: datetime) -> None:
        """Make sure that the connection's token is this key's, so that no other one's is revoked for it."""
        noted = read_note(held.extras.get("rotation"))
        if noted is not None and noted[0] == key.id:
            if noted[1] != reference(held.settings.token):
                raise refusals.not_the_key(held, key, "the token was replaced since that key was put there")
            return
        try:
            self._prove(held.settings)
        except AuthenticationError as error:
            if key.expires_at is not None and now.date() >= key.expires_at:
                return  # It is too late for this key, but not for its successor.
            raise refusals.not_the_key(
                held, key, "PostBoost refuses the token, and lists the key as alive"
            ) from error
        seen = self._keys(held).get(key.id)
        if (
            seen is None
            or seen.last_used_at is None
            or now - seen.last_used_at > refusals.USE_IS_NOTED_WITHIN
        ):
            last = f"{seen.last_used_at:%Y-%m-%d %H:%M} UTC" if seen and seen.last_used_at else "never"
            raise refusals.not_the_key(
                held, key, f"the token was used this minute, and that key was last used: {last}"
            )

    def _check_same_user(self, held: Held, now: datetime) -> None:
        """Have PostBoost's activity log tell whether admin and target are one user: a key acts as its maker.

        Where it can't tell, the answer that brings the new key does, and the key is revoked again.
        """
        label = f"{self._maker.prefix} rotation {self._maker.run} {now:%H%M%S%f}"
        where = {"workspace_uuid": held.settings.workspace_uuid}
        with self._connect(held.settings) as api:
            for who, client in (("target", api), ("admin", self._admin)):
                try:
                    client.send(
                        "validate_post", parameters=where, body=_DRY_RUN, client_label=f"{label} {who}"
                    )
                except ValidationError:
                    pass  # PostBoost notes that as well.
                except (AuthenticationError, PermissionDeniedError):
                    return
        entries = read_log(self._admin, f"{label} ", **where) or ()
        users = {str(entry.label).removeprefix(f"{label} "): entry.user_id for entry in entries}
        target, admin = users.get("target"), users.get("admin")
        if target is not None and admin is not None and target != admin:
            raise PostBoostConfigError(
                f"{held.settings.name} acts as user {target}, and {self._admin.settings.name} as user {admin}: a key "
                "always acts as the user who makes it. Use an admin connection of that user, or make the key anew as "
                "this one."
            )

    def _check_store(self, held: Held, current: Key, now: datetime) -> None:
        """Write what is true already, and see whether it arrives where tasks read it."""
        stored = self._target.stored()
        if stored is not None and any(
            stored.get(name) != held.extras.get(name)
            for name in ("scoped_key_id", "rotation", "workspace_uuid")
        ):
            raise refusals.shadowed(held)
        extras = {
            **held.extras,
            "scoped_key_id": current.id,
            "rotation": note(current, held.settings.token, now),
        }
        self._target.write(None, extras)
        if self._target.read().extras.get("rotation") != extras["rotation"]:
            self._target.write(None, held.extras if stored is None else stored)
            raise refusals.shadowed(held)

    def _make(self, held: Held, old: Key, last_day: date) -> tuple[Key, str]:
        body: dict[str, Any] = {
            "name": self._maker.name(old),
            "abilities": list(old.abilities),
            "expires_at": str(last_day),
        }
        if old.account_ids is not None:
            body["account_ids"] = list(old.account_ids)
        made = self._admin.call(
            "create_api_key", parameters={"workspace_uuid": held.settings.workspace_uuid}, body=body
        )["data"]
        secret = str(made["token"])
        self._mask(secret)
        return Key.read(made), secret

    def _prove(self, settings: ClientSettings) -> None:
        """Have PostBoost accept the token. What it may do there does not matter.

        :raises AuthenticationError: it does not.
        """
        with self._connect(settings) as api:
            try:
                api.call("list_tags")
            except PermissionDeniedError as error:
                log.info("PostBoost accepts the token, though it may not read this: %s", error)

    def _place(self, held: Held, new: Key, secret: str, extras: Mapping[str, Any]) -> None:
        if self._target.read().settings.token != held.settings.token:
            self._undo(held, new)
            raise ConflictError(
                f"Another run has put a new key into {held.settings.name} meanwhile. Nothing was written, and key {new.id} was "
                "revoked again; the next try begins anew.",
                status=409,
            )
        try:
            self._target.write(secret, extras)
        except (PostBoostConfigError, UnreachableError):
            self._undo(held, new)
            raise
        except PostBoostError as error:
            # It may have been written, or be written yet: the next try sees, and revokes it if not.
            if self._target.read().settings.token != secret:
                raise
            log.warning("The store gave no clear answer, but it has the new key: %s", error)

    def _check_in_place(self, new: Key, secret: str) -> None:
        held = self._target.read()
        if held.settings.token != secret:
            raise ConflictError(
                f"{held.settings.name} does not show the key that was written to it: another task or person has "
                f"written it too. Nothing was revoked; key {new.id} was made, and goes with the next try if nobody "
                "holds it.",
                status=409,
            )
        self._prove(held.settings)

    def _undo(self, held: Held, new: Key) -> None:
        try:
            self.revoke(held, new)
        except PostBoostError as error:
            log.warning("Key %d could not be revoked again; the next try does: %s", new.id, error)
