"""The errors that say why a key is not rotated."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import NotFinishedError, PostBoostConfigError

if TYPE_CHECKING:
    from postboost_provider.rotation.plan import Key
    from postboost_provider.rotation.target import ConnectionContents

# How old the last use of a key may look right after a use: PostBoost does not document how often it is updated.
LAST_USE_DELAY = timedelta(hours=1)


def check_unused(orphan: Key) -> None:
    """Check that nobody uses the orphan before it is revoked: it was used at most once, right after its creation."""
    created, used = orphan.created_at, orphan.last_used_at
    if used is not None and created is not None and used - created > LAST_USE_DELAY:
        raise PostBoostConfigError(
            f"Key {orphan.id} ({orphan.name}) has the name of an earlier attempt, but was used at {used:%Y-%m-%d %H:%M} "
            "UTC: another Airflow rotates the same key. Give each its own key. Nothing was changed.",
            code="refused",
        )


def shadowed(connection: ConnectionContents) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"{connection.settings.name} does not show what is in its store: tasks read it from elsewhere, such as a secrets "
        "backend with precedence. Give the store that writes there, or remove the connection there. No key was created.",
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


def other_user(connection: str, user: object, admin: str, admin_user: object) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"{connection} acts as user {user}, and {admin} as user {admin_user}: a key always acts as the user who creates it. "
        f"Use an admin connection of user {user}, or create the key of {connection} as user {admin_user}.",
        code="other_user",
        field="admin_conn_id",
    )


def changed_meanwhile(seen: str) -> NotFinishedError:
    """Return the retryable error for keys or a connection that somebody else changed during the rotation."""
    return NotFinishedError(f"{seen} Retry the task: it starts over.", code="still_used")
