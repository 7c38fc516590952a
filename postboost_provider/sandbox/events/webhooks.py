"""Webhook subscriptions, and the events that are sent to them."""

from __future__ import annotations

import json
import secrets
from typing import Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.fetch import is_loopback_url, is_private_url, is_url
from postboost_provider.sandbox.core.models import Delivery, Event, Webhook, Workspace
from postboost_provider.sandbox.core.responses import SUCCESS, Response
from postboost_provider.sandbox.core.store import Store, new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.events import deliveries
from postboost_provider.sandbox.publishing.accounts import render_account
from postboost_provider.sandbox.publishing.posts import render_post

EVENTS = (
    *("post.scheduled", "post.published", "post.published_all", "post.publishing_failed", "post.deleted"),
    *(
        "account.added",
        "account.updated",
        "account.deleted",
        "account.token_expiring",
        "account.disconnected",
    ),
    *("inbox.draft.created", "inbox.draft.sent"),
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


@handles("list_webhook_subscriptions")
def list_webhook_subscriptions(call: Call) -> Response:
    webhooks = sorted(call.workspace.webhooks.values(), key=lambda each: each.created_at, reverse=True)
    return Response.of({"data": [_render(each) for each in webhooks]})


def _is_accepted(url: str, private_urls: bool) -> bool:
    return is_url(url) and url.startswith("https://") and (private_urls or not is_private_url(url))


@handles("create_webhook_subscription")
def create_webhook_subscription(call: Call) -> Response:
    """Create a subscription. Only this response has the secret (SDK 1.66.3)."""
    fields = Fields(call.fields)
    url = fields.text("callback_url", required=True, max_length=255) or ""
    # PostBoost only accepts public https; the sandbox also needs receivers on this machine.
    if url and not is_loopback_url(url) and not _is_accepted(url, call.store.settings.webhook_private_urls):
        fields.add_error("callback_url", "The callback url field must be a public https URL.")
    events = fields.choices("events", EVENTS, required=True)
    source = fields.text("source")
    if source is not None and source not in SOURCES:
        fields.add_error("source", "The selected source is invalid.")
    name = fields.text("name", max_length=255)
    fields.raise_errors()
    webhook = Webhook(
        uuid=new_uuid(),
        name=name or f"{SOURCES.get(source or 'other', 'Other')} trigger",
        callback_url=url,
        events=list(dict.fromkeys(events)),
        secret=secrets.token_hex(20),
        created_at=call.now,
    )
    call.workspace.webhooks[webhook.uuid] = webhook
    return Response.of({"data": {**_render(webhook), "secret": webhook.secret}}, 201)


@handles("delete_webhook_subscription")
def delete_webhook_subscription(call: Call) -> Response:
    webhook = call.find(call.workspace.webhooks, "subscription_uuid")
    del call.workspace.webhooks[webhook.uuid]
    return SUCCESS


def send_events(store: Store) -> None:
    """Send the new events to their subscribers. Must run in the server's event loop."""
    events, store.events = store.events, []
    for each in events:
        workspace = each.workspace or _workspace_of(store, each)
        if workspace is None:
            continue
        subscribed = [webhook for webhook in workspace.webhooks.values() if each.event in webhook.events]
        if not subscribed:
            continue
        envelope = {
            "event": each.event,
            "id": new_uuid(),
            "occurred_at": each.moment.isoformat(timespec="seconds"),
            "workspace_uuid": workspace.uuid,
            "data": _data(store, workspace, each),
        }
        body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
        for webhook in subscribed:
            deliveries.deliver(
                store, Delivery(str(envelope["id"]), each.event, workspace.uuid, webhook, body, each.moment)
            )


def _workspace_of(store: Store, event: Event) -> Workspace | None:
    post, account = event.post, event.account
    for workspace in store.workspaces.values():
        if (post is not None and post.uuid in workspace.posts) or (
            post is None and account is not None and account.id in workspace.accounts
        ):
            return workspace
    return None


def _data(store: Store, workspace: Workspace, event: Event) -> dict[str, Any]:
    """Return the post as a GET does, with ``account`` if the event is about one; else the account, or the draft."""
    if event.post is not None:
        post = render_post(store.settings, workspace, event.post)
        return {**post, "account": render_account(event.account)} if event.account else post
    return render_account(event.account) if event.account else event.data
