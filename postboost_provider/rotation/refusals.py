"""Why a key is not rotated: each says what was seen and what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from postboost_provider.rotation.plan import Key
    from postboost_provider.rotation.target import Held

# How far back the last use of a key may lie, right after it was used: how often PostBoost notes it is not documented.
USE_IS_NOTED_WITHIN = timedelta(hours=1)


def check_unused(orphan: Key) -> None:
    """Refuse to revoke a key that somebody uses: an orphan was used once at most, right after it was made."""
    if (
        orphan.last_used_at is not None
        and orphan.created_at is not None
        and orphan.last_used_at - orphan.created_at > USE_IS_NOTED_WITHIN
    ):
        raise PostBoostConfigError(
            f"Key {orphan.id} ({orphan.name}) has the name of an earlier try, but was used at "
            f"{orphan.last_used_at:%Y-%m-%d %H:%M} UTC: another Airflow rotates the same key. Give each its own key. "
            "Nothing was changed."
        )


def shadowed(held: Held) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"{held.settings.name} does not show what is in its store: tasks get it from elsewhere, such as a secrets backend "
        "that comes first. Give the store that writes there, or remove the connection from there. No key was made."
    )


def not_the_key(held: Held, key: Key, why: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"{held.settings.name} says that it holds key {key.id} ({key.name}), but {why}. Correct scoped_key_id; nothing "
        "was changed."
    )


def other_user(admin: str, made_by: str | None, old: Key) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"A key that {admin} makes acts as {made_by}, and key {old.id} acts as {old.created_by}: a key always acts as the "
        "user who makes it. Use an admin connection of that user. The new key was revoked again."
    )
