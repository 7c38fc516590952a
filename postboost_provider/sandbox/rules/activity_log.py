"""The activity log: the writes of API clients, with their token and outcome."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import Activity
from postboost_provider.sandbox.core.responses import ErrorResponse, forbidden, invalid, not_found
from postboost_provider.sandbox.core.validation import Fields

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.responses import Response

RETENTION = timedelta(days=90)
_LOGGED = ("POST", "PUT", "DELETE")  # neither reads nor PATCH are documented as logged (SDK 1.66.3)
_OUTCOME_OF_CODE = {
    "duplicate_post": "blocked_duplicate",
    "account_daily_cap_reached": "blocked_cap",
    "x_monthly_cap_reached": "blocked_cap",
    "account_unauthorized": "blocked_unauthorized",
    "account_token_missing": "blocked_unauthorized",
}
_OUTCOMES = {
    *("created", "updated", "deleted", "validated", "replayed", "validation_failed", "error", "ok"),
    *_OUTCOME_OF_CODE.values(),
}
# Not documented: starting an upload counts as creating; a chunk and an upload from a URL are "ok".
_CREATING = ("create_", "upload_media", "initiate_chunked", "complete_chunked")


def log(call: Call, response: Response) -> None:
    """Log the request, if its method is logged."""
    settings = call.store.settings
    if (
        call.operation.method not in _LOGGED
        or call.workspace_or_none is None
        or settings.activity_log == "off"
    ):
        return
    names_post = settings.activity_post_uuid or call.operation.operation != "create_post"
    call.workspace.activity.append(
        Activity(
            id=call.store.next_id("activity"),
            user_id=call.caller.user.id,
            token_ref=call.caller.token_ref,
            client=call.client and call.client[: settings.activity_label_length or None],
            route_name=call.operation.operation,
            method=call.operation.method,
            post_uuid=call.post_uuid if names_post else None,
            outcome=_outcome(call, response),
            http_status=response.status,
            created_at=call.now,
        )
    )


def _outcome(call: Call, response: Response) -> str:
    if "Idempotent-Replayed" in response.headers:
        return "replayed"
    if response.code in _OUTCOME_OF_CODE:
        return _OUTCOME_OF_CODE[response.code]
    if response.status == 422:
        return "validation_failed"
    if response.status >= 400:
        return "error"
    if call.operation.operation == "validate_post":
        return "validated"
    if call.operation.operation.startswith(_CREATING):
        return "created"
    return {"PUT": "updated", "DELETE": "deleted"}.get(call.operation.method, "ok")


def _render(entry: Activity) -> dict[str, Any]:
    return {**asdict(entry), "created_at": rfc3339(entry.created_at)}


def _may_read(call: Call) -> bool:
    readers = call.store.settings.activity_readers
    return readers == "everybody" or (
        readers == "admins" and call.membership is not None and call.membership.role == "admin"
    )


def _raise_configured_status(status: int) -> None:
    """Respond with the error that ``activity_status`` asks for."""
    if status == 404:
        raise not_found()
    if status == 422:
        raise invalid({"client": ["The client field is invalid."]})
    if status == 500:
        raise ErrorResponse(500, "Server Error")


def _label_filter(call: Call, fields: Fields) -> str | None:
    """Return the prefix of the labels to list; None lists all."""
    settings, client = call.store.settings, call.parameter("client")
    longest = settings.activity_prefix_length
    if client is None or not longest or len(client) <= longest:
        return client
    if settings.activity_long_prefix == "refuse":
        fields.add_error("client", f"The client field must not be greater than {longest} characters.")
    return None


@handles("list_api_activity")
def list_api_activity(call: Call) -> Response:
    settings = call.store.settings
    if not _may_read(call):
        if settings.activity_refusal == 403:
            raise forbidden()
        return call.page([], _render, per_page=50)
    _raise_configured_status(settings.activity_status)
    activity = call.workspace.activity
    while activity and call.now - activity[0].created_at > RETENTION:
        activity.popleft()
    fields = Fields({"since": call.parameter("since")})
    outcome, client = call.parameter("outcome"), _label_filter(call, fields)
    if outcome is not None and outcome not in _OUTCOMES:
        fields.add_error("outcome", "The selected outcome is invalid.")
    since = fields.instant("since")
    fields.raise_errors()
    shown_until = call.now - timedelta(seconds=settings.activity_delay)
    entries = [
        entry
        for entry in reversed(activity)
        if entry.created_at <= shown_until
        and (outcome is None or entry.outcome == outcome)
        and (client is None or (entry.client or "").startswith(client))
        and (since is None or entry.created_at >= since)
    ]
    return call.page(entries, _render, per_page=50)
