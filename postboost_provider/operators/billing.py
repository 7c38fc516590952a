"""Subscriptions and receipts of workspaces, in PostBoost's panel. Each task is safe to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.panel_base import PanelOperator

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.services.panel.ensure import IfExists


class PostBoostCreateSubscriptionOperator(PanelOperator):
    """Give a workspace a subscription, unless it has one.

    Either write down what a billing system of your own has (``platform_subscription_id`` and ``platform_plan_id``), or
    give away one of PostBoost's plans (``plan_id``). Returns the subscription as PostBoost shows it and ``outcome``:
    ``created``, ``found`` or ``updated``.

    :param workspace_uuid: the workspace. Templated.
    :param platform_subscription_id: the billing system's id. Templated.
    :param platform_plan_id: the billing system's name of the plan. Templated.
    :param status: ``active`` (default), ``trialing``, ``past_due``, ``paused``, ``canceled`` or ``incomplete``. Templated.
    :param trial_ends_at: a datetime or ISO 8601 text, in UTC unless it says otherwise; needed with ``trialing``. Templated.
    :param plan_id: the number of a plan of PostBoost's that is given away.
    :param trial_days: days that this plan is on trial, up to 365.
    :param if_exists: ``skip`` (default) uses a subscription that is there, ``update`` gives it plan, status and trial,
        ``fail`` fails. A plan that is given away can't be updated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: there is no such workspace, an update would need another ``platform_subscription_id``, or
        PostBoost refused.
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
        workspace_uuid: str,
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
        self.workspace_uuid = workspace_uuid
        self.platform_subscription_id = platform_subscription_id
        self.platform_plan_id = platform_plan_id
        self.status = status
        self.trial_ends_at = trial_ends_at
        self.plan_id = plan_id
        self.trial_days = trial_days
        self.if_exists = if_exists

    def act(self, api: PostBoostClient) -> dict[str, Any]:
        from postboost_provider.services.panel.billing import ensure_given_plan, ensure_subscription

        if self.plan_id is not None and not (self.platform_subscription_id or self.platform_plan_id):
            subscription, outcome = ensure_given_plan(
                api, self.workspace_uuid, self.plan_id, self.trial_days, self.if_exists
            )
        elif self.platform_subscription_id and self.platform_plan_id and self.plan_id is None:
            terms = {
                "platform_plan_id": self.platform_plan_id,
                "status": self.status,
                "trial_ends_at": self.trial_ends_at or None,
            }
            subscription, outcome = ensure_subscription(
                api, self.workspace_uuid, self.platform_subscription_id, terms, self.if_exists
            )
        else:
            raise PostBoostConfigError(
                "Give platform_subscription_id and platform_plan_id, for a subscription of a billing system of your own; or "
                "plan_id alone, for a plan that is given away."
            )
        return {**subscription, "outcome": outcome}


class PostBoostChangeSubscriptionOperator(PanelOperator):
    """Change a subscription: its plan, or what a billing system of your own says of it.

    Returns the subscription and ``outcome``: ``updated`` or ``found``, where nothing was to be changed. A plan of
    PostBoost's and a time are sent at each run, since PostBoost shows neither the number of a plan nor the hour of a day.

    :param workspace_uuid: the workspace. Templated.
    :param changes: for a subscription that you bill: of ``platform_plan_id``, ``status``, ``trial_ends_at`` (needed while
        ``trialing``) and ``paused_from`` (needed while ``paused``). For one that PostBoost bills: ``plan_id`` and ``cycle``
        (``monthly`` or ``yearly``), and if need be ``prorate`` (default True) and ``billing_immediately`` (default False).
        Templated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: the workspace has no subscription, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "changes", "postboost_conn_id")

    def __init__(self, *, workspace_uuid: str, changes: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid
        self.changes = changes

    def act(self, api: PostBoostClient) -> dict[str, Any]:
        from postboost_provider.services.panel.billing import change_subscription

        subscription, changed = change_subscription(api, self.workspace_uuid, self.changes)
        return {**subscription, "outcome": "updated" if changed else "found"}


class PostBoostCancelSubscriptionOperator(PanelOperator):
    """Cancel a subscription that PostBoost bills. One that is canceled, or not there, is what was wanted.

    Returns whether there was one to be canceled.

    :param workspace_uuid: the workspace. Templated.
    :param immediately: end it now; default False, at the end of the period that is paid for.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: it can't be canceled: it is neither active nor past due, or was given away.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "postboost_conn_id")

    def __init__(self, *, workspace_uuid: str, immediately: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid
        self.immediately = immediately

    def act(self, api: PostBoostClient) -> bool:
        from postboost_provider.services.panel.billing import cancel_subscription

        return cancel_subscription(api, self.workspace_uuid, immediately=self.immediately)


class PostBoostResumeSubscriptionOperator(PanelOperator):
    """Take a cancellation back before the subscription ends. One that was not canceled is what was wanted.

    Returns whether there was a cancellation.

    :param workspace_uuid: the workspace. Templated.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: there is no subscription (any more), or PostBoost refused.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "postboost_conn_id")

    def __init__(self, *, workspace_uuid: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid

    def act(self, api: PostBoostClient) -> bool:
        from postboost_provider.services.panel.billing import resume_subscription

        return resume_subscription(api, self.workspace_uuid)


class PostBoostCreateReceiptOperator(PanelOperator):
    """Write down a receipt of a workspace, unless it has one with that invoice number.

    Returns the receipt as PostBoost shows it and ``outcome``: ``created``, ``found`` or ``updated``.

    :param workspace_uuid: the workspace. Templated.
    :param invoice_number: what makes the receipt. Templated.
    :param transaction_id: the payment. Templated.
    :param amount: what was paid, in units of the currency.
    :param currency: such as ``EUR``. Templated.
    :param paid_at: the day: a date, a datetime or text such as ``2026-10-16``. Templated.
    :param tax: in units of the currency. Default 0.
    :param description: a line for the reader. Templated.
    :param receipt_url: where the document is. Templated.
    :param if_exists: ``skip`` (default) leaves a receipt that is there alone, ``update`` changes it, ``fail`` fails.
    :param postboost_conn_id: the PostBoost connection, with an admin's unscoped token. Templated.
    :raises AirflowFailException: there are several receipts with that number, or PostBoost refused.
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
        workspace_uuid: str,
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
        self.workspace_uuid = workspace_uuid
        self.invoice_number = invoice_number
        self.transaction_id = transaction_id
        self.amount = amount
        self.currency = currency
        self.paid_at = paid_at
        self.tax = tax
        self.description = description
        self.receipt_url = receipt_url
        self.if_exists = if_exists

    def act(self, api: PostBoostClient) -> dict[str, Any]:
        from postboost_provider.services.panel.billing import ensure_receipt

        fields = ("invoice_number", "transaction_id", "amount", "tax", "currency", "paid_at")
        receipt = {name: getattr(self, name) for name in (*fields, "description", "receipt_url")}
        found, outcome = ensure_receipt(api, self.workspace_uuid, receipt, self.if_exists)
        return {**found, "outcome": outcome}
