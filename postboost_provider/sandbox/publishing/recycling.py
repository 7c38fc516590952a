"""Recycling rules, whose copies the sandbox does not make, and RSS feeds, which it does not read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped, listed
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.publishing.posts import post_of

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call


def _finish_rule(call: Call, fields: Fields, record: Record) -> None:
    """Hold a rule against what it recycles, and say when it runs first: ``start_at``, or one interval from now."""
    record["type"] = record["type"] or ("post" if record["post_uuid"] else "tag_pool")
    what, known = (
        ("post_uuid", call.workspace.posts) if record["type"] == "post" else ("tag_uuid", call.workspace.tags)
    )
    if not record[what]:
        fields.refuse(what, f"The {what.replace('_', ' ')} field is required.")
    elif record[what] not in known:
        fields.refuse(what, f"The selected {what.replace('_', ' ')} is invalid.")
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
    finish=_finish_rule,
).register()
RUNS = Resource("recycling_run", key="id", numbered=True, latest=100, verbs=())


@answers("recycle_post")
def recycle_post(call: Call) -> Reply:
    post = post_of(call)
    new = RULES.new(call, read_body(call))
    record = RULES.keep(call, {**new, "type": "post", "post_uuid": post.uuid})
    return enveloped(call, RULES.shown(call, record))


@answers("list_recycling_runs")
def list_recycling_runs(call: Call) -> Reply:
    rule = RULES.of_path(call)
    return listed(call, RUNS, [run for run in RUNS.visible(call) if run["rule_uuid"] == rule["uuid"]])


def _finish_feed(call: Call, fields: Fields, record: Record) -> None:
    address = urlsplit(record["url"])
    if address.scheme not in ("http", "https") or not address.hostname:
        fields.refuse("url", "The url field must be a public http(s) URL.")


FEEDS = Resource(
    "rss_feed",
    fields={"name": None, "template": "{title}\n\n{link}", "last_polled_at": None, "last_error": None},
    finish=_finish_feed,
).register()


@answers("poll_rss_feed")
def poll_rss_feed(call: Call) -> Reply:
    """Look into the feed, which has nothing new: the sandbox reads no feeds."""
    feed = FEEDS.of_path(call)
    feed["last_polled_at"] = rfc3339(call.now)
    return Reply.of({"created": 0, "skipped": 0, "data": FEEDS.shown(call, feed)})
