"""One intention, and what a task does with it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.idempotency.identity import Actor, intent_hash
from postboost_provider.publishing.create import create_post
from postboost_provider.publishing.post_history import History, Intention, Published, read_histories
from postboost_provider.publishing.update import use_existing
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client

DAY = str((datetime.now(UTC) + timedelta(days=2)).date())


ACTOR = Actor.of_row("spring", "monday")


def intention(text: str = "Hello", mode: str = "schedule", **choices: Any) -> Intention:
    return Intention(ACTOR, intent_hash({"text": text}), mode, **choices)


def body(text: str = "Hello", **more: Any) -> dict[str, Any]:
    content = [{"body": text, "media": more.pop("media", [])}]
    planned = {"schedule": True, "timezone": "UTC", "date": DAY, "time": "10:00"}
    return {
        "versions": [{"account_id": 0, "is_original": True, "content": content}],
        "accounts": [1],
        "tags": [],
        **(more or planned),
    }


def create(
    api: PostBoostClient, mine: Intention, content: dict[str, Any], *, can_read_log: bool = True
) -> Published:
    """Create the post as an attempt that found nothing in the activity log."""
    return create_post(api, mine, content, History() if can_read_log else None)


def publish(
    api: PostBoostClient,
    text: str = "Hello",
    mode: str = "schedule",
    *,
    choices: Mapping[str, Any] | None = None,
    **more: Any,
) -> Published:
    """Do what a task does: read the activity log, then use the post that is there or create one.

    :param choices: of the intention.
    """
    mine = intention(text, mode, **(choices or {}))
    histories = read_histories(api, ACTOR.owner)
    history = None if histories is None else histories.get(ACTOR.log_identity, History())
    if history is not None and history.known is not None:
        return use_existing(api, mine, history.known, lambda: body(text, **more))
    return create_post(api, mine, body(text, **more), history)


def publish_at_once(sandbox: Sandbox) -> list[str]:
    """Let two attempts do so at the same time, and return their results."""

    def go(_: int) -> str:
        with client(sandbox) as api:
            return publish(api).result

    with ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(go, range(2)))
