"""Subscriptions and receipts in the panel: a subscription by its workspace, a receipt by its number, each made once."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from postboost_provider.api.arguments import argument, check_choice
from postboost_provider.api.errors import PostBoostConfigError, ValidationError
from postboost_provider.api.times import to_instant
from postboost_provider.services.panel.ensure import (
    IfExists,
    Outcome,
    Thing,
    check_changes,
    different,
    ensure,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient

STATUSES = ("active", "trialing", "past_due", "paused", "canceled", "incomplete")
CYCLES = ("monthly", "yearly")
# Of update_subscription and of change_subscription_plan, which are two ways to pay.
RECORD_FIELDS = ("platform_plan_id", "status", "trial_ends_at", "paused_from")
PLAN_FIELDS = ("plan_id", "cycle", "prorate", "billing_immediately")
_DATES = {"trialing": "trial_ends_at", "paused": "paused_from"}


def find_subscription(api: PostBoostClient, workspace_uuid: str) -> Thing | None:
    """Return the workspace's subscription: PostBoost answers ``null`` where there is none (SDK 1.66.3)."""
    found = api.call("get_subscription", parameters={"workspace_uuid": workspace_uuid})
    return dict(found) if found else None


def ensure_subscription(
    api: PostBoostClient,
    workspace_uuid: str,
    platform_subscription_id: str,
    terms: Mapping[str, Any],
    if_exists: IfExists = "skip",
) -> tuple[Thing, Outcome]:
    """Return the subscription of a workspace, as a billing system of one's own has it.

    :param terms: ``platform_plan_id``, ``status`` and ``trial_ends_at``, like the panel's fields.
    :raises PostBoostConfigError: it is to be updated, and has another ``platform_subscription_id``, which can't be
        changed.
    """
    terms = read_terms(terms)
    parameters = {"workspace_uuid": workspace_uuid}

    def change(there: Thing) -> bool:
        if there["platform_subscription_id"] != platform_subscription_id:
            raise PostBoostConfigError(
                f"The subscription of workspace {workspace_uuid} is {there['platform_subscription_id']!r}, and no "
                f"update makes it {platform_subscription_id!r}. Cancel or delete it first."
            )
        return _change_record(api, workspace_uuid, there, terms)

    return ensure(
        f"a subscription of workspace {workspace_uuid}",
        lambda: find_subscription(api, workspace_uuid),
        lambda: api.call(
            "create_subscription",
            parameters=parameters,
            body={"platform_subscription_id": platform_subscription_id, **terms},
        ),
        change,
        if_exists,
    )


def ensure_given_plan(
    api: PostBoostClient,
    workspace_uuid: str,
    plan_id: int,
    trial_days: int | None = None,
    if_exists: IfExists = "skip",
) -> tuple[Thing, Outcome]:
    """Return the subscription of a workspace that is given a plan without billing.

    :raises PostBoostConfigError: ``if_exists`` is ``update``: a plan that was given away can only be removed.
    """
    check_choice("if_exists of a plan that is given away", if_exists, ("skip", "fail"))
    body = {"plan_id": plan_id, "trial_days": trial_days, "keep_prev_trial_ends_at": False}
    return ensure(
        f"a subscription of workspace {workspace_uuid}",
        lambda: find_subscription(api, workspace_uuid),
        lambda: api.call(
            "add_generic_subscription", parameters={"workspace_uuid": workspace_uuid}, body=body
        ),
        lambda there: False,
        if_exists,
    )


def change_subscription(
    api: PostBoostClient, workspace_uuid: str, changes: Mapping[str, Any]
) -> tuple[Thing, bool]:
    """Change a subscription, and return it as it is then with whether there was anything to change.

    :param changes: of RECORD_FIELDS, where a billing system of one's own keeps it; or ``plan_id`` and ``cycle``, and
        if need be ``prorate`` and ``billing_immediately``, where PostBoost bills it.
    """
    terms = read_changes(changes)
    there = _get_subscription(api, workspace_uuid)
    if "plan_id" in changes:
        changed = _change_plan(api, workspace_uuid, terms)
    else:
        changed = _change_record(api, workspace_uuid, there, terms)
    return (_get_subscription(api, workspace_uuid) if changed else there), changed


def _change_record(api: PostBoostClient, workspace_uuid: str, there: Thing, terms: Mapping[str, Any]) -> bool:
    # PostBoost shows days alone, of a zone that it does not tell: a time that is named can't be compared with them.
    if not set(terms) & set(_DATES.values()) and not different(there, terms):
        return False
    body = {"platform_plan_id": there["platform_plan_id"], "status": there["status"], **terms}
    # PostBoost replaces the dates too, and shows them as days of a zone that it does not tell.
    _check_dates(body)
    api.call("update_subscription", parameters={"workspace_uuid": workspace_uuid}, body=body)
    return True


def _change_plan(api: PostBoostClient, workspace_uuid: str, changes: Mapping[str, Any]) -> bool:
    """Send the plan: PostBoost shows its own name of it, so that what is there can't be compared."""
    body = {"prorate": True, "billing_immediately": False, **changes}
    api.call("change_subscription_plan", parameters={"workspace_uuid": workspace_uuid}, body=body)
    return True


def _get_subscription(api: PostBoostClient, workspace_uuid: str) -> Thing:
    found = find_subscription(api, workspace_uuid)
    if found is None:
        raise PostBoostConfigError(
            f"Workspace {workspace_uuid} has no subscription, or it has ended. Make one with a "
            "PostBoostCreateSubscriptionOperator first."
        )
    return found


def read_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes to a subscription, checked."""
    check_changes(changes, (*RECORD_FIELDS, *PLAN_FIELDS))
    if "plan_id" not in changes:
        check_changes(changes, RECORD_FIELDS)
        return _read_fields(changes)
    check_changes(changes, PLAN_FIELDS)
    check_choice("cycle", changes.get("cycle"), CYCLES)
    return dict(changes)


def read_terms(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a new subscription is created with, checked."""
    terms = _read_fields(given)
    if terms["status"] == "trialing":
        _check_dates(terms)
    return terms


def _read_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are given, checked, and their times in UTC as the API takes them."""
    terms = {name: value for name, value in given.items() if value is not None}
    if "status" in terms:
        check_choice("status", terms["status"], STATUSES)
    for name in _DATES.values():
        if name in terms:
            given_time = terms[name]
            if isinstance(given_time, date) and not isinstance(given_time, datetime):
                given_time = f"{given_time:%Y-%m-%d} 00:00"
            with argument(name):
                terms[name] = to_instant(given_time, "UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    return terms


def _check_dates(terms: Mapping[str, Any]) -> None:
    needed = _DATES.get(terms["status"])
    if needed and needed not in terms:
        raise PostBoostConfigError(
            f"A subscription that is {terms['status']} needs {needed}.", code="empty", field=needed
        )


def cancel_subscription(api: PostBoostClient, workspace_uuid: str, *, immediately: bool) -> bool:
    """Cancel a subscription that PostBoost bills, and return whether it was not canceled already.

    :param immediately: ends it now; otherwise it lasts until the end of the period that is paid for.
    """
    there = find_subscription(api, workspace_uuid)
    if there is None or (_is_canceled(there) and not immediately):
        return False
    was_canceled = _is_canceled(there)
    try:
        api.call(
            "cancel_subscription",
            parameters={"workspace_uuid": workspace_uuid},
            body={"immediately": immediately},
        )
    except ValidationError:
        # What was sent again after a lost answer is refused: it is canceled then.
        there = find_subscription(api, workspace_uuid)
        if there is not None and not _is_canceled(there):
            raise
        return not was_canceled
    return True


def resume_subscription(api: PostBoostClient, workspace_uuid: str) -> bool:
    """Take a cancellation back before the subscription ends, and return whether there was one."""
    if not _is_canceled(_get_subscription(api, workspace_uuid)):
        return False
    try:
        api.call("resume_subscription", parameters={"workspace_uuid": workspace_uuid})
    except ValidationError:
        # As above.
        if _is_canceled(_get_subscription(api, workspace_uuid)):
            raise
    return True


def _is_canceled(subscription: Thing) -> bool:
    """Whether its end is known: what its status is until then is not documented."""
    return subscription["status"] == "canceled" or bool(subscription.get("ends_at"))


def ensure_receipt(
    api: PostBoostClient, workspace_uuid: str, receipt: Mapping[str, Any], if_exists: IfExists = "skip"
) -> tuple[Thing, Outcome]:
    """Return the receipt of a workspace with an invoice number.

    :param receipt: ``invoice_number``, ``transaction_id``, ``amount``, ``tax``, ``currency``, ``paid_at`` (a day), and
        if need be ``description`` and ``receipt_url``.
    """
    day = to_day(receipt["paid_at"])
    wanted = {
        **{name: value for name, value in receipt.items() if value is not None},
        "paid_at": day.isoformat(),
    }
    # What is looked for is what is sent.
    number = wanted["invoice_number"] = str(receipt["invoice_number"]).strip()

    def find() -> Thing | None:
        parameters = {"workspace_uuid": workspace_uuid, "invoice_number": number}
        found = [
            dict(each)
            for each in api.pages("list_receipts", parameters=parameters)
            if each["invoice_number"] == number
        ]
        if len(found) > 1:
            listed = ", ".join(each["uuid"] for each in found)
            raise PostBoostConfigError(
                f"Workspace {workspace_uuid} has {len(found)} receipts {number!r}: {listed}. Delete those that are wrong."
            )
        return found[0] if found else None

    def change(there: Thing) -> bool:
        if not different(there, {**wanted, "paid_at": show_day(day)}):
            return False
        kept = {name: there[name] for name in ("description", "receipt_url") if there.get(name)}
        api.call("update_receipt", parameters={"receipt_uuid": there["uuid"]}, body={**kept, **wanted})
        return True

    return ensure(
        f"a receipt {number} of workspace {workspace_uuid}",
        find,
        lambda: api.call("create_receipt", body={**wanted, "workspace_uuid": workspace_uuid}),
        change,
        if_exists,
    )


def to_day(value: date | str) -> date:
    """Return the day that a person means: a date, a datetime or text such as ``2026-10-16``.

    :raises PostBoostConfigError: it is none.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value).strip()).date()
    except ValueError:
        raise PostBoostConfigError(
            f"paid_at is {value!r}, which is not a date. Write it as 2026-10-16.",
            code="not_a_date",
            field="paid_at",
        ) from None


def show_day(value: date | str) -> str:
    """Return a day as the panel shows it, such as ``Oct 16, 2026`` (SDK 1.66.3)."""
    day = to_day(value)
    return f"{day:%b} {day.day}, {day:%Y}"
