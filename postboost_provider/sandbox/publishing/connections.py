"""What connects an account with its network: when that ends, why, and how a test changes it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.models import Happening
from postboost_provider.sandbox.core.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from postboost_provider.sandbox.core.models import Account
    from postboost_provider.sandbox.core.store import Store

# What the daily check finds, by network; of the others it says nothing (SDK 1.66.3, `reconnect_reason`).
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


def progress(store: Store) -> None:
    """End the connections whose time has come, and tell of those whose time is near."""
    now = store.clock.now()
    for account in list(store.expiring):
        ends = account.expires_at or now
        if ends - now <= EXPIRING and not account.expiry_told:
            account.expiry_told = True
            moment = max(account.created_at, ends - EXPIRING)
            store.happenings.append(Happening("account.token_expiring", moment, account=account))
        if ends <= now:
            store.expiring.discard(account)
            end(account, ends, "linkedin_expired" if account.provider.startswith("linkedin") else None)
            store.happenings.append(Happening("account.disconnected", ends, account=account))


def end(account: Account, moment: datetime, code: str | None = None) -> None:
    """Have the account need reconnection from that moment."""
    account.authorized = False
    account.found_dead_at = moment
    account.reconnect_code = code or CODES.get(account.provider)


def was_dead(account: Account, moment: datetime) -> bool:
    return not account.authorized and account.found_dead_at is not None and account.found_dead_at <= moment


def change(store: Store, account_id: int, values: Mapping[str, Any]) -> None:
    """Change how an account stands: what a network, a person or a plan would do to it.

    :raises SettingsError: there is no such account, or a value is none that it can take.
    """
    accounts = {id_: each for space in store.workspaces.values() for id_, each in space.accounts.items()}
    account = accounts.get(account_id)
    if account is None:
        raise SettingsError(f"There is no account {account_id!r}; there are {', '.join(map(str, accounts))}.")
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
        account.expiry_told = False
        (store.expiring.discard if seconds is None else store.expiring.add)(account)
    if values.get("reconnect_code") or values.get("authorized") is False:
        end(account, now, values.get("reconnect_code"))
        store.happenings.append(Happening("account.disconnected", now, account=account))
    elif values.get("authorized"):
        account.authorized, account.found_dead_at, account.reconnect_code = True, None, None


def _check(name: str, value: Any) -> None:
    if name not in _CHANGES:
        raise SettingsError(f"An account has no {name!r} to change. It has: {', '.join(_CHANGES)}.")
    if name in ("authorized", "has_token"):
        if not isinstance(value, bool):
            raise SettingsError(f"{name} is true or false, not {value!r}.")
    elif name in ("expires_in_seconds", "daily_cap"):
        kind = int if name == "daily_cap" else (int, float)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kind) or value < 0):
            raise SettingsError(f"{name} is a number of at least 0 or null, not {value!r}.")
    elif value is not None and not isinstance(value, str):
        raise SettingsError(f"{name} is a text or null, not {value!r}.")
