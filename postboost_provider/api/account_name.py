"""How messages, logs and forms name an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def account_name(account: Mapping[str, Any]) -> str:
    """Return ``provider:username``, as ``accounts`` arguments take it, or the display name where it has no username.

    An account of which only the id is known, because the token may not list accounts, is ``account <id>``.
    """
    if not account["provider"]:
        return f"account {account['id']}"
    return f"{account['provider']}:{account.get('username') or account['name']}"
