"""The activity log: what API clients wrote, with which token and what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import Activity
from postboost_provider.sandbox.core.replies import Reply, page_of
from postboost_provider.sandbox.core.validation import Fields

RETENTION = timedelta(days=90)
_LOGGED = ("POST", "PUT", "DELETE")  # reads and PATCH are not named among what is logged (SDK 1.66.3)
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
# That starting an upload counts as creating is a choice; a chunk and a fetch from a URL are "ok".
_CREATING = ("create_", "upload_media", "initiate_chunked", "complete_chunked")


def log(call: Call, reply: Reply) -> None:
    """Write the request down, if it is of a kind that is logged."""
    if call.operation.method not in _LOGGED or call.workspace_or_none is None:
        return
    call.workspace.activity.append(
        Activity(
            id=call.store.next_id("activity"),
            user_id=call.caller.user.id,
            token_ref=call.caller.token_ref,
            client=call.client,
            route_name=call.operation.operation,
            method=call.operation.method,
            post_uuid=call.post_uuid,
            outcome=_outcome(call, reply),
            http_status=reply.status,
            created_at=call.now,
        )
    )


def _outcome(call: Call, reply: Reply) -> str:
    if "Idempotent-Replayed" in reply.headers:
        return "replayed"
    if reply.code in _OUTCOME_OF_CODE:
        return _OUTCOME_OF_CODE[reply.code]
    if reply.status == 422:
        return "validation_failed"
    if reply.status >= 400:
        return "error"
    if call.operation.operation == "validate_post":
        return "validated"
    if call.operation.operation.startswith(_CREATING):
        return "created"
    return {"PUT": "updated", "DELETE": "deleted"}.get(call.operation.method, "ok")


def _render(entry: Activity) -> dict[str, Any]:
    return {
        "id": entry.id,
        "user_id": entry.user_id,
        "token_ref": entry.token_ref,
        "client": entry.client,
        "route_name": entry.route_name,
        "method": entry.method,
        "post_uuid": entry.post_uuid,
        "outcome": entry.outcome,
        "http_status": entry.http_status,
        "created_at": rfc3339(entry.created_at),
    }


@answers("list_api_activity")
def list_api_activity(call: Call) -> Reply:
    log_ = call.workspace.activity
    while log_ and call.now - log_[0].created_at > RETENTION:
        log_.popleft()
    fields = Fields({"since": call.parameter("since")})
    outcome, client = call.parameter("outcome"), call.parameter("client")
    if outcome is not None and outcome not in _OUTCOMES:
        fields.refuse("outcome", "The selected outcome is invalid.")
    since = fields.instant("since")
    fields.finish()
    entries = [
        entry
        for entry in reversed(log_)
        if (outcome is None or entry.outcome == outcome)
        and (client is None or (entry.client or "").startswith(client))
        and (since is None or entry.created_at >= since)
    ]
    return page_of(entries, url=call.origin + call.url, query=call.query, per_page=50, render=_render)
