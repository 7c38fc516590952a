"""Client workspaces of a reseller."""

from __future__ import annotations

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import Membership, Workspace
from postboost_provider.sandbox.core.resources import Record, enveloped
from postboost_provider.sandbox.core.responses import ErrorResponse, Response
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.store import new_uuid


def _clients(call: Call) -> list[Workspace]:
    """Return the existing client workspaces, oldest first."""
    if not call.store.settings.reseller_clients:
        raise ErrorResponse(403, "This workspace is not on a reseller plan.", code="not_a_reseller")
    uuids = call.workspace.records.setdefault("reseller_client", {})
    return [call.store.workspaces[uuid] for uuid in uuids if uuid in call.store.workspaces]


def _render(client: Workspace) -> Record:
    return {
        "uuid": client.uuid,
        "name": client.name,
        "status": "active",  # clients are archived in the app only (SDK 1.66.3)
        "accounts": len(client.accounts),
        "accounts_needing_reconnect": sum(not each.authorized for each in client.accounts.values()),
        "members": len(client.members),
        "created_at": rfc3339(client.created_at),
        "archived_at": None,
    }


@handles("list_reseller_clients")
def list_reseller_clients(call: Call) -> Response:
    clients = _clients(call)
    meta = {"used": len(clients), "limit": call.store.settings.reseller_clients}
    return Response.of({"data": [_render(client) for client in clients], "meta": meta})


@handles("create_reseller_client")
def create_reseller_client(call: Call) -> Response:
    """Create a workspace with the caller as its owner and admin."""
    sent = read_body(call)
    if len(_clients(call)) >= call.store.settings.reseller_clients:
        raise ErrorResponse(422, "The plan's client limit is reached.", code="client_limit_reached")
    owner = call.caller.user
    zone = call.workspace.timezone
    client = Workspace(call.store.next_id("workspace"), new_uuid(), sent["name"], zone, owner, call.now)
    client.members[owner.id] = Membership(owner, "admin", True, call.now)
    call.store.workspaces[client.uuid] = client
    call.workspace.records["reseller_client"][client.uuid] = {"uuid": client.uuid}
    return enveloped(call, _render(client))
