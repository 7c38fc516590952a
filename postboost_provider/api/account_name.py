"""The one way to write an account: below every room that names accounts in messages, logs and forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def account_name(account: Mapping[str, Any]) -> str:
    """Return ``provider:username``, which every ``accounts`` argument takes, or the display name without a username."""
    return f"{account['provider']}:{account.get('username') or account['name']}"
