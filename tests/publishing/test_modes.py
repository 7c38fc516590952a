"""An edit of how a post is published: a draft, a scheduled time, the queue, now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
)
from postboost_provider.sandbox.server import Sandbox
from tests.clients import posts
from tests.publishing.support import publish


def test_a_plan_that_is_turned_into_a_draft_is_refused_and_says_what_to_do(
    server: Sandbox, api: PostBoostClient
) -> None:
    """PostBoost has no way back to a draft: to report success would let it be published against its author's will."""
    first = publish(api)
    with pytest.raises(PostBoostConfigError, match=first.post_uuid) as caught:
        publish(api, "Hello again", "draft", schedule=False)
    assert (caught.value.code, caught.value.field) == ("no_way_back", "mode")


def test_a_plan_that_is_turned_into_a_place_in_the_queue_moves_there(
    server: Sandbox, api: PostBoostClient
) -> None:
    first = publish(api)
    second = publish(api, "Hello again", "queue", queue=True)
    assert (second.result, second.post_uuid) == ("updated", first.post_uuid)
    assert first.outcome is not None
    assert second.outcome is not None
    assert second.outcome.status == "scheduled"
    assert second.outcome.scheduled_at != first.outcome.scheduled_at
    assert publish(api, "Hello again", "queue", queue=True).result == "adopted"


def test_a_move_to_the_queue_is_sent_each_time(server: Sandbox, api: PostBoostClient, mocker: Any) -> None:
    publish(api)
    moved = publish(api, "One", "queue", queue=True)
    later = {
        "schedule": True,
        "timezone": "UTC",
        "date": str(datetime.now(UTC).date() + timedelta(days=9)),
        "time": "10:00",
    }
    back = publish(api, "Back", "schedule", **later)
    again = publish(api, "One", "queue", queue=True)
    assert (moved.why, again.why) == ("moved to the queue", "moved to the queue")
    assert moved.outcome is not None
    assert back.outcome is not None
    assert again.outcome is not None
    assert again.outcome.scheduled_at == moved.outcome.scheduled_at != back.outcome.scheduled_at


@pytest.mark.parametrize("operation", ["add_post_to_queue", "update_post"])
def test_a_move_to_the_queue_that_fails_half_way_is_made_by_the_next_attempt(
    server: Sandbox, api: PostBoostClient, operation: str
) -> None:
    first = publish(api)
    server.faults({"operation": operation, "kind": "server_error", "count": 99})
    with pytest.raises(PostBoostError):
        publish(api, "Hello again", "queue", queue=True)
    server.faults()
    second = publish(api, "Hello again", "queue", queue=True)
    assert second.result == "updated"
    assert first.outcome is not None
    assert second.outcome is not None
    assert second.outcome.scheduled_at != first.outcome.scheduled_at
    assert [p["text"] for p in posts(server)] == ["Hello again"]


@pytest.mark.parametrize(
    ("mode", "more", "status"),
    [
        ("schedule", {}, "scheduled"),
        ("queue", {"queue": True}, "scheduled"),
        ("now", {"schedule_now": True}, "publishing"),
    ],
)
def test_a_draft_becomes_what_its_author_makes_of_it(
    server: Sandbox, api: PostBoostClient, mode: str, more: dict[str, Any], status: str
) -> None:
    first = publish(api, mode="draft", schedule=False)
    second = publish(api, "Hello again", mode, **more)
    assert (second.result, second.post_uuid) == ("updated", first.post_uuid)
    assert second.outcome is not None
    assert second.outcome.status == status
