"""Accounts and account groups."""

from __future__ import annotations

from typing import Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.core.models import Account, AccountGroup
from postboost_provider.sandbox.core.responses import NO_CONTENT, Response, not_found
from postboost_provider.sandbox.core.scope import ids_are_visible, require_accounts, visible_accounts
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields


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


@handles("list_accounts")
def list_accounts(call: Call) -> Response:
    found = visible_accounts(call)
    if keyword := call.parameter("keyword"):
        found = [each for each in found if keyword.lower() in f"{each.name} {each.username}".lower()]
    if providers := call.parameters("providers"):
        found = [each for each in found if each.provider in providers]
    if group_uuid := call.parameter("group"):
        group = call.workspace.groups.get(group_uuid)
        found = [each for each in found if group and each.id in group.account_ids]
    if call.parameter("unauthorized") in ("true", "1"):
        found = [each for each in found if not each.authorized]
    newest_first = sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)
    return Response.of({"data": [render_account(each) for each in newest_first]})


@handles("get_account")
def get_account(call: Call) -> Response:
    return Response.of(render_account(account_of(call)))


def _render_group(group: AccountGroup) -> dict[str, Any]:
    return {"id": group.id, "uuid": group.uuid, "name": group.name, "account_ids": group.account_ids}


def _group_of(call: Call) -> AccountGroup:
    group = call.find(call.workspace.groups, "account_group_uuid")
    require_accounts(call, group.account_ids)
    return group


def _read_group(call: Call) -> tuple[str, list[int]]:
    fields = Fields(call.fields)
    name = fields.text("name", required=True, max_length=255) or ""
    ids = fields.ids("accounts", call.workspace.accounts, "account")
    fields.raise_errors()
    require_accounts(call, ids)
    return name, ids


@handles("list_account_groups")
def list_account_groups(call: Call) -> Response:
    """List by name. Groups outside a limited key's accounts are hidden from it, and not counted."""
    groups = [group for group in call.workspace.groups.values() if ids_are_visible(call, group.account_ids)]
    by_name = sorted(groups, key=lambda group: group.name.lower())
    return call.page(by_name, _render_group, per_page=100, size_parameter="per_page")


@handles("create_account_group")
def create_account_group(call: Call) -> Response:
    name, ids = _read_group(call)
    group = AccountGroup(call.store.next_id("group"), new_uuid(), name, ids)
    call.workspace.groups[group.uuid] = group
    return Response.of({"data": _render_group(group)}, 201)


@handles("get_account_group")
def get_account_group(call: Call) -> Response:
    return Response.of({"data": _render_group(_group_of(call))})


@handles("update_account_group")
def update_account_group(call: Call) -> Response:
    """Replace name and membership."""
    group = _group_of(call)
    group.name, group.account_ids = _read_group(call)
    return Response.of({"data": _render_group(group)})


@handles("delete_account_group")
def delete_account_group(call: Call) -> Response:
    del call.workspace.groups[_group_of(call).uuid]
    return NO_CONTENT
