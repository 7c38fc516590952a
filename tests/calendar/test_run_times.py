"""When a run sends a row: in time, late, too late, or too far ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import results, row, run
from tests.clients import posts


@pytest.mark.parametrize(
    ("on_past", "result"), [("skip", "skipped"), ("fail", "invalid"), ("now", "created")], ids=str
)
def test_a_row_whose_time_has_passed(
    sandbox: Sandbox, api: PostBoostClient, on_past: str, result: str
) -> None:
    late = row(publish_at=f"{datetime.now(UTC) - timedelta(hours=3):%Y-%m-%d %H:%M}")
    report = run(api, late, on_past=on_past)
    assert results(report) == [result]
    assert len(posts(sandbox)) == (1 if on_past == "now" else 0)
    if on_past != "now":
        assert "passed" in report.rows[0].why


def test_a_row_so_late_that_it_may_be_forgotten_is_never_sent(sandbox: Sandbox, api: PostBoostClient) -> None:
    report = run(
        api, row(publish_at=f"{datetime.now(UTC) - timedelta(days=11):%Y-%m-%d %H:%M}"), on_past="now"
    )
    assert results(report) == ["skipped"]
    assert "activity log" in report.rows[0].why
    assert posts(sandbox) == []


def ago(**delta: float) -> str:
    return f"{datetime.now(UTC) - timedelta(**delta):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize("on_past", ["skip", "fail", "now"])
@pytest.mark.parametrize("mode", ["schedule", "queue", "now", "draft"])
def test_a_row_that_became_late_during_the_run_is_sent_at_once(
    sandbox: Sandbox, api: PostBoostClient, on_past: str, mode: str
) -> None:
    began = datetime.now(UTC) - timedelta(hours=3)
    report = run(api, row(publish_at=ago(minutes=50), mode=mode), began=began, on_past=on_past)
    assert results(report) == ["created"]
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize(("on_past", "result"), [("skip", "failed"), ("fail", "failed"), ("now", "created")])
def test_a_row_that_became_too_late_during_the_run_is_never_skipped(
    sandbox: Sandbox, api: PostBoostClient, on_past: str, result: str
) -> None:
    began, late = datetime.now(UTC) - timedelta(hours=3), row(publish_at=ago(minutes=62))
    report = run(api, late, began=began, on_past=on_past)
    assert (results(report), report.rows[0].retry) == ([result], False)
    if result == "failed":
        assert "late_by" in report.rows[0].why
    assert results(run(api, late, began=began, late_by=timedelta(hours=2)))[0] in ("created", "adopted")
    assert len(posts(sandbox)) == 1


def test_a_row_of_a_run_so_old_that_it_may_be_forgotten_is_not_sent_and_not_skipped(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    began = datetime.now(UTC) - timedelta(days=20)
    report = run(api, row(publish_at=ago(days=11)), began=began, on_past="now")
    assert results(report) == ["failed"]
    assert "activity log" in report.rows[0].why
    assert posts(sandbox) == []


def test_a_row_whose_time_had_passed_before_the_run_began_is_skipped(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    assert results(run(api, row(publish_at=ago(minutes=3)), began=began)) == ["skipped"]
    assert posts(sandbox) == []


def test_a_row_is_sent_by_a_retry_after_an_outage(sandbox: Sandbox, api: PostBoostClient) -> None:
    began, one = datetime.now(UTC) - timedelta(minutes=10), row(publish_at=ago(minutes=-30))
    sandbox.faults({"operation": "create_post", "kind": "server_error", "status": 503, "count": 1000})
    assert results(run(api, one, began=began)) == ["failed"]
    sandbox.faults()
    sandbox.advance(45 * 60)
    later = datetime.now(UTC) + timedelta(minutes=45)
    report = run(api, one, began=began, clock=lambda: later)
    assert results(report) == ["created"]
    assert [p["status"] for p in posts(sandbox)] == ["publishing"]


@pytest.mark.parametrize("store_4xx", [True, False])
def test_a_row_whose_time_has_come_by_postboosts_clock_alone_is_sent_at_once(
    sandbox: Sandbox, api: PostBoostClient, store_4xx: bool
) -> None:
    sandbox.reset(store_4xx=store_4xx)
    sandbox.advance(5 * 60)
    one = row(publish_at=ago(minutes=-3))
    assert results(run(api, one)) == ["created"]
    assert results(run(api, one)) == ["adopted"]
    assert [p["status"] for p in posts(sandbox)] == ["publishing"]


def test_a_row_that_was_published_in_time_is_reused_when_its_time_has_passed(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    one = row()
    run(api, one)
    sandbox.advance(3 * 86400)
    later = datetime.now(UTC) + timedelta(days=3)
    assert results(run(api, one, clock=lambda: later, on_past="fail")) == ["adopted"]


def test_a_row_beyond_the_maximum_scheduling_horizon_waits_for_a_later_run(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    """Sent now, it would be forgotten before its time, and a run after that would send it again."""
    far = row(publish_at=(datetime.now(UTC) + timedelta(days=85)).strftime("%Y-%m-%d %H:%M"))
    report = run(api, far)
    assert results(report) == ["skipped"]
    assert "80 days" in report.rows[0].why
    assert posts(sandbox) == []
    assert results(run(api, far, clock=lambda: datetime.now(UTC) + timedelta(days=6))) == ["created"]
