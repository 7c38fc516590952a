"""A row whose post an edit took out of its approval is green in no run."""

from __future__ import annotations

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import row, run


def test_a_row_fails_in_every_run(sandbox: Sandbox, api: PostBoostClient) -> None:
    sandbox.reset(edit_waiting="schedule", approval_required_for=("member",))
    assert [each.result for each in run(api, row("a"), row("b")).rows] == ["created", "created"]
    for _ in range(2):
        edited, kept = run(api, row("a", text="Edited"), row("b")).rows
        assert (edited.result, edited.retry, kept.result) == ("failed", False, "adopted")
        assert "approval" in edited.why
