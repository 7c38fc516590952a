"""Webhook deliveries: signed, up to three attempts, and only to this machine unless the settings allow others."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.fetch import in_thread, is_loopback_url

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Delivery
    from postboost_provider.sandbox.core.store import Store

ATTEMPTS = 3  # SDK 1.66.3, create_webhook_subscription
NOT_LOOPBACK = (
    "Webhooks are delivered only to this machine (localhost, 127.0.0.1, ::1)."
    " Turn webhook_deliver_anywhere on to allow other hosts."
)


def deliver(store: Store, delivery: Delivery) -> None:
    """Record the delivery, and send it in the background of the running event loop."""
    store.deliveries.append(delivery)
    send(store, delivery)


def send(store: Store, delivery: Delivery) -> None:
    """Send the delivery, or send it again with the same id and body."""
    if not store.settings.webhook_deliver_anywhere and not is_loopback_url(delivery.webhook.callback_url):
        delivery.status, delivery.error = "held", NOT_LOOPBACK
        return
    delivery.status, delivery.error = "pending", None
    task = asyncio.get_running_loop().create_task(_attempt(store, delivery))
    store.tasks.add(task)
    task.add_done_callback(store.tasks.discard)


def resend(store: Store, delivery_id: str) -> list[Delivery]:
    """Send all deliveries of one event again.

    :raises ValueError: the event does not exist.
    """
    found = [each for each in store.deliveries if each.id == delivery_id]
    if not found:
        raise ValueError(f"The delivery {delivery_id} does not exist. GET deliveries lists all deliveries.")
    for each in found:
        send(store, each)
    return found


def summarize(delivery: Delivery) -> dict[str, Any]:
    """Return the delivery without the webhook's secret."""
    return {
        "id": delivery.id,
        "event": delivery.event,
        "workspace_uuid": delivery.workspace_uuid,
        "subscription_uuid": delivery.webhook.uuid,
        "callback_url": delivery.webhook.callback_url,
        "occurred_at": delivery.moment.isoformat(timespec="seconds"),
        "status": delivery.status,
        "attempts": delivery.attempts,
        "error": delivery.error,
        "body": delivery.body.decode(),
    }


async def _attempt(store: Store, delivery: Delivery) -> None:
    settings = store.settings
    for number in range(ATTEMPTS):
        if number:
            await asyncio.sleep(settings.webhook_retry_seconds * 2 ** (number - 1))
        if delivery.webhook.uuid not in store.workspaces[delivery.workspace_uuid].webhooks:
            delivery.status, delivery.error = "failed", "The subscription was deleted."
            return
        try:
            status = await in_thread(lambda: _post(delivery, settings.webhook_timeout_seconds))
            error = None if 200 <= status < 300 else f"The receiver responded with {status}."
        except (OSError, http.client.HTTPException, ValueError) as failure:
            reason = getattr(failure, "reason", None) or failure
            error = f"The receiver could not be reached: {reason or type(failure).__name__}."
        delivery.attempts += 1
        delivery.error = error
        if error is None:
            delivery.status = "delivered"
            return
    delivery.status = "failed"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Treat a redirect as a failed response: a signed body is sent only to the subscribed URL."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(delivery: Delivery, timeout: float) -> int:
    """Return the status of the response."""
    signature = hmac.new(delivery.webhook.secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(
        delivery.webhook.callback_url,
        data=delivery.body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "PostBoost-Sandbox",
            "X-Signature": signature,
            "X-PostBoost-Workspace": delivery.workspace_uuid,
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
    try:
        with opener.open(request, timeout=timeout) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
