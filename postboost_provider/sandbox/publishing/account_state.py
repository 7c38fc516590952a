"""The connection of an account to its network: its expiry, the reason, and how tests change it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.models import Account, Event
from postboost_provider.sandbox.core.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from postboost_provider.sandbox.core.store import Store

# Results of the daily check by network; the others are not checked (SDK 1.66.3, `reconnect_reason`).
CODES = {
    "facebook_page": "meta_190_460",
    "instagram": "meta_190_460",
    "instagram_standalone": "meta_190_460",
    "threads": "meta_190_460",
    "linkedin": "linkedin_revoked",
    "linkedin_page": "linkedin_revoked",
    "tiktok": "refresh_expired",
    "pinterest": "refresh_expired",
    "youtube": "google_revoked",
}
EXPIRING = timedelta(days=7)  # SDK 1.66.3, `status`
_CHANGES = ("authorized", "has_token", "reconnect_code", "expires_in_seconds", "daily_cap", "last_error")


def advance(store: Store) -> None:
    """Disconnect accounts whose connection has expired, and announce those that expire soon."""
    now = store.clock.now()
    for account in list(store.expiring):
        expires_at = account.expires_at or now
        if expires_at - now <= EXPIRING and not account.expiry_announced:
            account.expiry_announced = True
            moment = max(account.created_at, expires_at - EXPIRING)
            store.events.append(Event("account.token_expiring", moment, account=account))
        if expires_at <= now:
            store.expiring.discard(account)
            disconnect(
                account, expires_at, "linkedin_expired" if account.provider.startswith("linkedin") else None
            )
            store.events.append(Event("account.disconnected", expires_at, account=account))


def disconnect(account: Account, moment: datetime, code: str | None = None) -> None:
    """Make the account need reconnection from that moment on."""
    account.authorized = False
    account.disconnected_at = moment
    account.reconnect_code = code or CODES.get(account.provider)


def was_disconnected(account: Account, moment: datetime) -> bool:
    return (
        not account.authorized and account.disconnected_at is not None and account.disconnected_at <= moment
    )


def change(store: Store, account_id: int, values: Mapping[str, Any]) -> None:
    """Change an account as its network, a person or a plan would.

    :raises SettingsError: the account does not exist, or a value is invalid.
    """
    accounts = {id_: each for space in store.workspaces.values() for id_, each in space.accounts.items()}
    account = accounts.get(account_id)
    if account is None:
        raise SettingsError(
            f"The account {account_id!r} does not exist. The accounts are: {', '.join(map(str, accounts))}."
        )
    for name, value in values.items():
        _check(name, value)
    now = store.clock.now()
    if "has_token" in values:
        account.has_token = values["has_token"]
    if "daily_cap" in values:
        account.daily_cap = values["daily_cap"]
    if "last_error" in values:
        account.last_error = values["last_error"]
    if "expires_in_seconds" in values:
        seconds = values["expires_in_seconds"]
        account.expires_at = None if seconds is None else now + timedelta(seconds=seconds)
        account.expiry_announced = False
        (store.expiring.discard if seconds is None else store.expiring.add)(account)
    if values.get("reconnect_code") or values.get("authorized") is False:
        disconnect(account, now, values.get("reconnect_code"))
        store.events.append(Event("account.disconnected", now, account=account))
    elif values.get("authorized"):
        account.authorized, account.disconnected_at, account.reconnect_code = True, None, None


def _check(name: str, value: Any) -> None:
    if name not in _CHANGES:
        raise SettingsError(f"{name!r} of an account cannot be changed. Choose from: {', '.join(_CHANGES)}.")
    if name in ("authorized", "has_token"):
        if not isinstance(value, bool):
            raise SettingsError(f"{name} must be true or false, not {value!r}.")
    elif name in ("expires_in_seconds", "daily_cap"):
        kind = int if name == "daily_cap" else (int, float)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind) or value < 0):
            raise SettingsError(f"{name} must be a number of at least 0 or null, not {value!r}.")
    elif value is not None and not isinstance(value, str):
        raise SettingsError(f"{name} must be a text or null, not {value!r}.")
