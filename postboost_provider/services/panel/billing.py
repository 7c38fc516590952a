"""Subscriptions and receipts in the panel: a subscription is found by its workspace, a receipt by its number."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pendulum

from postboost_provider.api.arguments import argument, check_choice
from postboost_provider.api.errors import PostBoostConfigError, UnexpectedResponseError, ValidationError
from postboost_provider.api.times import to_instant
from postboost_provider.services.panel.ensure import (
    IfExists,
    Outcome,
    Resource,
    check_changed,
    check_changes,
    ensure,
    is_different,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient

STATUSES = ("active", "trialing", "past_due", "paused", "canceled", "incomplete")
CYCLES = ("monthly", "yearly")
# Of update_subscription, for a billing system of your own, and of change_subscription_plan, where PostBoost bills.
RECORD_FIELDS = ("platform_plan_id", "status", "trial_ends_at", "paused_from")
PLAN_FIELDS = ("plan_id", "cycle", "prorate", "billing_immediately")
_DATES = {"trialing": "trial_ends_at", "paused": "paused_from"}


def _call(
    api: PostBoostClient, operation: str, workspace_uuid: str, body: Mapping[str, Any] | None = None
) -> Any:
    return api.call(operation, parameters={"workspace_uuid": workspace_uuid}, body=body)


def find_subscription(api: PostBoostClient, workspace_uuid: str) -> Resource | None:
    """Return the workspace's subscription: PostBoost returns ``null`` where there is none (SDK 1.66.3)."""
    found = _call(api, "get_subscription", workspace_uuid)
    return dict(found) if found else None


def ensure_subscription(
    api: PostBoostClient,
    workspace_uuid: str,
    platform_subscription_id: str,
    terms: Mapping[str, Any],
    if_exists: IfExists = "skip",
) -> tuple[Resource, Outcome]:
    """Return the subscription of a workspace that a billing system of your own keeps, created if there was none.

    :param terms: as :func:`read_terms` returns them.
    :raises PostBoostConfigError: ``other_subscription``: it would be updated, but has another
        ``platform_subscription_id``, which can't be changed.
    """

    def change(found: Resource) -> bool:
        if found["platform_subscription_id"] != platform_subscription_id:
            raise PostBoostConfigError(
                f"The subscription of workspace {workspace_uuid} is {found['platform_subscription_id']!r}, and an "
                f"update can't make it {platform_subscription_id!r}. Cancel or delete it first.",
                code="other_subscription",
                field="platform_subscription_id",
            )
        return _change_record(api, workspace_uuid, found, terms)

    body = {"platform_subscription_id": platform_subscription_id, **terms}
    return ensure(
        f"a subscription of workspace {workspace_uuid}",
        lambda: find_subscription(api, workspace_uuid),
        lambda: _call(api, "create_subscription", workspace_uuid, body),
        change,
        if_exists,
    )


def ensure_given_plan(
    api: PostBoostClient,
    workspace_uuid: str,
    plan_id: int,
    trial_days: int | None = None,
    if_exists: IfExists = "skip",
) -> tuple[Resource, Outcome]:
    """Return the subscription of a workspace. If it has none, it gets a plan without billing, which can't be changed."""
    body = {"plan_id": plan_id, "trial_days": trial_days, "keep_prev_trial_ends_at": False}
    return ensure(
        f"a subscription of workspace {workspace_uuid}",
        lambda: find_subscription(api, workspace_uuid),
        lambda: _call(api, "add_generic_subscription", workspace_uuid, body),
        lambda found: False,
        if_exists,
    )


def change_subscription(
    api: PostBoostClient, workspace_uuid: str, changes: Mapping[str, Any]
) -> tuple[Resource, bool]:
    """Change a subscription, and return it and whether anything was changed.

    :param changes: as :func:`read_changes` returns them.
    """
    found = _get_subscription(api, workspace_uuid)
    if "plan_id" in changes:
        # PostBoost shows the plan under another name, so it can't be compared with the current one.
        body = {"prorate": True, "billing_immediately": False, **changes}
        _call(api, "change_subscription_plan", workspace_uuid, body)
    elif not _change_record(api, workspace_uuid, found, changes):
        return found, False
    return _get_subscription(api, workspace_uuid), True


def _change_record(
    api: PostBoostClient, workspace_uuid: str, found: Resource, terms: Mapping[str, Any]
) -> bool:
    # PostBoost shows dates only, in an undocumented zone: a time that is given can't be compared with them.
    if not set(terms) & set(_DATES.values()) and not is_different(found, terms):
        return False
    body = {"platform_plan_id": found["platform_plan_id"], "status": found["status"], **terms}
    # The update replaces the dates too, so a status that needs one has to be sent with it.
    _check_dates(body)
    _call(api, "update_subscription", workspace_uuid, body)
    # Dates are shown in another form.
    plain = {name: value for name, value in terms.items() if name not in _DATES.values()}
    check_changed(
        f"the subscription of workspace {workspace_uuid}", find_subscription(api, workspace_uuid), plain
    )
    return True


def _get_subscription(api: PostBoostClient, workspace_uuid: str) -> Resource:
    found = find_subscription(api, workspace_uuid)
    if found is None:
        raise PostBoostConfigError(
            f"Workspace {workspace_uuid} has no subscription, or it has ended. Create one with a "
            "PostBoostCreateSubscriptionOperator first.",
            code="no_subscription",
            field="workspace_uuid",
        )
    return found


def read_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes to a subscription, checked.

    :param changes: of RECORD_FIELDS, where a billing system of your own keeps it; or ``plan_id`` and ``cycle``, and
        optionally ``prorate`` and ``billing_immediately``, where PostBoost bills it.
    """
    check_changes(changes, (*RECORD_FIELDS, *PLAN_FIELDS))
    if "plan_id" not in changes:
        check_changes(changes, RECORD_FIELDS)
        return _read_fields(changes)
    check_changes(changes, PLAN_FIELDS)
    check_choice("cycle", changes.get("cycle"), CYCLES)
    return dict(changes)


def read_terms(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``platform_plan_id``, ``status`` and ``trial_ends_at`` of a new subscription, checked."""
    terms = _read_fields(given)
    if terms["status"] == "trialing":
        _check_dates(terms)
    return terms


def _read_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are given, with their times in UTC as the API takes them."""
    terms = {name: value for name, value in given.items() if value is not None}
    if "status" in terms:
        check_choice("status", terms["status"], STATUSES)
    for name in [name for name in _DATES.values() if name in terms]:
        time = terms[name]
        if isinstance(time, date) and not isinstance(time, datetime):
            time = f"{time:%Y-%m-%d} 00:00"
        with argument(name):
            terms[name] = to_instant(time, "UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    return terms


def _check_dates(terms: Mapping[str, Any]) -> None:
    needed = _DATES.get(terms["status"])
    if needed and needed not in terms:
        raise PostBoostConfigError(f"A subscription that is {terms['status']} needs {needed}.", field=needed)


def cancel_subscription(api: PostBoostClient, workspace_uuid: str, *, immediately: bool) -> bool:
    """Cancel a subscription that PostBoost bills, and return False where it was canceled already.

    :param immediately: end it now; otherwise it lasts until the end of the paid period.
    """
    found = find_subscription(api, workspace_uuid)
    if found is None or (_is_canceled(found) and not immediately):
        return False
    was_canceled = _is_canceled(found)
    try:
        _call(api, "cancel_subscription", workspace_uuid, {"immediately": immediately})
    except ValidationError:
        # A request that was sent again after a lost response is refused: the subscription is canceled then.
        found = find_subscription(api, workspace_uuid)
        if found is not None and not _is_canceled(found):
            raise
        return not was_canceled
    found = find_subscription(api, workspace_uuid)
    if found is not None and (immediately and found["status"] == "active" or not _is_canceled(found)):
        raise _unchanged(workspace_uuid, "canceled", found)
    return True


def resume_subscription(api: PostBoostClient, workspace_uuid: str) -> bool:
    """Undo a cancellation before the subscription ends, and return whether there was one."""
    if not _is_canceled(_get_subscription(api, workspace_uuid)):
        return False
    try:
        _call(api, "resume_subscription", workspace_uuid)
    except ValidationError:
        # As in cancel_subscription.
        if _is_canceled(_get_subscription(api, workspace_uuid)):
            raise
    if _is_canceled(found := _get_subscription(api, workspace_uuid)):
        raise _unchanged(workspace_uuid, "resumed", found)
    return True


def _unchanged(workspace_uuid: str, what: str, found: Resource) -> UnexpectedResponseError:
    return UnexpectedResponseError(
        f"PostBoost reported that the subscription of workspace {workspace_uuid} was {what}, but it is {found['status']!r} "
        f"and ends {found.get('ends_at') or 'never'}. Check it in the panel.",
        code="not_changed",
    )


def _is_canceled(subscription: Resource) -> bool:
    """Return whether its end is known: which status it has until then is not documented."""
    return subscription["status"] == "canceled" or bool(subscription.get("ends_at"))


def ensure_receipt(
    api: PostBoostClient, workspace_uuid: str, receipt: Mapping[str, Any], if_exists: IfExists = "skip"
) -> tuple[Resource, Outcome]:
    """Return the receipt of a workspace with an invoice number, created if there was none.

    :param receipt: ``invoice_number`` without spaces around it, ``transaction_id``, ``amount``, ``tax``, ``currency``,
        ``paid_at`` (a date), and optionally ``description`` and ``receipt_url``.
    """
    day, number = receipt["paid_at"], receipt["invoice_number"]
    wanted = {name: value for name, value in receipt.items() if value is not None}
    wanted["paid_at"] = day.isoformat()

    def find() -> Resource | None:
        listed = api.pages(
            "list_receipts", parameters={"workspace_uuid": workspace_uuid, "invoice_number": number}
        )
        found = [dict(each) for each in listed if each["invoice_number"] == number]
        if len(found) > 1:
            uuids = ", ".join(each["uuid"] for each in found)
            raise PostBoostConfigError(
                f"Workspace {workspace_uuid} has {len(found)} receipts {number!r}: {uuids}. Delete those that are wrong.",
                code="several",
                field="invoice_number",
            )
        return found[0] if found else None

    def change(found: Resource) -> bool:
        # The panel shows the date as `Oct 16, 2026` (SDK 1.66.3), whatever the locale.
        shown = pendulum.date(day.year, day.month, day.day).format("MMM D, YYYY")
        if not is_different(found, {**wanted, "paid_at": shown}):
            return False
        kept = {name: found[name] for name in ("description", "receipt_url") if found.get(name)}
        api.call("update_receipt", parameters={"receipt_uuid": found["uuid"]}, body={**kept, **wanted})
        check_changed(f"receipt {number}", find(), {**wanted, "paid_at": shown})
        return True

    return ensure(
        f"receipt {number} of workspace {workspace_uuid}",
        find,
        lambda: api.call("create_receipt", body={**wanted, "workspace_uuid": workspace_uuid}),
        change,
        if_exists,
    )


def to_day(value: date | str) -> date:
    """Return the date of a receipt: a date, a datetime or text such as ``2026-10-16``."""
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
