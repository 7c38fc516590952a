"""Billing in the panel: subscriptions and AI credits of a workspace."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from postboost_provider.sandbox.admin.panel import displayed_day, workspace_of
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.panel_models import Subscription
from postboost_provider.sandbox.core.responses import SUCCESS, ErrorResponse, Response, invalid, not_found
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.rules.ai_credits import text_left

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.models import Workspace

STATUSES = ("active", "trialing", "past_due", "paused", "canceled", "incomplete")
CYCLES = ("monthly", "yearly")
# The sandbox has no billing periods: a canceled subscription ends a month later.
_PERIOD = timedelta(days=30)
_CREATED = Response.of({"success": True}, 201)


def _current(call: Call, workspace: Workspace) -> Subscription | None:
    """Return the latest subscription, unless it has ended."""
    last = workspace.subscriptions[-1] if workspace.subscriptions else None
    return None if last is None or (last.ends_at and last.ends_at <= call.now) else last


def _subscription_of(call: Call) -> Subscription:
    subscription = _current(call, workspace_of(call))
    if subscription is None:
        raise not_found()
    return subscription


def _billed_of(call: Call, statuses: tuple[str, ...], message: str) -> Subscription:
    """Return the billed subscription, if it has one of these statuses.

    :raises ErrorResponse: 422 otherwise (SDK 1.66.3).
    """
    subscription = _current(call, workspace_of(call))
    if subscription is None or subscription.name == "generic" or subscription.status not in statuses:
        raise invalid({"subscription": [message]})
    return subscription


@handles("get_subscription")
def get_subscription(call: Call) -> Response:
    """Respond ``null`` without a subscription (SDK 1.66.3)."""
    subscription = _current(call, workspace_of(call))
    if subscription is None:
        return Response.of(None)
    days = ("trial_ends_at", "paused_from", "ends_at")
    shown = {name: displayed_day(call, getattr(subscription, name)) for name in days}
    return Response.of({**asdict(subscription), **shown})


@handles("create_subscription")
def create_subscription(call: Call) -> Response:
    """Record a subscription. A workspace may have several."""
    workspace = workspace_of(call)
    fields = Fields(call.fields)
    number = fields.text("platform_subscription_id", required=True) or ""
    plan, status, trial_ends_at, _ = _read_terms(fields)
    workspace.subscriptions.append(Subscription("default", number, plan, status, trial_ends_at=trial_ends_at))
    return _CREATED


@handles("update_subscription")
def update_subscription(call: Call) -> Response:
    subscription = _subscription_of(call)
    terms = _read_terms(Fields(call.fields), pausing=True)
    (
        subscription.platform_plan_id,
        subscription.status,
        subscription.trial_ends_at,
        subscription.paused_from,
    ) = terms
    subscription.ends_at = subscription.ends_at if subscription.status == "canceled" else None
    return SUCCESS


def _read_terms(
    fields: Fields, *, pausing: bool = False
) -> tuple[str, str, datetime | None, datetime | None]:
    """Return plan, status, end of the trial and start of the pause."""
    plan = fields.text("platform_plan_id", required=True) or ""
    status = fields.choice("status", STATUSES, required=True) or ""
    trial_ends_at = fields.instant("trial_ends_at", required=status == "trialing")
    paused_from = fields.instant("paused_from", required=pausing and status == "paused")
    fields.raise_errors()
    return plan, status, trial_ends_at, paused_from


@handles("delete_subscription")
def delete_subscription(call: Call) -> Response:
    workspace = workspace_of(call)
    workspace.subscriptions.remove(_subscription_of(call))
    return SUCCESS


@handles("cancel_subscription")
def cancel_subscription(call: Call) -> Response:
    """Cancel at the end of the period or at once; requires active or past due (SDK 1.66.3)."""
    subscription = _billed_of(call, ("active", "past_due"), "The workspace has no active subscription.")
    fields = Fields(call.fields)
    immediately = fields.boolean("immediately")
    fields.raise_errors()
    if subscription.ends_at is not None and not immediately:
        raise invalid({"subscription": ["The subscription is already canceled."]})
    subscription.ends_at = call.now + (timedelta() if immediately else _PERIOD)
    subscription.status = "canceled" if immediately else call.store.settings.canceled_status
    return SUCCESS


@handles("resume_subscription")
def resume_subscription(call: Call) -> Response:
    """Undo a cancellation before the end of the period."""
    message = "The workspace has no canceled subscription."
    subscription = _billed_of(call, ("active", "canceled"), message)
    if subscription.ends_at is None:
        raise invalid({"subscription": [message]})
    subscription.status, subscription.ends_at = "active", None
    return SUCCESS


@handles("change_subscription_plan")
def change_subscription_plan(call: Call) -> Response:
    subscription = _billed_of(call, STATUSES, "The workspace has no subscription.")
    plan = _read_plan(Fields(call.fields), "prorate", "billing_immediately")
    subscription.platform_plan_id = plan
    return SUCCESS


@handles("checkout_subscription")
def checkout_subscription(call: Call) -> Response:
    workspace = workspace_of(call)
    fields = Fields(call.fields)
    fields.text("coupon")
    plan = _read_plan(fields)
    return Response.of({"url": f"https://checkout.stripe.example/{workspace.uuid}/{plan}"})


def _read_plan(fields: Fields, *flags: str) -> str:
    """Return a platform plan id for a plan and cycle; which plans exist is not documented."""
    plan = fields.integer("plan_id", required=True, minimum=1)
    cycle = fields.choice("cycle", CYCLES, required=True)
    for name in flags:
        fields.boolean(name, required=True)
    fields.raise_errors()
    return f"plan_{plan}_{cycle}"


@handles("add_generic_subscription")
def add_generic_subscription(call: Call) -> Response:
    """Grant a free plan, optionally with trial days."""
    workspace = workspace_of(call)
    fields = Fields(call.fields)
    plan = fields.integer("plan_id", required=True, minimum=1)
    days = fields.integer("trial_days") or 0
    if days > 365:
        fields.add_error("trial_days", "The trial days field must not be greater than 365.")
    keep = fields.boolean("keep_prev_trial_ends_at", required=True)
    fields.raise_errors()
    before = _current(call, workspace)
    trial_ends_at = call.now + timedelta(days=days) if days else None
    if keep and before is not None and before.trial_ends_at is not None:
        trial_ends_at = before.trial_ends_at
    number = f"generic_{call.store.next_id('subscription')}"
    status = "trialing" if trial_ends_at is not None and trial_ends_at > call.now else "active"
    workspace.subscriptions.append(
        Subscription("generic", number, f"plan_{plan}", status, recurring=False, trial_ends_at=trial_ends_at)
    )
    return _CREATED


@handles("remove_generic_subscription")
def remove_generic_subscription(call: Call) -> Response:
    workspace = workspace_of(call)
    subscription = _current(call, workspace)
    if subscription is None or subscription.name != "generic":
        raise ErrorResponse(422, "The workspace has no generic subscription.")
    workspace.subscriptions.remove(subscription)
    return SUCCESS


@handles("get_workspace_ai_credits")
def get_workspace_ai_credits(call: Call) -> Response:
    """Return the balance. It is low at 10 credits or fewer, and null if credits are unlimited (SDK 1.66.3)."""
    left = text_left(call.store, workspace_of(call))
    return Response.of(
        {"available": left is None or left > 0, "balance": left, "low": left is not None and 0 < left <= 10}
    )
