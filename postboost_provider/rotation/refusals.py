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
OVERTAKEN = "overtaken"


def check_unused(orphan: Key) -> None:
    """Check that nobody uses the orphan before it is revoked: it was used at most once, right after its creation."""
    created, used = orphan.created_at, orphan.last_used_at
    if used is not None and created is not None and used - created > LAST_USE_DELAY:
        raise PostBoostConfigError(
            f"Key {orphan.id} ({orphan.name}) has the name of an earlier attempt, but was used at {used:%Y-%m-%d %H:%M} "
            "UTC: another Airflow rotates the same key. Give each its own key. Nothing was changed.",
            code="in_use",
            field="postboost_conn_id",
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


def unknown_key(
    connection: ConnectionContents, wanted: object, count: int, admin: str
) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"Key {wanted} of {connection.settings.name} is not among the {count} keys that {admin} sees in its workspace: it "
        "was revoked, has expired, or is another user's. Create a new key, and put it and its scoped_key_id into the "
        "connection.",
        code="unknown_key",
        field="scoped_key_id",
    )


def unknown_abilities(connection: ConnectionContents, key: Key) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"PostBoost does not say which abilities key {key.id} ({key.name}) of {connection.settings.name} has, so the new one "
        "could have fewer. Name those of the new key with abilities=.",
        code="unknown_abilities",
        field="abilities",
    )


def fewer_abilities(connection: ConnectionContents, new: Key, missing: list[str]) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"PostBoost created key {new.id} for {connection.settings.name} without: {', '.join(missing)}. It was revoked again. "
        "If tasks need no more than the rest, name that with abilities=.",
        code="fewer_abilities",
        field="abilities",
    )


def other_accounts(connection: ConnectionContents, new: Key, old: Key) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"PostBoost created key {new.id} for {connection.settings.name} with the accounts {_accounts(new)} instead of "
        f"{_accounts(old)}. It was revoked again. Create a new key, and put it and its scoped_key_id into the connection.",
        code="other_accounts",
        field="postboost_conn_id",
    )


def _accounts(key: Key) -> str:
    return "of the whole workspace" if key.account_ids is None else ", ".join(map(str, key.account_ids))


def changed_meanwhile(seen: str) -> NotFinishedError:
    """Return the retryable error for keys or a connection that somebody else changed during the rotation."""
    return NotFinishedError(f"{seen} Retry the task: it starts over.", code="changed_meanwhile")


def overtaken(seen: str) -> NotFinishedError:
    """Return the error for another rotation that was faster: start over."""
    return NotFinishedError(f"{seen} Retry the task: it starts over.", code=OVERTAKEN)


def is_overtaken(error: Exception) -> bool:
    return isinstance(error, NotFinishedError) and error.code == OVERTAKEN
