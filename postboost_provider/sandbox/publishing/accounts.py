"""Accounts and account groups."""

from __future__ import annotations

from typing import Any

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.core.models import Account, AccountGroup
from postboost_provider.sandbox.core.replies import NO_CONTENT, Reply, not_found, page_of, page_size
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.rules.auth import account_is_visible, require_accounts


def render_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "uuid": account.uuid,
        "name": account.name,
        "username": account.username,
        "image": None,
        "provider": account.provider,
        "data": {},
        "authorized": account.authorized,
        "profile_url": f"https://{account.provider.replace('_', '-')}.example/{account.username}",
        "created_at": stamp(account.created_at),
    }


def account_of(call: Call) -> Account:
    """Return the account of the path."""
    for account in call.workspace.accounts.values():
        if account.uuid == call.path["account_uuid"]:
            require_accounts(call, [account.id])
            return account
    raise not_found()


@answers("list_accounts")
def list_accounts(call: Call) -> Reply:
    found = [account for account in call.workspace.accounts.values() if account_is_visible(call, account)]
    if keyword := call.parameter("keyword"):
        found = [each for each in found if keyword.lower() in f"{each.name} {each.username}".lower()]
    if providers := call.parameters("providers[]"):
        found = [each for each in found if each.provider in providers]
    if group_uuid := call.parameter("group"):
        group = call.workspace.groups.get(group_uuid)
        found = [each for each in found if group and each.id in group.account_ids]
    if call.parameter("unauthorized") in ("true", "1"):
        found = [each for each in found if not each.authorized]
    newest_first = sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)
    return Reply.of({"data": [render_account(each) for each in newest_first]})


@answers("get_account")
def get_account(call: Call) -> Reply:
    return Reply.of(render_account(account_of(call)))


def _render_group(group: AccountGroup) -> dict[str, Any]:
    return {"id": group.id, "uuid": group.uuid, "name": group.name, "account_ids": group.account_ids}


def _group_of(call: Call) -> AccountGroup:
    group = call.workspace.groups.get(call.path["account_group_uuid"])
    if group is None:
        raise not_found()
    require_accounts(call, group.account_ids)
    return group


def _read_group(call: Call) -> tuple[str, list[int]]:
    fields = Fields(call.fields)
    name = fields.text("name", required=True, longest=255) or ""
    ids = fields.ids("accounts", call.workspace.accounts, "account")
    fields.finish()
    require_accounts(call, ids)
    return name, ids


@answers("list_account_groups")
def list_account_groups(call: Call) -> Reply:
    """List by name. Groups with other accounts are hidden from a limited key, and not counted either."""
    limit = call.caller.key.account_ids if call.caller.key else None
    groups = [
        group
        for group in call.workspace.groups.values()
        if limit is None or set(group.account_ids) <= set(limit)
    ]
    return page_of(
        sorted(groups, key=lambda group: group.name.lower()),
        url=call.origin + call.url,
        query=call.query,
        per_page=page_size(call.parameter("per_page"), default=100),
        render=_render_group,
    )


@answers("create_account_group")
def create_account_group(call: Call) -> Reply:
    name, ids = _read_group(call)
    group = AccountGroup(call.store.next_id("group"), new_uuid(), name, ids)
    call.workspace.groups[group.uuid] = group
    return Reply.of({"data": _render_group(group)}, 201)


@answers("get_account_group")
def get_account_group(call: Call) -> Reply:
    return Reply.of({"data": _render_group(_group_of(call))})


@answers("update_account_group")
def update_account_group(call: Call) -> Reply:
    """Replace name and membership."""
    group = _group_of(call)
    group.name, group.account_ids = _read_group(call)
    return Reply.of({"data": _render_group(group)})


@answers("delete_account_group")
def delete_account_group(call: Call) -> Reply:
    del call.workspace.groups[_group_of(call).uuid]
    return NO_CONTENT
