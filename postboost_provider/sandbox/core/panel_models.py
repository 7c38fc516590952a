"""The data of the panel: subscriptions and receipts of workspaces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(eq=False, slots=True)
class Subscription:
    """The subscription of a workspace.

    :param name: ``generic`` for a free plan granted by an admin, ``default`` for a billed one.
    :param ends_at: when a canceled subscription ends; None if it was not canceled.
    """

    name: Literal["default", "generic"]
    platform_subscription_id: str
    platform_plan_id: str
    status: str
    recurring: bool = True
    trial_ends_at: datetime | None = None
    paused_from: datetime | None = None
    ends_at: datetime | None = None


@dataclass(eq=False, slots=True)
class Receipt:
    id: int
    uuid: str
    workspace_uuid: str
    created_at: datetime
    transaction_id: str = ""
    invoice_number: str = ""
    amount: float = 0
    tax: float = 0
    currency: str = ""
    description: str | None = None
    receipt_url: str | None = None
    paid_at: date = date.min
