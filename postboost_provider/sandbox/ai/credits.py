"""The workspace's AI credits: text credits by billing cycle, image credits by month of UTC."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.replies import Refusal, Reply

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.models import Workspace
    from postboost_provider.sandbox.core.store import Store

_CYCLE = timedelta(days=30)
# What an image costs in text credits where there is no image pool; PostBoost calls it `credit_weight`.
IMAGE_WEIGHT = 5


def spend(workspace: Workspace, now: datetime, *, text: int = 0, image: int = 0) -> None:
    workspace.credits_spent.append((now, text, image))


def require(store: Store, workspace: Workspace, *, text: int = 0, image: int = 0) -> None:
    """Refuse what there are not enough credits for, before anything is done."""
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
            raise Refusal(429, message, **details)


def text_left(store: Store, workspace: Workspace) -> int | None:
    """Return the text credits that are left, None without a limit."""
    if store.settings.ai_unlimited:
        return None
    return max(0, store.settings.ai_text_credits - _used(workspace, _cycle_start(store, workspace))[0])


def image_left(store: Store, workspace: Workspace) -> int | None:
    if store.settings.ai_unlimited or not store.settings.ai_image_pool:
        return None
    return max(0, store.settings.ai_image_credits - _used(workspace, _month_start(store.clock.now()))[1])


@answers("get_ai_usage")
def get_ai_usage(call: Call) -> Reply:
    settings, workspace, now = call.store.settings, call.workspace, call.now
    cycle, month = _cycle_start(call.store, workspace), _month_start(now)
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
        "period_end": rfc3339((month + timedelta(days=32)).replace(day=1) - timedelta(seconds=1)),
    }
    return Reply.of({"text": text, "image": image})


def _used(workspace: Workspace, since: datetime) -> tuple[int, int]:
    """Return the text and image credits that were spent since then."""
    recent = [(text, image) for at, text, image in workspace.credits_spent if at >= since]
    return sum(text for text, _ in recent), sum(image for _, image in recent)


def _cycle_start(store: Store, workspace: Workspace) -> datetime:
    """Return when the billing cycle began; the documents do not say how long one is."""
    cycles = (store.clock.now() - workspace.created_at) // _CYCLE
    return workspace.created_at + cycles * _CYCLE


def _month_start(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
