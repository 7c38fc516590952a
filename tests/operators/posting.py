"""A post of one task, and what became of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client
from tests.deferrals import run_to_end

SOON = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")


def run(ctx: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """Run the operator to its end, through every deferral."""
    arguments = {"text": "Hello", "accounts": ["twitter:northwind"], **options}
    result: dict[str, Any] = run_to_end(lambda: PostBoostCreatePostOperator(task_id="post", **arguments), ctx)
    json.dumps(result)
    return result


def texts(sandbox: Sandbox, uuid: str) -> dict[int, list[str]]:
    with client(sandbox) as api:
        post = api.call("get_post", parameters={"post_uuid": uuid})
    return {v["account_id"]: [item["body"] for item in v["content"]] for v in post["versions"]}


LATER = (datetime.now(UTC) + timedelta(days=4)).strftime("%Y-%m-%dT%H:%M+00:00")


def departed(sandbox: Sandbox, uuid: str) -> dict[str, str]:
    with client(sandbox) as api:
        accounts = api.call("get_post", parameters={"post_uuid": uuid})["accounts"]
    return {a["provider"]: a["publish_status"] for a in accounts}
