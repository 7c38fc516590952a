"""Find accounts by the names that people use."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PermissionDeniedError, PostBoostConfigError
from postboost_provider.api.responses import reading_response
from postboost_provider.polling.outcome import account_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from postboost_provider.api.client import PostBoostClient

# People write X's new name and LinkedIn's short one; PostBoost's accounts use these (SDK 1.66.3).
PROVIDER_ALIASES = {"x": "twitter", "facebook": "facebook_page", "google": "gbp"}


class Accounts:
    """The accounts of a workspace, found by the names that people use.

    :param accounts: as ``list_accounts`` returns them.
    :param refused: why they can't be listed; then only ids can be used.
    :param groups: lists the account groups; called when no account has the name.
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
        with reading_response("list_accounts"):
            self._accounts = sorted(accounts, key=lambda account: int(account["id"]))
            for account in self._accounts:
                account_name(account)

    def find(self, names: Sequence[str | int]) -> list[Mapping[str, Any]]:
        """Return the accounts that these names mean, each once, in the order of their ids.

        :param names: each an id (``12``), ``@username``, ``provider:username``, ``provider:*``, or the name of an
            account group (``group:name`` where an account may have the same name).
        :raises PostBoostConfigError: ``unknown_account`` or ``ambiguous_account``: a name means no account or several;
            the message lists those that exist.
        """
        found = {int(a["id"]): a for name in names for a in self._find_one(str(name).strip())}
        return [found[key] for key in sorted(found)]

    def _find_one(self, name: str) -> list[Mapping[str, Any]]:
        if self._refused is not None:
            if name.isdecimal():
                return [{"id": int(name), "provider": None, "username": None, "name": name}]
            raise PostBoostConfigError(
                f"{name!r} can't be looked up. {self._refused} With a scoped key that lacks the ability 'read', write "
                "the account's id instead.",
                code="accounts_unreadable",
                field="accounts",
            )
        provider, colon, username = name.partition(":")
        provider = PROVIDER_ALIASES.get(provider.lower(), provider.lower())
        if colon and provider == "group":
            return self._in_group(username, name)
        if colon:
            of_provider = [a for a in self._accounts if a["provider"] == provider]
            matches = [a for a in of_provider if username == "*" or _has_username(a, username)]
        elif name.isdecimal():
            matches = [a for a in self._accounts if int(a["id"]) == int(name)]
        else:
            matches = [a for a in self._accounts if _has_username(a, name)]
            if not matches and name[:1].isalpha():
                return self._in_group(name, name)
        if not matches:
            raise self._unknown(name)
        if len(matches) > 1 and username != "*":
            raise PostBoostConfigError(
                f"{name!r} matches {len(matches)} accounts. Write provider:username or the id:\n{_wrapped(_listed(matches))}",
                code="ambiguous_account",
                field="accounts",
            )
        return matches

    def _in_group(self, group_name: str, name: str) -> list[Mapping[str, Any]]:
        with reading_response("list_account_groups"):
            groups = [(str(group["name"]), group["account_ids"]) for group in self._groups()]
            for known, account_ids in groups:
                if known.casefold() == group_name.strip().casefold():
                    ids = {int(account_id) for account_id in account_ids}
                    return [a for a in self._accounts if int(a["id"]) in ids]
        raise self._unknown(name, [clean_text(known) for known, _ in groups])

    def _unknown(self, name: str, groups: Sequence[str] = ()) -> PostBoostConfigError:
        listed = _wrapped(_listed(self._accounts) + (f"; groups: {', '.join(groups)}" if groups else ""))
        return PostBoostConfigError(
            f"{name!r} is not an account of this workspace.{self._hint(name)} It has:\n{listed}",
            code="unknown_account",
            field="accounts",
        )

    def _hint(self, name: str) -> str:
        if name.startswith("["):
            return " Pass the list itself, not a list that contains its text."
        if "," in name:
            return " Separate several accounts with a semicolon, or pass a list."
        known = [account_name(account) for account in self._accounts]
        if name.endswith(":*"):
            known = [f"{provider}:*" for provider in sorted({str(a["provider"]) for a in self._accounts})]
        near = difflib.get_close_matches(name, known, n=2)
        return f" Did you mean {' or '.join(near)}?" if near else ""


def _listed(accounts: Sequence[Mapping[str, Any]]) -> str:
    shown = [f"{account_name(account)} (id {account['id']})" for account in accounts]
    return ", ".join(shown) or "none; connect one in PostBoost under Accounts"


def _wrapped(text: str) -> str:
    """Return indented lines that a log shows whole: no name from outside begins a line of the log."""
    indent = "  "
    return textwrap.fill(
        text,
        100,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _has_username(account: Mapping[str, Any], name: str) -> bool:
    wanted = name.strip().lstrip("@").casefold()
    return wanted != "" and wanted == str(account.get("username") or "").lstrip("@").casefold()


def load_accounts(api: PostBoostClient) -> Accounts:
    """Read the accounts of the client's workspace, if the token allows it."""
    try:
        return Accounts(api.pages("list_accounts"), groups=lambda: api.pages("list_account_groups"))
    except PermissionDeniedError as error:
        return Accounts((), refused=str(error))


def split_names(given: Any) -> list[str]:
    """Return the names in a list of them, or in a text that separates them by ``;``."""
    names = given if isinstance(given, (list, tuple)) else str(given or "").split(";")
    return [str(name).strip() for name in names]


def account_ids(api: PostBoostClient, given: Any) -> tuple[int, ...]:
    """Return the ids of the accounts that are meant.

    :param given: a name as :meth:`Accounts.find` takes it, several separated by ``;``, or a list of them.
    """
    wanted = [name for name in split_names(given) if name]
    if not wanted:
        raise PostBoostConfigError("accounts is empty. Name at least one.", code="missing", field="accounts")
    return tuple(int(account["id"]) for account in load_accounts(api).find(wanted))
