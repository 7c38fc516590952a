"""Background agents: they check posts, record their runs, and propose changes that a person approves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339, stamp
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped, small_page
from postboost_provider.sandbox.core.responses import ErrorResponse, Response
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.publishing import lifecycle
from postboost_provider.sandbox.rules.auth import require_ability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postboost_provider.sandbox.core.models import Post
    from postboost_provider.sandbox.core.validation import Fields

_SETTINGS = {
    "horizon_hours": 24,
    "check_links": True,
    "banned_phrases": [],
    "ai_review": False,
    "max_ai_reviews_per_run": 10,
    "lookback_hours": 24,
}
_EVERY = {"hourly": 1, "every_6_hours": 6, "daily": 24, "weekly": 168}
_NAMES = {"pre_publish_checker": "Pre-publish checker", "failed_post_fixer": "Failed-post fixer"}


def _complete(call: Call, fields: Fields, record: Record) -> None:
    """Keep the settings that were not sent; a workspace has at most one agent per type."""
    agents = AGENTS.records(call)
    before = agents.get(record["uuid"], {"settings": _SETTINGS})
    record["settings"] = {**before["settings"], **(record["settings"] or {})}
    record["name"] = record["name"] or _NAMES[record["type"]]
    if any(each["type"] == record["type"] and each["uuid"] != record["uuid"] for each in agents.values()):
        fields.add_error("type", "The workspace already has an agent of this type.")
    if record["settings"]["ai_review"]:
        require_ability(call, "ai")
    due = call.now + timedelta(hours=_EVERY[record["schedule"]])
    record["next_run_at"] = rfc3339(due) if record["enabled"] else None


AGENTS = Resource(
    "agent",
    fields={"name": None, "settings": None, "last_run_at": None},
    complete=_complete,
    verbs=("create", "list", "update", "delete"),
).register()
RUNS = Resource(
    "agent_run", verbs=("get",), render=lambda call, run: {**run, "proposals": _proposals_of(call, run)}
)
RUNS.register()
PROPOSALS = Resource("agent_proposal", verbs=())


def _proposals_of(call: Call, run: Record) -> list[Record]:
    return [each for each in PROPOSALS.visible(call) if each["run_uuid"] == run["uuid"]]


def _page(call: Call, records: list[Record]) -> Response:
    data, meta = small_page(call, records)
    return Response.of({"data": data, "meta": meta})


@handles("list_agent_runs")
def list_agent_runs(call: Call) -> Response:
    agent = AGENTS.of_path(call)
    return _page(call, [run for run in RUNS.visible(call) if run["agent_uuid"] == agent["uuid"]])


@handles("list_agent_proposals")
def list_agent_proposals(call: Call) -> Response:
    status = call.parameter("status") or "pending"
    return _page(call, [each for each in PROPOSALS.visible(call) if each["status"] == status])


@handles("run_agent")
def run_agent(call: Call) -> Response:
    """Queue a run. It is finished by the next request."""
    agent = AGENTS.of_path(call)
    if not agent["enabled"]:
        raise ErrorResponse(409, "The agent is disabled.")
    now = rfc3339(call.now)
    base = {"agent_uuid": agent["uuid"], "agent_type": agent["type"], "trigger": "manual", "credits_used": 0}
    run = RUNS.new(call, {**base, "summary": None, "error": None, "items_checked": 0, "proposals_created": 0})
    RUNS.save(call, run)
    queued = {
        **run,
        "status": "queued",
        "started_at": None,
        "finished_at": None,
        "summary": None,
        "error": None,
    }
    checked, created = 0, 0
    for post in list(call.workspace.posts.values()):
        if not post.trashed:
            found = list(_FINDINGS[agent["type"]](call, post, agent["settings"]))
            checked += 1
            created += sum(_propose(call, run, post, **each) for each in found)
    run |= {
        "status": "succeeded",
        "started_at": now,
        "finished_at": now,
        "error": None,
        "items_checked": checked,
        "proposals_created": created,
        "summary": f"{checked} posts checked, {created} proposals.",
    }
    agent["last_run_at"] = now
    return enveloped(call, queued)


def _propose(call: Call, run: Record, post: Post, **finding: Any) -> bool:
    """Save a proposal, unless one is pending for the post and the account."""
    about = {"post_uuid": post.uuid, "account_id": finding["account_id"]}
    for each in PROPOSALS.records(call).values():
        if each["status"] == "pending" and about.items() <= each.items():
            return False
    states = dict.fromkeys(("decided_at", "applied_at", "note", "error"))
    new = PROPOSALS.new(call, {"run_uuid": run["uuid"], **about, **finding, "status": "pending"})
    PROPOSALS.save(call, {**states, "account_id": None, **new})
    return True


def _check_scheduled(call: Call, post: Post, settings: Record) -> Iterator[Record]:
    """Find posts that will fail, and captions with banned phrases."""
    at = post.scheduled_at
    if post.status != "scheduled" or at is None or at > call.now + timedelta(hours=settings["horizon_hours"]):
        return
    unusable = [
        each.account for each in post.targets if not (each.account.authorized and each.account.has_token)
    ]
    if unusable:
        reasons = [
            {
                "code": "account_unauthorized",
                "account_id": each.id,
                "message": f"{each.name} must be reconnected.",
            }
            for each in unusable
        ]
        yield {
            "kind": "hold_post",
            "severity": "critical",
            "account_id": None,
            "reason": reasons[0]["message"],
            "payload": {"reasons": reasons, "scheduled_at": stamp(at)},
        }
    before = post.versions[0]["content"][0]["body"]
    after = before
    for phrase in settings["banned_phrases"] or ():
        after = after.replace(phrase, "").strip()
    if after != before and not unusable:
        yield {
            "kind": "edit_caption",
            "severity": "warning",
            "account_id": None,
            "reason": "The caption has a banned phrase.",
            "payload": {"version_account_id": 0, "item_index": 0, "before": before, "after": after},
        }


def _check_failed(call: Call, post: Post, settings: Record) -> Iterator[Record]:
    """Find accounts on which a post failed recently."""
    since = call.now - timedelta(hours=settings["lookback_hours"])
    for target in post.targets:
        if target.status == "failed" and target.finished_at and target.finished_at >= since:
            kind = "retry_account" if target.account.authorized else "reconnect_account"
            error = str(target.errors[0])[:300]
            about = {"kind": kind, "severity": "warning", "account_id": target.account.id}
            yield {**about, "reason": f"Publishing failed: {error}", "payload": {"error": error}}


_FINDINGS = {"pre_publish_checker": _check_scheduled, "failed_post_fixer": _check_failed}


def _decide(call: Call, status: str) -> Record:
    proposal = PROPOSALS.of_path(call)
    note = read_body(call).get("note")
    if proposal["status"] != "pending":
        message = f"The proposal is already {proposal['status']}."
        raise ErrorResponse(409, message, data=proposal)
    proposal |= {"status": status, "decided_at": rfc3339(call.now), "note": note}
    return proposal


@handles("reject_agent_proposal")
def reject_agent_proposal(call: Call) -> Response:
    return enveloped(call, _decide(call, "rejected"))


@handles("approve_agent_proposal")
def approve_agent_proposal(call: Call) -> Response:
    """Apply the proposal, or mark it stale if the post has changed."""
    proposal = _decide(call, "applied")
    post = call.workspace.posts.get(proposal["post_uuid"])
    if post is not None and not post.trashed and _apply(call, post, proposal):
        proposal["applied_at"] = rfc3339(call.now)
    else:
        proposal |= {"status": "stale", "error": "The post has changed since."}
    return enveloped(call, proposal)


def _apply(call: Call, post: Post, proposal: Record) -> bool:
    kind, payload = proposal["kind"], proposal["payload"]
    if kind == "reconnect_account":
        return True  # only the decision is recorded (SDK 1.66.3)
    if kind == "retry_account":
        target = next((each for each in post.targets if each.account.id == proposal["account_id"]), None)
        if target is None or target.status != "failed" or post.status == "publishing":
            return False
        lifecycle.retry(call.store, post, target)
        return True
    if post.status != "scheduled":
        return False
    if kind == "hold_post":
        lifecycle.unschedule(call.store, post)
        return True
    item = post.versions[0]["content"][payload["item_index"]]
    if item["body"] != payload["before"]:
        return False
    item["body"] = payload["after"]
    post.index_content()
    return True
