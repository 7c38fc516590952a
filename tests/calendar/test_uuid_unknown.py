"""An activity log that has not which post a row has: the post is found by what it says, or the row fails for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import results, row, run
from tests.clients import posts

LATER = (datetime.now(UTC) + timedelta(days=5)).strftime("%Y-%m-%d %H:%M")


@pytest.fixture(autouse=True)
def log_without_uuids(sandbox: Sandbox) -> None:
    sandbox.reset(activity_post_uuid=False)


@pytest.mark.parametrize(
    ("mode", "edit"),
    [
        ("schedule", {"text": "Edited"}),
        ("schedule", {"publish_at": LATER}),
        ("schedule", {"text": "Edited", "publish_at": LATER}),
        ("draft", {"text": "Edited"}),
    ],
)
def test_an_edit_updates_the_one_post_that_says_what_the_row_said(
    sandbox: Sandbox, api: PostBoostClient, mode: str, edit: dict[str, Any]
) -> None:
    run(api, row("a", mode=mode), row("b", mode=mode))
    edited = row("a", mode=mode, **edit)
    assert results(run(api, edited, row("b", mode=mode))) == ["updated", "adopted"]
    assert results(run(api, edited)) == ["adopted"]
    assert sorted(p["text"] for p in posts(sandbox)) == sorted([edited["text"], "Text b"])


def test_a_post_that_can_not_be_found_fails_for_good(sandbox: Sandbox, api: PostBoostClient) -> None:
    run(api, row("a"))
    (lost,) = run(api, row("a", text="Edited", accounts="twitter:*, linkedin:*")).rows
    assert (lost.result, lost.retry) == ("failed", False)
    assert [p["text"] for p in posts(sandbox)] == ["Text a"]


@pytest.mark.parametrize("theirs", [{}, {"schedule": True, "date": LATER[:10], "time": LATER[11:]}])
def test_another_post_with_the_same_words_is_not_taken_for_the_rows(
    sandbox: Sandbox, api: PostBoostClient, theirs: dict[str, Any]
) -> None:
    run(api, row("a", accounts="1"))
    (made,) = posts(sandbox)
    api.call("delete_post", parameters={"post_uuid": made["uuid"]}, body={"trash": False})
    content = [{"body": "Text a", "media": []}]
    versions = [{"account_id": 0, "is_original": True, "content": content}]
    api.send("create_post", body={"versions": versions, "accounts": [1], "tags": [], **theirs})
    (lost,) = run(api, row("a", accounts="1")).rows
    assert (lost.result, lost.retry) == ("failed", False)
