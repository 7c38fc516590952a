"""Webhook subscriptions: made, listed and deleted by workspace admins, and what happens told to them."""

from __future__ import annotations

import json
import secrets
from typing import Any

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.fetch import is_loopback_url, is_url
from postboost_provider.sandbox.core.models import Delivery, Happening, Webhook, Workspace
from postboost_provider.sandbox.core.replies import SUCCESS, Reply, not_found
from postboost_provider.sandbox.core.store import Store, new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.events import deliveries
from postboost_provider.sandbox.publishing.accounts import render_account
from postboost_provider.sandbox.publishing.posts import render_post

EVENTS = (
    "post.scheduled",
    "post.published",
    "post.published_all",
    "post.publishing_failed",
    "post.deleted",
    "account.added",
    "account.updated",
    "account.deleted",
    "account.token_expiring",
    "account.disconnected",
    "inbox.draft.created",
    "inbox.draft.sent",
)
SOURCES = {"n8n": "n8n", "zapier": "Zapier", "make": "Make", "other": "Other"}


def _render(webhook: Webhook) -> dict[str, Any]:
    return {
        "uuid": webhook.uuid,
        "name": webhook.name,
        "callback_url": webhook.callback_url,
        "events": webhook.events,
        "active": True,
        "created_at": rfc3339(webhook.created_at),
    }


@answers("list_webhook_subscriptions")
def list_webhook_subscriptions(call: Call) -> Reply:
    webhooks = sorted(call.workspace.webhooks.values(), key=lambda each: each.created_at, reverse=True)
    return Reply.of({"data": [_render(each) for each in webhooks]})


@answers("create_webhook_subscription")
def create_webhook_subscription(call: Call) -> Reply:
    """Subscribe. The secret is in this answer and never again (SDK 1.66.3)."""
    fields = Fields(call.fields)
    url = fields.text("callback_url", required=True, longest=255) or ""
    # PostBoost takes public https alone; the sandbox has to be able to reach a receiver on this machine.
    if url and not is_loopback_url(url) and not (is_url(url) and url.startswith("https://")):
        fields.refuse("callback_url", "The callback url field must be a public https URL.")
    events = fields.choices("events", EVENTS, required=True)
    source = fields.text("source")
    if source is not None and source not in SOURCES:
        fields.refuse("source", "The selected source is invalid.")
    name = fields.text("name", longest=255)
    fields.finish()
    webhook = Webhook(
        uuid=new_uuid(),
        name=name or f"{SOURCES.get(source or 'other', 'Other')} trigger",
        callback_url=url,
        events=list(dict.fromkeys(events)),
        secret=secrets.token_hex(20),
        created_at=call.now,
    )
    call.workspace.webhooks[webhook.uuid] = webhook
    return Reply.of({"data": {**_render(webhook), "secret": webhook.secret}}, 201)


@answers("delete_webhook_subscription")
def delete_webhook_subscription(call: Call) -> Reply:
    if call.workspace.webhooks.pop(call.path["subscription_uuid"], None) is None:
        raise not_found()
    return SUCCESS


def announce(store: Store) -> None:
    """Tell the subscribers what has happened since the last time. Must run in the server's event loop."""
    happened, store.happenings = store.happenings, []
    for each in happened:
        workspace = each.workspace or _workspace_of(store, each)
        if workspace is None:
            continue
        wanted = [webhook for webhook in workspace.webhooks.values() if each.event in webhook.events]
        if not wanted:
            continue
        envelope = {
            "event": each.event,
            "id": new_uuid(),
            "occurred_at": each.moment.isoformat(timespec="seconds"),
            "workspace_uuid": workspace.uuid,
            "data": _data(workspace, each),
        }
        body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
        for webhook in wanted:
            deliveries.deliver(
                store, Delivery(str(envelope["id"]), each.event, workspace.uuid, webhook, body, each.moment)
            )


def _workspace_of(store: Store, happening: Happening) -> Workspace | None:
    post, account = happening.post, happening.account
    for workspace in store.workspaces.values():
        if (post is not None and post.uuid in workspace.posts) or (
            post is None and account is not None and account.id in workspace.accounts
        ):
            return workspace
    return None


def _data(workspace: Workspace, happening: Happening) -> dict[str, Any]:
    """Return the post as a GET does, plus ``account`` where it is of one account; else the account, or the draft."""
    if happening.post is not None:
        post = render_post(workspace, happening.post)
        return {**post, "account": render_account(happening.account)} if happening.account else post
    return render_account(happening.account) if happening.account else happening.data
