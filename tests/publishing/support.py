"""One intention, and what a task does with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.idempotency.identity import Actor, intent_hash
from postboost_provider.publishing.create import create_post
from postboost_provider.publishing.intention import Intention, Published, find_posts
from postboost_provider.publishing.update import use_existing

DAY = str((datetime.now(UTC) + timedelta(days=2)).date())


ACTOR = Actor.of_row("spring", "monday")


def intention(text: str = "Hello", mode: str = "schedule") -> Intention:
    return Intention(ACTOR, intent_hash({"text": text}), mode)


def body(text: str = "Hello", **more: Any) -> dict[str, Any]:
    content = [{"body": text, "media": more.pop("media", [])}]
    planned = {"schedule": True, "timezone": "UTC", "date": DAY, "time": "10:00"}
    return {
        "versions": [{"account_id": 0, "is_original": True, "content": content}],
        "accounts": [1],
        "tags": [],
        **(more or planned),
    }


def publish(api: PostBoostClient, text: str = "Hello", mode: str = "schedule", **more: Any) -> Published:
    """Do what a task does: read the activity log, then use the post that is there or create one."""
    mine = intention(text, mode)
    posts = find_posts(api, ACTOR.owner)
    known = (posts or {}).get(ACTOR.log_identity)
    if known is not None:
        return use_existing(api, mine, known, lambda: body(text, **more))
    return create_post(api, mine, lambda: body(text, **more), can_read_log=posts is not None)
