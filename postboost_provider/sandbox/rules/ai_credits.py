"""The workspace's AI credits: text credits per billing cycle, image credits per UTC month."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import month_of, rfc3339
from postboost_provider.sandbox.core.responses import ErrorResponse, Response

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Workspace
    from postboost_provider.sandbox.core.store import Store

_CYCLE = timedelta(days=30)
# Text credits per image if there is no image pool; PostBoost calls it `credit_weight`.
IMAGE_WEIGHT = 5


def spend(workspace: Workspace, now: datetime, *, text: int = 0, image: int = 0) -> None:
    workspace.credits_spent.append((now, text, image))


def require(store: Store, workspace: Workspace, *, text: int = 0, image: int = 0) -> None:
    """Reject a request for which too few credits are left, before it has any effect."""
    if store.settings.ai_unlimited:
        return
    for code, needed, left in (
        ("ai_credits_exhausted", text, text_left(store, workspace)),
        ("image_credits_exhausted", image, image_left(store, workspace)),
    ):
        if needed and left is not None and needed > left:
            period = "month" if code.startswith("image") else "billing cycle"
            message = f"Insufficient AI credits. You need {needed} credits but only have {left} remaining this {period}."
            details: dict[str, Any] = {"code": code} if store.settings.ai_codes else {}
            raise ErrorResponse(429, message, **details)


def charge(call: Call, *, text: int = 0, image: int = 0) -> None:
    """Spend credits.

    :raises ErrorResponse: 429 if too few are left.
    """
    require(call.store, call.workspace, text=text, image=image)
    spend(call.workspace, call.now, text=text, image=image)


def text_left(store: Store, workspace: Workspace) -> int | None:
    """Return the remaining text credits, None if they are unlimited."""
    if store.settings.ai_unlimited:
        return None
    return max(0, store.settings.ai_text_credits - _used(workspace, _cycle_start(store, workspace))[0])


def image_left(store: Store, workspace: Workspace) -> int | None:
    if store.settings.ai_unlimited or not store.settings.ai_image_pool:
        return None
    return max(0, store.settings.ai_image_credits - _used(workspace, month_of(store.clock.now())[0])[1])


@handles("get_ai_usage")
def get_ai_usage(call: Call) -> Response:
    settings, workspace = call.store.settings, call.workspace
    cycle, (month, month_end) = _cycle_start(call.store, workspace), month_of(call.now)
    unlimited = settings.ai_unlimited
    text: dict[str, Any] = {
        "used": None if unlimited else _used(workspace, cycle)[0],
        "limit": None if unlimited else settings.ai_text_credits,
        "remaining": text_left(call.store, workspace),
        "cycle_started_at": rfc3339(cycle),
    }
    image = {
        "enabled": settings.ai_image_pool,
        "used": _used(workspace, month)[1],
        "limit": None if unlimited or not settings.ai_image_pool else settings.ai_image_credits,
        "remaining": image_left(call.store, workspace),
        "period_start": rfc3339(month),
        "period_end": rfc3339(month_end),
    }
    return Response.of({"text": text, "image": image})


def _used(workspace: Workspace, since: datetime) -> tuple[int, int]:
    """Return the text and image credits spent since then."""
    recent = [(text, image) for at, text, image in workspace.credits_spent if at >= since]
    return sum(text for text, _ in recent), sum(image for _, image in recent)


def _cycle_start(store: Store, workspace: Workspace) -> datetime:
    """Return the start of the billing cycle; its length is not documented."""
    cycles = (store.clock.now() - workspace.created_at) // _CYCLE
    return workspace.created_at + cycles * _CYCLE
