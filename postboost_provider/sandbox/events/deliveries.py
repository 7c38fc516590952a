"""Webhook deliveries: signed, tried three times, to this machine only unless the settings allow more."""

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
HELD = (
    "Deliveries go to this machine only (localhost, 127.0.0.1, ::1), unless webhook_deliver_anywhere is on."
)


def deliver(store: Store, delivery: Delivery) -> None:
    """Keep the delivery, and send it in the background of the running event loop."""
    store.deliveries.append(delivery)
    send(store, delivery)


def send(store: Store, delivery: Delivery) -> None:
    """Send it, or send it again as a person's "resend" does: the same id, the same body."""
    if not store.settings.webhook_deliver_anywhere and not is_loopback_url(delivery.webhook.callback_url):
        delivery.status, delivery.error = "held", HELD
        return
    delivery.status, delivery.error = "pending", None
    task = asyncio.get_running_loop().create_task(_attempt(store, delivery))
    store.tasks.add(task)
    task.add_done_callback(store.tasks.discard)


def resend(store: Store, delivery_id: str) -> list[Delivery]:
    """Send all deliveries of one event again.

    :raises ValueError: there is none.
    """
    found = [each for each in store.deliveries if each.id == delivery_id]
    if not found:
        raise ValueError(f"There is no delivery {delivery_id}. GET deliveries lists them.")
    for each in found:
        send(store, each)
    return found


def brief(delivery: Delivery) -> dict[str, Any]:
    """Return what may be told of a delivery: all but the secret."""
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
            error = None if 200 <= status < 300 else f"The receiver answered {status}."
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
    """A redirect is an answer like any other: a signed body goes nowhere but where it was subscribed to."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(delivery: Delivery, timeout: float) -> int:
    """Return the status of the answer."""
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
        with opener.open(request, timeout=timeout) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
