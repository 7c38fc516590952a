"""The posting schedule: read, change and reset it, list queue slots, recommend times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.core.resources import Record, enveloped
from postboost_provider.sandbox.core.responses import Response, not_found
from postboost_provider.sandbox.core.scope import require_accounts
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.publishing.queue import schedule_for, slots_after

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_SLOTS_PER_PAGE = 25
_HORIZON = timedelta(days=14)
_ENOUGH_POSTS = 3
_BEST_TIMES = ("09:00", "12:00", "17:00", "08:00", "19:00", "15:00")


def _account_id(call: Call, text: str | None) -> int:
    """Return the account id of the request; 0 is the workspace, and the default."""
    fields = Fields({"account_id": text})
    number = fields.integer("account_id") or 0
    fields.raise_errors()
    if number and number not in call.workspace.accounts:
        raise not_found()
    require_accounts(call, [number])
    return number


def _render(call: Call, account_id: int) -> Record:
    own = call.workspace.records.get("posting_schedule", {})
    source = account_id if str(account_id) in own else 0
    schedule = schedule_for(call.workspace, source)
    return {
        "account_id": account_id,
        "source_account_id": source,
        "inherited": source != account_id,
        **schedule,
    }


@handles("get_posting_schedule")
def get_posting_schedule(call: Call) -> Response:
    return enveloped(call, _render(call, _account_id(call, call.parameter("account_id"))))


@handles("update_posting_schedule")
def update_posting_schedule(call: Call) -> Response:
    """Set all seven days of the workspace, or of one account, which then no longer follows the workspace."""
    sent = read_body(call)
    fields = Fields(call.fields)
    fields.timezone("timezone", call.workspace.timezone)
    if sent["account_id"] and sent["account_id"] not in call.workspace.accounts:
        fields.add_error("account_id", "The selected account is invalid.")
    if sorted(day["id"] for day in sent["times"]) != list(range(7)):
        fields.add_error("times", "The times field must have each of the seven days exactly once.")
    if not all(_CLOCK.fullmatch(time["value"]) for day in sent["times"] for time in day["times"]):
        fields.add_error("times", "The times do not match the format H:i.")
    fields.raise_errors()
    require_accounts(call, [sent["account_id"]])
    schedule = {
        "timezone": sent["timezone"],
        "auto_tune": bool(sent.get("auto_tune")),
        "times": sent["times"],
    }
    call.workspace.records.setdefault("posting_schedule", {})[str(sent["account_id"])] = schedule
    return enveloped(call, _render(call, sent["account_id"]))


@handles("reset_account_posting_schedule")
def reset_account_posting_schedule(call: Call) -> Response:
    account_id = _account_id(call, call.path["account_id"])
    if not account_id:
        raise not_found()
    call.workspace.records.get("posting_schedule", {}).pop(str(account_id), None)
    return enveloped(call, _render(call, account_id))


@handles("list_queue_slots")
def list_queue_slots(call: Call) -> Response:
    """List the next two weeks: posting times, and all scheduled posts, on a posting time or not."""
    account_id = _account_id(call, call.parameter("account_id"))
    fields = Fields({})
    start = _read_after(fields, call.parameter("after"), call.now)
    fields.raise_errors()
    end = call.now + _HORIZON
    moments: dict[datetime, str | None] = {}
    for slot in slots_after(max(start, call.now), call.workspace, account_id):
        if slot > end:
            break
        moments[slot] = None
    for post in call.workspace.posts.values():
        for target in (
            post.targets if post.status in ("scheduled", "needs_approval") and not post.trashed else ()
        ):
            at = target.publish_at
            if at and start < at <= end and account_id in (0, target.account.id):
                moments[at] = post.uuid
    page = sorted(moments)[:_SLOTS_PER_PAGE]
    slots = [{"scheduled_at": stamp(at), "post_uuid": moments[at]} for at in page]
    return Response.of({"slots": slots, "next_cursor": stamp(page[-1]) if len(moments) > len(page) else None})


def _read_after(fields: Fields, text: str | None, default: datetime) -> datetime:
    """Read ``after``: ``Y-m-d H:i:s`` in UTC, the format of ``next_cursor``."""
    if text is None:
        return default
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        fields.add_error("after", "The after field does not match the format Y-m-d H:i:s.")
        return default


@handles("get_recommended_posting_times")
def get_recommended_posting_times(call: Call) -> Response:
    """Recommend the same hours for every day, once a few posts are published."""
    account_id = _account_id(call, call.parameter("account_id"))
    fields = Fields({"slots_per_day": call.parameter("slots_per_day")})
    slots_per_day = fields.integer("slots_per_day", minimum=1) or 3
    if slots_per_day > len(_BEST_TIMES):
        fields.add_error(
            "slots_per_day", f"The slots per day field must not be greater than {len(_BEST_TIMES)}."
        )
    fields.raise_errors()
    published = [
        target
        for post in call.workspace.posts.values()
        for target in post.targets
        if target.status == "published" and account_id in (0, target.account.id)
    ]
    has_data = len(published) >= _ENOUGH_POSTS
    values = [{"value": each} for each in sorted(_BEST_TIMES[:slots_per_day])]
    return Response.of(
        {
            "has_data": has_data,
            "timezone": _render(call, account_id)["timezone"],
            "slots_per_day": slots_per_day,
            "samples": len(published),
            "times": [{"id": day, "times": values} for day in range(7)] if has_data else [],
        }
    )
