"""A refusal that PostBoost neither stores nor explains by a field is no other attempt."""

from __future__ import annotations

from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import results, row, run
from tests.clients import posts
from tests.naps import pass_at_once


def test_the_limit_of_a_plan_is_reported_as_it_is_and_waited_for_once(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    sandbox.reset(plan_posts=1, store_4xx=False)
    naps = pass_at_once(mocker, sandbox.advance)
    rows = [row("a"), row("b"), row("c")]
    for waits in (True, False, False):
        naps.clear()
        report = run(api, *rows)
        assert results(report)[1:] == ["failed", "failed"]
        assert [r.retry for r in report.rows[1:]] == [False, False]
        assert all("plan has a limit" in r.why for r in report.rows[1:])
        assert (sum(naps) >= 60) == waits
    sandbox.change(plan_posts=0)
    assert results(run(api, *rows)) == ["adopted", "created", "created"]
    assert len(posts(sandbox)) == 3
