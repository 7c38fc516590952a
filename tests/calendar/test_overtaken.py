"""A run whose words another run replaces before it ends is not green."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.publishing.attempt_start import AttemptStart
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import results, row, run
from tests.clients import client, posts


@pytest.mark.parametrize("known", [False, True], ids=["created", "adopted"])
def test_a_row_that_another_run_edits_before_this_one_ends_is_left_to_a_retry(
    sandbox: Sandbox, mocker: Any, known: bool
) -> None:
    with client(sandbox) as api, client(sandbox) as other:
        if known:
            run(other, row("a"), row("b"))
        send_held = mocker.patch("postboost_provider.calendar.run.CalendarRun._send_held")
        send_held.side_effect = lambda _: (
            mocker.stop(send_held),
            run(other, row("a", text="Newer")),
        )
        report = run(api, row("a"), row("b"))
        assert results(report) == ["failed", "adopted" if known else "created"]
        assert report.rows[0].retry
        assert sorted(p["text"] for p in posts(sandbox)) == ["Newer", "Text b"]


LATER = timedelta(seconds=2)


@pytest.mark.parametrize("ahead", [0, 600, -600])
def test_rows_that_are_older_than_what_another_run_wrote_replace_nothing(
    sandbox: Sandbox, ahead: float
) -> None:
    def clock() -> datetime:
        """The worker's, which is not PostBoost's."""
        return datetime.now(UTC) + timedelta(seconds=ahead)

    with client(sandbox) as api:
        run(api, row("a", text="Newer"))
        earlier = clock() - timedelta(seconds=10)
        (stale,) = run(api, row("a", text="Older"), start=AttemptStart(earlier, clock)).rows
        assert (stale.result, stale.retry) == ("failed", True)
        assert [p["text"] for p in posts(sandbox)] == ["Newer"]
        later = AttemptStart(clock() + LATER, clock)
        assert results(run(api, row("a", text="Newest"), start=later)) == ["updated"]
