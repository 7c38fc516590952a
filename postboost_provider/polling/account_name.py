"""How messages, logs and forms name an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping


def account_name(account: Mapping[str, Any]) -> str:
    """Return ``provider:username``, as ``accounts`` arguments take it, or the display name where it has no username.

    An account of which only the id is known, because the token may not list accounts, is ``account <id>``.
    """
    if not account["provider"]:
        return f"account {clean_text(account['id'])}"
    return clean_text(f"{account['provider']}:{account.get('username') or account['name']}")
