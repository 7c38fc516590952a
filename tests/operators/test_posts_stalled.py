"""The operators compare PostBoost's log with the begin of their attempt: before its arguments were rendered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import OvertakenError
from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.post_actions import (
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client, posts
from tests.operators.calendars import SOON
from tests.publishing.support import body


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)


def attempt(make: Callable[[str], Any], text: str, ago: float) -> Any:
    """Make an attempt that began so many seconds ago."""
    ctx = context()
    ctx["ti"].start_date = datetime.now(UTC) - timedelta(seconds=ago)
    return make(text).execute(ctx)


def create(text: str) -> Any:
    return PostBoostCreatePostOperator(task_id="post", text=text, accounts=["twitter:northwind"])


def rows(text: str) -> Any:
    row = {"key": "a", "publish_at": SOON, "timezone": "UTC", "accounts": "1", "text": text}
    return PostBoostPublishCalendarOperator(task_id="rows", rows=[row])


@pytest.mark.parametrize("make", [create, rows])
def test_an_attempt_that_stalled_before_its_first_request_fails(sandbox: Sandbox, make: Any) -> None:
    attempt(make, "Newer", 0)
    with pytest.raises(Exception, match="same time"):
        attempt(make, "Older", 5)
    assert [p["text"] for p in posts(sandbox)] == ["Newer"]
    sandbox.advance(3)
    attempt(make, "Newest", 0)
    assert [p["text"] for p in posts(sandbox)] == ["Newest"]


def test_an_update_that_stalled_fails(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])

    def update(text: str) -> Any:
        return PostBoostUpdatePostOperator(task_id="update", post_uuid=uuid, changes={"text": text})

    attempt(update, "Newer", 0)
    with pytest.raises(OvertakenError):
        attempt(update, "Older", 5)
    assert [p["text"] for p in posts(sandbox)] == ["Newer"]


def test_a_time_that_stalled_fails(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])

    def move(at: str) -> Any:
        return PostBoostSchedulePostOperator(task_id="move", post_uuid=uuid, publish_at=at)

    newer, older = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%MZ}" for days in (5, 4))
    moved = attempt(move, newer, 0)
    with pytest.raises(OvertakenError):
        attempt(move, older, 5)
    assert attempt(move, newer, 0)["scheduled_at"] == moved["scheduled_at"]
