"""Captions for accounts, and drafts from them. Captions are made of the input; nothing is generated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from postboost_provider.sandbox.core.scope import require_named_accounts, visible_accounts
from postboost_provider.sandbox.publishing import lifecycle
from postboost_provider.sandbox.publishing.network_rules import TEXT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.models import Account, Post, Workspace
    from postboost_provider.sandbox.core.store import Store
    from postboost_provider.sandbox.core.validation import Fields

_ALIASES = {"x": "twitter"}  # AI requests use this name, accounts do not (SDK 1.66.3)
_MAX_LENGTH = 5000


def target_accounts(call: Call, fields: Fields, wanted: Mapping[str, Any]) -> list[Account]:
    """Return the named accounts, else those of the named networks, else every connected account.

    A key that is limited to accounts must name some (SDK 1.66.3).
    """
    ids = fields.ids("account_ids", call.workspace.accounts, "account")
    require_named_accounts(call, ids or None)
    if ids:
        return [call.workspace.accounts[each] for each in ids]
    platforms = {_ALIASES.get(each, each) for each in wanted.get("platforms") or ()}
    found = [
        account
        for account in visible_accounts(call)
        if account.authorized and account.has_token and (not platforms or account.provider in platforms)
    ]
    if not found and not fields.errors:
        fields.add_error("accounts", "No connected account matches.")
    return found


def caption(account: Account, title: str, excerpt: str) -> dict[str, Any]:
    limit = TEXT_LIMITS.get(account.provider, _MAX_LENGTH)
    text = f"{title}: {excerpt}" if excerpt else title
    content = text if len(text) <= limit else text[: limit - 1] + "…"
    return {
        "account_id": account.id,
        "provider": account.provider,
        "content": content,
        "character_count": len(content),
        "character_limit": limit,
        "error": None,
    }


def failed_caption(account: Account) -> dict[str, Any]:
    return {
        **caption(account, "", ""),
        "content": None,
        "character_count": None,
        "error": "The caption could not be written.",
    }


def make_draft(
    store: Store,
    workspace: Workspace,
    captions: Sequence[Mapping[str, Any]],
    media: Mapping[int, Sequence[int]],
) -> Post:
    """Create a draft with a version for each account that has a caption.

    :param media: the ids of the attached media, by account.
    """
    good = [each for each in captions if each["content"] is not None]
    versions = [
        lifecycle.version(account_id, each["content"], list(media.get(each["account_id"], ())))
        for account_id, each in [(0, good[0]), *((each["account_id"], each) for each in good)]
    ]
    accounts = [workspace.accounts[each["account_id"]] for each in good]
    return lifecycle.create(store, workspace, versions, accounts)


def title_of(url: str) -> str:
    """Return a title made of a URL."""
    name = urlsplit(url).path.rstrip("/").rpartition("/")[2] or urlsplit(url).netloc
    return name.rpartition(".")[0].replace("-", " ").capitalize() or name.replace("-", " ").capitalize()
