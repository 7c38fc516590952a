"""Captions for accounts: whom they are for, and what stands in them. Nothing is generated: words are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.models import Post, Target
from postboost_provider.sandbox.core.replies import forbidden
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.publishing.networks import TEXT_LIMITS
from postboost_provider.sandbox.rules.auth import OUT_OF_SCOPE, account_is_visible, require_accounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.models import Account, Workspace
    from postboost_provider.sandbox.core.store import Store
    from postboost_provider.sandbox.core.validation import Fields

_ALIASES = {"x": "twitter"}  # AI examples call the network so, accounts do not (SDK 1.66.3)
_LONGEST = 5000


def target_accounts(call: Call, fields: Fields, wanted: Mapping[str, Any]) -> list[Account]:
    """Return the accounts to write for: those named, those of the networks named, or every connected one.

    A key that is limited to accounts has to name some (SDK 1.66.3).
    """
    ids = fields.ids("account_ids", call.workspace.accounts, "account")
    if ids:
        require_accounts(call, ids)
        return [call.workspace.accounts[each] for each in ids]
    if call.caller.key is not None and call.caller.key.account_ids is not None:
        raise forbidden(OUT_OF_SCOPE)
    platforms = {_ALIASES.get(each, each) for each in wanted.get("platforms") or ()}
    found = [
        account
        for account in call.workspace.accounts.values()
        if account.authorized
        and account.has_token
        and account_is_visible(call, account)
        and (not platforms or account.provider in platforms)
    ]
    if not found and not fields.errors:
        fields.refuse("accounts", "There is no connected account to write for.")
    return found


def caption(account: Account, title: str, excerpt: str) -> dict[str, Any]:
    limit = TEXT_LIMITS.get(account.provider, _LONGEST)
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
    """Make a draft with a version for each account that has a caption.

    :param media: the ids of the media that go with it, by account.
    """
    good = [each for each in captions if each["content"] is not None]
    versions = [
        _version(account_id, each["content"], list(media.get(each["account_id"], ())))
        for account_id, each in [(0, good[0]), *((each["account_id"], each) for each in good)]
    ]
    post = Post(
        id=store.next_id("post"),
        uuid=new_uuid(),
        created_at=store.clock.now(),
        versions=versions,
        targets=[Target(workspace.accounts[each["account_id"]]) for each in good],
        tag_ids=[],
    )
    workspace.posts[post.uuid] = post
    return post


def _version(account_id: int, text: str, media: list[int]) -> dict[str, Any]:
    content = [{"body": text, "url": None, "media": media, "video_thumbs": []}]
    return {
        "account_id": account_id,
        "is_original": account_id == 0,
        "synced_with": None,
        "content": content,
        "options": {},
    }
