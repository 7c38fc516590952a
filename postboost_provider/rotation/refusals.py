"""The errors that say why a key is not rotated."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import ConflictError, PostBoostConfigError

if TYPE_CHECKING:
    from postboost_provider.rotation.plan import Key
    from postboost_provider.rotation.target import ConnectionContents

# How old the last use of a key may look right after a use: PostBoost does not document how often it is updated.
LAST_USE_DELAY = timedelta(hours=1)


def check_unused(orphan: Key) -> None:
    """Check that nobody uses the orphan before it is revoked: it was used at most once, right after its creation."""
    if (
        orphan.last_used_at is not None
        and orphan.created_at is not None
        and orphan.last_used_at - orphan.created_at > LAST_USE_DELAY
    ):
        raise PostBoostConfigError(
            f"Key {orphan.id} ({orphan.name}) has the name of an earlier attempt, but was used at "
            f"{orphan.last_used_at:%Y-%m-%d %H:%M} UTC: another Airflow rotates the same key. Give each its own key. "
            "Nothing was changed.",
            code="key_in_use",
        )


def shadowed(connection: ConnectionContents) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"{connection.settings.name} does not show what is in its store: tasks read it from elsewhere, such as a secrets "
        "backend that comes first. Give the store that writes there, or remove the connection there. No key was created.",
        code="shadowed",
        field="store",
    )


def wrong_key(connection: ConnectionContents, key: Key, why: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"{connection.settings.name} says that its token is key {key.id} ({key.name}), but {why}. Nothing was changed. "
        "Correct scoped_key_id.",
        code="wrong_key",
        field="scoped_key_id",
    )


def other_user(admin: str, made_by: str | None, old: Key) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"A key that {admin} creates acts as {made_by}, and key {old.id} acts as {old.created_by}: a key always acts as the "
        f"user who creates it. Use an admin connection of {old.created_by}. The new key was revoked again.",
        code="other_user",
        field="admin_conn_id",
    )


def changed_meanwhile(seen: str) -> ConflictError:
    """Return the error for another run or person that changed keys or connection during the rotation: retryable."""
    return ConflictError(f"{seen} Retry the task: it starts over.", status=409, code="changed_meanwhile")
