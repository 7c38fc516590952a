"""Billing in the panel: the subscription of a workspace, receipts, AI credits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from postboost_provider.sandbox.admin.panel import displayed_day, panel_page, workspace_of
from postboost_provider.sandbox.ai.credits import text_left
from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.models import Receipt, Subscription, Workspace
from postboost_provider.sandbox.core.replies import SUCCESS, Refusal, Reply, invalid, not_found
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields

STATUSES = ("active", "trialing", "past_due", "paused", "canceled", "incomplete")
CYCLES = ("monthly", "yearly")
# Billing periods are none of the sandbox's business: a canceled subscription has a month left.
_PERIOD = timedelta(days=30)
_CREATED = Reply.of({"success": True}, 201)


# Subscriptions


def _current(call: Call, workspace: Workspace) -> Subscription | None:
    """Return the subscription that was made last, unless it has ended."""
    last = workspace.subscriptions[-1] if workspace.subscriptions else None
    return None if last is None or (last.ends_at and last.ends_at <= call.now) else last


def _subscription_of(call: Call) -> Subscription:
    subscription = _current(call, workspace_of(call))
    if subscription is None:
        raise not_found()
    return subscription


def _billed_of(call: Call, statuses: tuple[str, ...], refusal: str) -> Subscription:
    """Return the subscription, if it is billed and has one of these statuses; else refuse as the SDK 1.66.3 has it."""
    subscription = _current(call, workspace_of(call))
    if subscription is None or subscription.name == "generic" or subscription.status not in statuses:
        raise invalid({"subscription": [refusal]})
    return subscription


@answers("get_subscription")
def get_subscription(call: Call) -> Reply:
    """Answer ``null`` where there is none (SDK 1.66.3)."""
    subscription = _current(call, workspace_of(call))
    if subscription is None:
        return Reply.of(None)
    return Reply.of(
        {
            "name": subscription.name,
            "platform_subscription_id": subscription.platform_subscription_id,
            "platform_plan_id": subscription.platform_plan_id,
            "status": subscription.status,
            "recurring": subscription.recurring,
            "trial_ends_at": displayed_day(call, subscription.trial_ends_at),
            "paused_from": displayed_day(call, subscription.paused_from),
            "ends_at": displayed_day(call, subscription.ends_at),
        }
    )


@answers("create_subscription")
def create_subscription(call: Call) -> Reply:
    """Write down a subscription. Nothing keeps a workspace from having another."""
    workspace = workspace_of(call)
    fields = Fields(call.fields)
    number = fields.text("platform_subscription_id", required=True) or ""
    plan, status, trial_ends_at, _ = _read_terms(fields)
    workspace.subscriptions.append(Subscription("default", number, plan, status, trial_ends_at=trial_ends_at))
    return _CREATED


@answers("update_subscription")
def update_subscription(call: Call) -> Reply:
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
    """Return plan, status, the end of the trial and the start of the pause, as far as the status has them."""
    plan = fields.text("platform_plan_id", required=True) or ""
    status = fields.choice("status", STATUSES, required=True) or ""
    trial_ends_at = fields.instant("trial_ends_at", required=status == "trialing")
    paused_from = fields.instant("paused_from", required=pausing and status == "paused")
    fields.finish()
    return plan, status, trial_ends_at, paused_from


@answers("delete_subscription")
def delete_subscription(call: Call) -> Reply:
    workspace = workspace_of(call)
    workspace.subscriptions.remove(_subscription_of(call))
    return SUCCESS


@answers("cancel_subscription")
def cancel_subscription(call: Call) -> Reply:
    """Cancel at the end of the period or at once; works while active and past due (SDK 1.66.3)."""
    subscription = _billed_of(call, ("active", "past_due"), "The workspace has no active subscription.")
    fields = Fields(call.fields)
    immediately = fields.boolean("immediately")
    fields.finish()
    if subscription.ends_at is not None and not immediately:
        raise invalid({"subscription": ["The subscription is canceled already."]})
    subscription.ends_at = call.now + (timedelta() if immediately else _PERIOD)
    subscription.status = "canceled" if immediately else call.store.settings.canceled_status
    return SUCCESS


@answers("resume_subscription")
def resume_subscription(call: Call) -> Reply:
    """Take a cancellation back before the end."""
    refusal = "The workspace has no canceled subscription."
    subscription = _billed_of(call, ("active", "canceled"), refusal)
    if subscription.ends_at is None:
        raise invalid({"subscription": [refusal]})
    subscription.status, subscription.ends_at = "active", None
    return SUCCESS


@answers("change_subscription_plan")
def change_subscription_plan(call: Call) -> Reply:
    subscription = _billed_of(call, STATUSES, "The workspace has no subscription.")
    plan = _read_plan(Fields(call.fields), "prorate", "billing_immediately")
    subscription.platform_plan_id = plan
    return SUCCESS


@answers("checkout_subscription")
def checkout_subscription(call: Call) -> Reply:
    workspace = workspace_of(call)
    fields = Fields(call.fields)
    fields.text("coupon")
    plan = _read_plan(fields)
    return Reply.of({"url": f"https://checkout.stripe.example/{workspace.uuid}/{plan}"})


def _read_plan(fields: Fields, *flags: str) -> str:
    """Return the platform's name of a plan by its number and cycle; which plans there are is not said."""
    plan = fields.integer("plan_id", required=True, least=1)
    cycle = fields.choice("cycle", CYCLES, required=True)
    for name in flags:
        fields.boolean(name, required=True)
    fields.finish()
    return f"plan_{plan}_{cycle}"


@answers("add_generic_subscription")
def add_generic_subscription(call: Call) -> Reply:
    """Give a plan away, on trial for some days if that is said."""
    workspace = workspace_of(call)
    fields = Fields(call.fields)
    plan = fields.integer("plan_id", required=True, least=1)
    days = fields.integer("trial_days") or 0
    if days > 365:
        fields.refuse("trial_days", "The trial days field must not be greater than 365.")
    keep = fields.boolean("keep_prev_trial_ends_at", required=True)
    fields.finish()
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


@answers("remove_generic_subscription")
def remove_generic_subscription(call: Call) -> Reply:
    workspace = workspace_of(call)
    subscription = _current(call, workspace)
    if subscription is None or subscription.name != "generic":
        raise Refusal(422, "The workspace has no generic subscription.")
    workspace.subscriptions.remove(subscription)
    return SUCCESS


@answers("get_workspace_ai_credits")
def get_workspace_ai_credits(call: Call) -> Reply:
    """Tell the balance; it is low from 10 credits down, and null where none is tracked (SDK 1.66.3)."""
    left = text_left(call.store, workspace_of(call))
    return Reply.of(
        {"available": left is None or left > 0, "balance": left, "low": left is not None and 0 < left <= 10}
    )


# Receipts


def _render_receipt(call: Call, receipt: Receipt) -> dict[str, Any]:
    return {
        "uuid": receipt.uuid,
        "transaction_id": receipt.transaction_id,
        "invoice_number": receipt.invoice_number,
        "amount": receipt.amount,
        "tax": receipt.tax,
        "currency": receipt.currency,
        "receipt_url": receipt.receipt_url,
        "description": receipt.description,
        "paid_at": displayed_day(call, receipt.paid_at),
        "created_at": displayed_day(call, receipt.created_at),
    }


def _receipt_of(call: Call) -> Receipt:
    receipt = call.store.receipts.get(call.path["receipt_uuid"])
    if receipt is None:
        raise not_found()
    return receipt


def _write_receipt(fields: Fields, receipt: Receipt, *, tax_required: bool) -> None:
    read = {
        "transaction_id": fields.text("transaction_id", required=True),
        "invoice_number": fields.text("invoice_number", required=True),
        "amount": fields.number("amount", required=True),
        "tax": fields.number("tax", required=tax_required) or 0,
        "currency": fields.text("currency", required=True),
        "description": fields.text("description"),
        "receipt_url": fields.text("receipt_url"),
        "paid_at": fields.day("paid_at", required=True),
    }
    fields.finish()
    for name, value in read.items():
        setattr(receipt, name, value)


@answers("list_receipts")
def list_receipts(call: Call) -> Reply:
    workspace, invoice = call.parameter("workspace_uuid"), call.parameter("invoice_number")
    found = [
        receipt
        for receipt in reversed(call.store.receipts.values())
        if workspace in (None, receipt.workspace_uuid) and invoice in (None, receipt.invoice_number)
    ]
    return panel_page(call, found, _render_receipt)


@answers("create_receipt")
def create_receipt(call: Call) -> Reply:
    """Write down a receipt. Nothing keeps two from having the same number."""
    fields = Fields(call.fields)
    uuid = fields.text("workspace_uuid", required=True)
    if uuid is not None and uuid not in call.store.workspaces:
        fields.refuse("workspace_uuid", "The selected workspace uuid is invalid.")
    receipt = Receipt(call.store.next_id("receipt"), new_uuid(), uuid or "", call.now)
    _write_receipt(fields, receipt, tax_required=True)
    call.store.receipts[receipt.uuid] = receipt
    return Reply.of(_render_receipt(call, receipt), 201)


@answers("get_receipt")
def get_receipt(call: Call) -> Reply:
    return Reply.of(_render_receipt(call, _receipt_of(call)))


@answers("update_receipt")
def update_receipt(call: Call) -> Reply:
    _write_receipt(Fields(call.fields), _receipt_of(call), tax_required=False)
    return SUCCESS


@answers("delete_receipt")
def delete_receipt(call: Call) -> Reply:
    del call.store.receipts[_receipt_of(call).uuid]
    return SUCCESS


@answers("delete_receipts_bulk")
def delete_receipts_bulk(call: Call) -> Reply:
    fields = Fields(call.fields)
    uuids = fields.items("receipts", required=True)
    fields.finish()
    for uuid in uuids:
        if isinstance(uuid, str):
            call.store.receipts.pop(uuid, None)
    return SUCCESS
