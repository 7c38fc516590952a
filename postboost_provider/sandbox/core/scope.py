"""The accounts that a scoped key may touch: a key can be limited to some of a workspace's accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.responses import forbidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.models import Account, Post

OUT_OF_SCOPE = "insufficient_scope"


def account_is_visible(call: Call, account: Account) -> bool:
    return ids_are_visible(call, [account.id])


def visible_accounts(call: Call) -> list[Account]:
    return [account for account in call.workspace.accounts.values() if account_is_visible(call, account)]


def post_is_visible(call: Call, post: Post) -> bool:
    return ids_are_visible(call, [target.account.id for target in post.targets])


def ids_are_visible(call: Call, ids: Iterable[object]) -> bool:
    """Return whether the key may touch all these accounts. Id 0 is the original version, not an account."""
    limit = call.caller.account_ids
    return limit is None or all(each in limit for each in ids if each != 0)


def require_accounts(call: Call, ids: Iterable[object]) -> None:
    """Reject a limited key that names an account outside its limit."""
    if not ids_are_visible(call, ids):
        raise forbidden(OUT_OF_SCOPE)


def require_named_accounts(call: Call, ids: Iterable[object] | None) -> None:
    """Reject a limited key that names no accounts, or accounts outside its limit (SDK 1.66.3, ``create_api_key``)."""
    if ids is None and call.caller.account_ids is not None:
        raise forbidden(OUT_OF_SCOPE)
    require_accounts(call, ids or ())
