"""Connect accounts: channels directly, other networks through links that a person opens."""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import Account, Event
from postboost_provider.sandbox.core.responses import ErrorResponse, Response, not_found
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.publishing.accounts import account_of, render_account

_LINK_LIFETIME = timedelta(minutes=15)
_RECONNECT_LINK_LIFETIME = timedelta(days=7)
_RECONNECTABLE = {
    *("facebook_page", "instagram", "instagram_standalone", "threads", "linkedin", "linkedin_page"),
    *("tiktok", "youtube", "pinterest"),
}
_WEBHOOK_HOSTS = {"discord": ("discord.com", "discordapp.com"), "slack": ("hooks.slack.com",)}


@handles("create_connect_link")
def create_connect_link(call: Call) -> Response:
    provider = read_body(call)["provider"]
    return _link(call, "connect", _LINK_LIFETIME, {"provider": provider})


@handles("create_reconnect_link")
def create_reconnect_link(call: Call) -> Response:
    """Return a link for a person without a PostBoost login; 404 if the feature is off (SDK 1.66.3)."""
    if call.store.settings.reconnect_links == "off":
        raise not_found()
    account = account_of(call)
    if account.provider not in _RECONNECTABLE:
        raise ErrorResponse(422, f"{account.provider} does not support reconnect links.")
    return _link(call, "reconnect", _RECONNECT_LINK_LIFETIME, {"account_uuid": account.uuid})


def _link(call: Call, kind: str, lifetime: timedelta, about: dict[str, str]) -> Response:
    url = f"{call.origin}/{kind}/{secrets.token_urlsafe(24)}"
    return Response.of({"url": url, "expires_at": rfc3339(call.now + lifetime), **about}, 201)


@handles("connect_channel")
def connect_channel(call: Call) -> Response:
    """Connect a Telegram, Discord or Slack channel; an existing one is updated: 200 instead of 201."""
    provider = call.path["provider"]
    if provider not in ("telegram", *_WEBHOOK_HOSTS):
        raise not_found()
    read_body(call)
    fields = Fields(call.fields)
    if provider == "telegram":
        fields.text("bot_token", required=True)
        username = (fields.text("chat", required=True) or "").removeprefix("@")
    else:
        address = urlsplit(fields.text("webhook_url", required=True) or "")
        if address.scheme != "https" or address.hostname not in _WEBHOOK_HOSTS[provider]:
            fields.add_error("webhook_url", f"The webhook url field must be a {provider} webhook.")
        username = "-".join(address.path.strip("/").split("/")[:-1])  # the last part is the secret
    fields.raise_errors()
    accounts = call.workspace.accounts
    known = next(
        (each for each in accounts.values() if (each.provider, each.username) == (provider, username)), None
    )
    account = known or Account(
        call.store.next_id("account"), new_uuid(), username, username, provider, call.now
    )
    account.name = fields.text("name") or account.name
    account.authorized = account.has_token = True
    accounts[account.id] = account
    event = "account.updated" if known else "account.added"
    call.store.events.append(Event(event, call.now, account=account, workspace=call.workspace))
    return Response.of(render_account(account), 200 if known else 201)
