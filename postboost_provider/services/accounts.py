"""Accounts and tags by the names people use -> what the API wants."""

from __future__ import annotations

import difflib
import hashlib
from typing import TYPE_CHECKING, Any

from postboost_provider.api.error_mapping import map_fields
from postboost_provider.api.errors import PermissionDeniedError, PostBoostConfigError, ServerError
from postboost_provider.idempotency.key import create_thing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from postboost_provider.api.client import PostBoostClient

# People write X's new name and LinkedIn's short one; PostBoost's accounts use these (SDK 1.66.3).
PROVIDER_ALIASES = {"x": "twitter", "facebook": "facebook_page", "google": "gbp"}
DEFAULT_TAG_COLOR = "#94a3b8"


class Accounts:
    """The accounts of a workspace, to be found the way people name them.

    :param accounts: as ``list_accounts`` answers them.
    :param refused: why they could not be listed; then ids alone can be used.
    :param groups: gives the account groups, as ``list_account_groups`` answers them; asked when a name is none of an
        account's.
    """

    def __init__(
        self,
        accounts: Iterable[Mapping[str, Any]],
        refused: str | None = None,
        groups: Callable[[], Iterable[Mapping[str, Any]]] = tuple,
    ) -> None:
        self._refused = refused
        self._groups = groups
        # PostBoost lists the newest first; an order that does not change keeps requests the same.
        try:
            self._accounts = sorted(accounts, key=lambda account: int(account["id"]))
        except (KeyError, TypeError, ValueError):
            raise ServerError(
                "list_accounts: PostBoost's answer holds an account without an id.", status=200
            ) from None

    def find(self, names: Sequence[str | int]) -> list[Mapping[str, Any]]:
        """Return the accounts that these names mean, each once, in the order of their ids.

        :param names: each an id (``12``), ``@username``, ``provider:username``, ``provider:*``, or the name of an
            account group, which ``group:name`` says for certain.
        :raises PostBoostConfigError: a name that means no account or several; it lists those that exist.
        """
        found = {
            int(account["id"]): account for name in names for account in self._find_one(str(name).strip())
        }
        return [found[key] for key in sorted(found)]

    def _find_one(self, name: str) -> list[Mapping[str, Any]]:
        if self._refused is not None:
            if name.isdecimal():
                return [{"id": int(name), "provider": None, "username": None, "name": name}]
            raise PostBoostConfigError(
                f"{name!r} can't be looked up. {self._refused} With a scoped key without the ability 'read', write "
                "the account's id instead."
            )
        provider, colon, username = name.partition(":")
        provider = PROVIDER_ALIASES.get(provider.lower(), provider.lower())
        if provider == "group" and colon:
            return self._in_group(username, name)
        if colon and username == "*":
            matches = [a for a in self._accounts if a["provider"] == provider]
            several = True
        elif colon:
            matches = [a for a in self._accounts if a["provider"] == provider and _is_named(a, username)]
            several = False
        elif name.isdecimal():
            matches = [a for a in self._accounts if int(a["id"]) == int(name)]
            several = False
        else:
            matches = [a for a in self._accounts if _is_named(a, name)]
            several = False
        if not matches and name[:1].isalpha() and not colon:
            return self._in_group(name, name)
        if not matches:
            raise PostBoostConfigError(
                f"{name!r} is no account of this workspace. It has: {self._listed(self._accounts)}.{self._hint(name)}"
            )
        if len(matches) > 1 and not several:
            raise PostBoostConfigError(
                f"{name!r} means {len(matches)} accounts: {self._listed(matches)}. Write provider:username or the id."
            )
        return matches

    def _in_group(self, group_name: str, name: str) -> list[Mapping[str, Any]]:
        groups = list(self._groups())
        for group in groups:
            if str(group["name"]).casefold() == group_name.strip().casefold():
                ids = {int(account_id) for account_id in group["account_ids"]}
                return [a for a in self._accounts if int(a["id"]) in ids]
        listed = f"; groups: {', '.join(str(group['name']) for group in groups)}" if groups else ""
        raise PostBoostConfigError(
            f"{name!r} is no account of this workspace. It has: {self._listed(self._accounts)}{listed}.{self._hint(name)}"
        )

    def _hint(self, name: str) -> str:
        """Return what may have been meant."""
        if name.startswith("["):
            return " This is the text of a list: pass the list itself, and not a list around it."
        if "," in name:
            return " Several are separated by a semicolon, or are a list."
        known = [account_name(account) for account in self._accounts]
        if name.endswith(":*"):
            known = [f"{provider}:*" for provider in sorted({str(a["provider"]) for a in self._accounts})]
        near = difflib.get_close_matches(name, known, n=2)
        return f" Did you mean {' or '.join(near)}?" if near else ""

    def _listed(self, accounts: Sequence[Mapping[str, Any]]) -> str:
        shown = [f"{account['id']} ({account_name(account)})" for account in accounts]
        return ", ".join(shown) or "none; connect one in PostBoost under Accounts"


def _is_named(account: Mapping[str, Any], name: str) -> bool:
    wanted = name.strip().lstrip("@").casefold()
    return wanted != "" and wanted == str(account.get("username") or "").lstrip("@").casefold()


def account_name(account: Mapping[str, Any]) -> str:
    """Return an account as people write it: ``provider:username``."""
    return f"{account['provider']}:{account.get('username') or account['name']}"


def load_accounts(api: PostBoostClient) -> Accounts:
    """Read the accounts of the client's workspace, as far as the token may. One request."""
    try:
        return Accounts(api.pages("list_accounts"), groups=lambda: api.pages("list_account_groups"))
    except PermissionDeniedError as error:
        return Accounts((), refused=str(error))


def account_ids(api: PostBoostClient, given: Any) -> tuple[int, ...]:
    """Return the ids of the accounts that are meant.

    :param given: a name as :meth:`Accounts.find` takes it, several separated by ``;``, or a list of them.
    :raises PostBoostConfigError: it is empty, or a name means no account or several.
    """
    names = given if isinstance(given, (list, tuple)) else str(given or "").split(";")
    wanted = [str(name) for name in names if str(name).strip()]
    if not wanted:
        raise PostBoostConfigError("accounts is empty: name the accounts that are meant.")
    return tuple(int(account["id"]) for account in load_accounts(api).find(wanted))


class Tags:
    """The tags of a workspace by name; a missing one is made at its first use."""

    def __init__(self, api: PostBoostClient) -> None:
        self._api = api
        self._ids: dict[str, int] | None = None

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return those of the names that the workspace does not have yet."""
        known = self._known()
        return [name for name in names if name.casefold() not in known]

    def ids(self, names: Sequence[str], *, idempotency_key: str) -> list[int]:
        """Return the ids of the tags of these names, making those that are missing.

        :param idempotency_key: the start of the keys of the requests that make them.
        """
        known = self._known()
        # One tag for two spellings of it, and one key for each spelling: headers carry ASCII alone.
        for name in {name.casefold(): name for name in self.missing(names)}.values():
            with map_fields(f"tags ({name})"):
                tag = create_thing(
                    self._api,
                    "create_tag",
                    f"{idempotency_key}-{hashlib.sha256(name.encode()).hexdigest()}",
                    lambda tag: self._api.call("get_tag", parameters={"tag_uuid": tag["uuid"]}),
                    body={"name": name, "hex_color": DEFAULT_TAG_COLOR},
                )
            known[name.casefold()] = int(tag["id"])
        return sorted({known[name.casefold()] for name in names})

    def _known(self) -> dict[str, int]:
        if self._ids is None:
            self._ids = {str(t["name"]).casefold(): int(t["id"]) for t in self._api.pages("list_tags")}
        return self._ids
