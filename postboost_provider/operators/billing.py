"""Subscriptions and receipts of workspaces, in PostBoost's panel. Each task is safe to retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.base import WorkspaceChangesOperator, WorkspaceOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.services.panel.ensure import IfExists


class PostBoostCreateSubscriptionOperator(WorkspaceOperator):
    """Give a workspace a subscription, unless it has one.

    Record one of your own billing system (``platform_subscription_id``, ``platform_plan_id``), or grant a PostBoost
    plan (``plan_id``).

    :param platform_subscription_id: the subscription's id in your billing system. Templated.
    :param platform_plan_id: the plan's name in your billing system. Templated.
    :param status: ``active``, ``trialing``, ``past_due``, ``paused``, ``canceled`` or ``incomplete``. Templated.
    :param trial_ends_at: a datetime or ISO 8601 text, in UTC without an offset; required with ``trialing``. Templated.
    :param plan_id: the number of a PostBoost plan to grant free of charge.
    :param trial_days: how many days of that plan are a trial, up to 365.
    :param if_exists: ``skip`` uses an existing subscription, ``update`` sets its plan, status and trial (not of a plan
        that was granted), ``fail`` fails.
    :xcom return_value: (dict) The subscription, and ``outcome``: ``created``, ``found`` or ``updated``.
    :raises AirflowFailException: the workspace does not exist, its subscription has another id, or PostBoost refused.
    """

    template_fields: Sequence[str] = (
        "workspace_uuid",
        "platform_subscription_id",
        "platform_plan_id",
        "status",
        "trial_ends_at",
        "postboost_conn_id",
    )

    def __init__(
        self,
        *,
        platform_subscription_id: str | None = None,
        platform_plan_id: str | None = None,
        status: str = "active",
        trial_ends_at: datetime | str | None = None,
        plan_id: int | None = None,
        trial_days: int | None = None,
        if_exists: IfExists = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.platform_subscription_id = platform_subscription_id
        self.platform_plan_id = platform_plan_id
        self.status = status
        self.trial_ends_at = trial_ends_at
        self.plan_id = plan_id
        self.trial_days = trial_days
        self.if_exists = if_exists

    def prepare(self, context: Context) -> Callable[[PostBoostClient], tuple[dict[str, Any], str | bool]]:
        from postboost_provider.api.arguments import check_choice
        from postboost_provider.services.panel import billing, ensure

        check_choice("if_exists", self.if_exists, ensure.IF_EXISTS)
        workspace, number, plan = self.workspace_uuid, self.platform_subscription_id, self.platform_plan_id
        if self.plan_id is not None and not (number or plan):
            granted = (self.plan_id, self.trial_days, self.if_exists)
            check_choice("if_exists", self.if_exists, ("skip", "fail"))
            return lambda api: billing.ensure_given_plan(api, workspace, *granted)
        if not (number and plan) or self.plan_id is not None:
            raise PostBoostConfigError(
                "Give platform_subscription_id and platform_plan_id, or only plan_id, for a plan that is granted free of charge.",
                field="plan_id",
            )
        given = {"platform_plan_id": plan, "status": self.status, "trial_ends_at": self.trial_ends_at or None}
        terms = billing.read_terms(given)
        return lambda api: billing.ensure_subscription(api, workspace, number, terms, self.if_exists)


class PostBoostChangeSubscriptionOperator(WorkspaceChangesOperator):
    """Change a subscription: its plan, or what your own billing system says about it.

    PostBoost shows neither a plan's number nor the hour of a date: a plan or a time is sent at each run.

    :param changes: for a subscription that you bill: any of ``platform_plan_id``, ``status``, ``trial_ends_at`` (required
        while ``trialing``) and ``paused_from`` (required while ``paused``). For one that PostBoost bills: ``plan_id`` and
        ``cycle`` (``monthly`` or ``yearly``), and optionally ``prorate`` (default True) and ``billing_immediately``
        (default False). Templated.
    :xcom return_value: (dict) The subscription, and ``outcome``: ``updated``, or ``found`` if nothing differed.
    """

    def prepare(self, context: Context) -> Callable[[PostBoostClient], tuple[dict[str, Any], str | bool]]:
        from postboost_provider.services.panel.billing import change_subscription, read_changes

        changes = read_changes(self.changes)
        return lambda api: change_subscription(api, self.workspace_uuid, changes)


class PostBoostCancelSubscriptionOperator(WorkspaceOperator):
    """Cancel a subscription that PostBoost bills. Succeeds if it is already canceled or does not exist.

    :param immediately: True ends the subscription now, False at the end of the paid period.
    :xcom return_value: (bool) Whether this task canceled a subscription.
    :raises AirflowFailException: the subscription is neither active nor past due, or was granted free of charge.
    """

    def __init__(self, *, immediately: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.immediately = immediately

    def prepare(self, context: Context) -> Callable[[PostBoostClient], bool]:
        from postboost_provider.services.panel.billing import cancel_subscription

        return lambda api: cancel_subscription(api, self.workspace_uuid, immediately=self.immediately)


class PostBoostResumeSubscriptionOperator(WorkspaceOperator):
    """Undo a cancellation before the subscription ends. Succeeds if it was not canceled.

    :xcom return_value: (bool) Whether there was a cancellation to undo.
    :raises AirflowFailException: the subscription does not exist or has ended, or PostBoost refused.
    """

    def prepare(self, context: Context) -> Callable[[PostBoostClient], bool]:
        from postboost_provider.services.panel.billing import resume_subscription

        return lambda api: resume_subscription(api, self.workspace_uuid)


class PostBoostCreateReceiptOperator(WorkspaceOperator):
    """Record a receipt of a workspace, unless it has one with the same invoice number.

    :param invoice_number: identifies the receipt. Templated.
    :param transaction_id: the payment's id. Templated.
    :param amount: the amount paid, in units of the currency.
    :param currency: such as ``EUR``. Templated.
    :param paid_at: the day of the payment: a date, a datetime or text such as ``2026-10-16``. Templated.
    :param tax: the tax, in units of the currency.
    :param description: a line for the reader. Templated.
    :param receipt_url: the URL of the document. Templated.
    :param if_exists: ``skip`` leaves an existing receipt unchanged, ``update`` changes it, ``fail`` fails.
    :xcom return_value: (dict) The receipt as PostBoost shows it, and ``outcome``: ``created``, ``found`` or ``updated``.
    :xcom uuid: (str) The receipt's uuid.
    :raises AirflowFailException: several receipts have that number, or PostBoost refused.
    """

    template_fields: Sequence[str] = (
        "workspace_uuid",
        "invoice_number",
        "transaction_id",
        "currency",
        "paid_at",
        "description",
        "receipt_url",
        "postboost_conn_id",
    )

    def __init__(
        self,
        *,
        invoice_number: str,
        transaction_id: str,
        amount: float,
        currency: str,
        paid_at: date | str,
        tax: float = 0,
        description: str | None = None,
        receipt_url: str | None = None,
        if_exists: IfExists = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.invoice_number = invoice_number
        self.transaction_id = transaction_id
        self.amount = amount
        self.currency = currency
        self.paid_at = paid_at
        self.tax = tax
        self.description = description
        self.receipt_url = receipt_url
        self.if_exists = if_exists

    def prepare(self, context: Context) -> Callable[[PostBoostClient], tuple[dict[str, Any], str | bool]]:
        from postboost_provider.api.arguments import check_choice, require_text
        from postboost_provider.services.panel import billing, ensure

        check_choice("if_exists", self.if_exists, ensure.IF_EXISTS)
        fields = ("transaction_id", "amount", "tax", "currency", "description", "receipt_url")
        receipt = {name: getattr(self, name) for name in fields}
        receipt["invoice_number"] = require_text("invoice_number", self.invoice_number)
        receipt["paid_at"] = billing.to_day(self.paid_at)
        return lambda api: billing.ensure_receipt(api, self.workspace_uuid, receipt, self.if_exists)
