"""Recycling rules. The sandbox stores them but never publishes a copy."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped, listed
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.publishing.posts import post_of

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.responses import Response


def _complete_rule(call: Call, fields: Fields, record: Record) -> None:
    """Check what the rule recycles, and set its first run: ``start_at``, or one interval from now."""
    record["type"] = record["type"] or ("post" if record["post_uuid"] else "tag_pool")
    what, known = (
        ("post_uuid", call.workspace.posts) if record["type"] == "post" else ("tag_uuid", call.workspace.tags)
    )
    if not record[what]:
        fields.add_error(what, f"The {what.replace('_', ' ')} field is required.")
    elif record[what] not in known:
        fields.add_error(what, f"The selected {what.replace('_', ' ')} is invalid.")
    if record["max_runs"] is not None and record["runs_done"] >= record["max_runs"]:
        record["active"] = False
    first = Fields(record).instant("start_at") or call.now + timedelta(days=record["interval_days"])
    record["next_run_at"] = rfc3339(first) if record["active"] else None


RULES = Resource(
    "recycling_rule",
    fields={
        "type": None,
        "post_uuid": None,
        "tag_uuid": None,
        "account_ids": None,
        "max_runs": None,
        "start_at": None,
        "runs_done": 0,
        "last_run_at": None,
    },
    hidden=("start_at",),
    complete=_complete_rule,
).register()
RUNS = Resource("recycling_run", key="id", numbered=True, latest=100, verbs=())


@handles("recycle_post")
def recycle_post(call: Call) -> Response:
    post = post_of(call)
    new = RULES.new(call, read_body(call))
    record = RULES.save(call, {**new, "type": "post", "post_uuid": post.uuid})
    return enveloped(call, RULES.shown(call, record))


@handles("list_recycling_runs")
def list_recycling_runs(call: Call) -> Response:
    rule = RULES.of_path(call)
    return listed(call, RUNS, [run for run in RUNS.visible(call) if run["rule_uuid"] == rule["uuid"]])
