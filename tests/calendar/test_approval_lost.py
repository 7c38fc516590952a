"""A row whose post an edit took out of its approval is green in no run."""

from __future__ import annotations

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import results, row, run
from tests.clients import posts


@pytest.fixture(autouse=True)
def losing(sandbox: Sandbox, api: PostBoostClient) -> None:
    sandbox.reset(edit_waiting="schedule", approval_required_for=("member",))
    assert results(run(api, row("a"), row("b"))) == ["created", "created"]


def statuses(sandbox: Sandbox) -> list[str]:
    return [post["status"] for post in posts(sandbox)]


def test_a_row_fails_in_every_run(sandbox: Sandbox, api: PostBoostClient) -> None:
    for _ in range(2):
        edited, kept = run(api, row("a", text="Edited"), row("b"), on_edit_while_waiting="edit").rows
        assert (edited.result, edited.retry, kept.result) == ("failed", False, "adopted")
        assert "approval" in edited.why
    assert sorted(statuses(sandbox)) == ["needs_approval", "scheduled"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_post_that_waits_is_not_edited_unless_its_author_wants_it(
    sandbox: Sandbox, api: PostBoostClient, dry_run: bool
) -> None:
    (edited,) = run(api, row("a", text="Edited"), dry_run=dry_run).rows
    assert (edited.result, edited.retry) == ("failed", False)
    assert "on_edit_while_waiting" in edited.why
    assert statuses(sandbox) == ["needs_approval"] * 2
    assert "Edited" not in [post["text"] for post in posts(sandbox)]
