"""Connecting accounts: channels at once, other networks through links that a person opens."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import Account, Happening
from postboost_provider.sandbox.core.replies import Refusal, Reply, not_found
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.publishing.accounts import account_of, render_account

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call

_LINK_LASTS = timedelta(minutes=15)
_RECONNECT_LINK_LASTS = timedelta(days=7)
_RECONNECTABLE = {
    *("facebook_page", "instagram", "instagram_standalone", "threads", "linkedin", "linkedin_page"),
    *("tiktok", "youtube", "pinterest"),
}
_WEBHOOK_HOSTS = {"discord": ("discord.com", "discordapp.com"), "slack": ("hooks.slack.com",)}


@answers("create_connect_link")
def create_connect_link(call: Call) -> Reply:
    provider = read_body(call)["provider"]
    return _link(call, "connect", _LINK_LASTS, {"provider": provider})


@answers("create_reconnect_link")
def create_reconnect_link(call: Call) -> Reply:
    """Return a link for someone without a PostBoost login; 404 while the feature is off (SDK 1.66.3)."""
    if call.store.settings.reconnect_links == "off":
        raise not_found()
    account = account_of(call)
    if account.provider not in _RECONNECTABLE:
        raise Refusal(422, f"There are no reconnect links for {account.provider}.")
    return _link(call, "reconnect", _RECONNECT_LINK_LASTS, {"account_uuid": account.uuid})


def _link(call: Call, kind: str, lasts: timedelta, about: dict[str, str]) -> Reply:
    url = f"{call.origin}/{kind}/{secrets.token_urlsafe(24)}"
    return Reply.of({"url": url, "expires_at": rfc3339(call.now + lasts), **about}, 201)


@answers("connect_channel")
def connect_channel(call: Call) -> Reply:
    """Connect a Telegram, Discord or Slack channel; the same one again is updated: 200 instead of 201."""
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
            fields.refuse("webhook_url", f"The webhook url field must be a {provider} webhook.")
        username = "-".join(address.path.strip("/").split("/")[:-1])  # the last part is the secret
    fields.finish()
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
    call.store.happenings.append(Happening(event, call.now, account=account, workspace=call.workspace))
    return Reply.of(render_account(account), 200 if known else 201)
