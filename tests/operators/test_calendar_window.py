"""Which rows of a calendar a run sends: those of its window, and those that became late since it began."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.failures import fails
from tests.operators.calendars import publish, row


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> None:
    use_connection(monkeypatch, sandbox)
    mocker.patch("postboost_provider.api.client.time.sleep")


def test_the_window_begins_where_the_data_interval_ends_or_the_run_was_due(sandbox: Sandbox) -> None:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
    rows = [row("before", publish_at=f"{day - timedelta(minutes=1):%Y-%m-%d %H:%M}")]
    rows += [row("first", publish_at=f"{day:%Y-%m-%d %H:%M}")]
    rows += [row("last", publish_at=f"{day + timedelta(hours=23, minutes=59):%Y-%m-%d %H:%M}")]
    rows += [row("after", publish_at=f"{day + timedelta(days=1):%Y-%m-%d %H:%M}")]
    with_interval = publish(rows, context(data_interval_end=day), window=timedelta(days=1))
    assert [r["key"] for r in with_interval["rows"]] == ["first", "last"]
    without = context()
    without["dag_run"].run_after = day + timedelta(days=1)
    assert [r["key"] for r in publish(rows, without, window=timedelta(days=1))["rows"]] == ["after"]


@pytest.mark.parametrize(
    ("zone", "window", "last"),
    [
        ("Europe/Berlin", timedelta(days=1), "2027-10-31T22:59Z"),
        ("Europe/Berlin", timedelta(days=7), "2027-11-06T22:59Z"),
        ("Europe/Berlin", timedelta(hours=6), "2027-10-31T03:59Z"),
        ("UTC", timedelta(days=1), "2027-10-31T21:59Z"),
    ],
)
@pytest.mark.parametrize("library", [zoneinfo.ZoneInfo, pendulum.timezone])
def test_a_window_of_days_loses_no_hour_when_the_clocks_go_back(
    zone: str, window: timedelta, last: str, library: Any
) -> None:
    minute = datetime.fromisoformat(last)
    rows = [row("in", publish_at=last), row("out", publish_at=(minute + timedelta(minutes=1)).isoformat())]
    rows = [{**values, "timezone": ""} for values in rows]
    anchor = pendulum.datetime(2027, 10, 30, 22)
    ctx = context(data_interval_end=anchor, dag=SimpleNamespace(timezone=library(zone)))
    assert [r["key"] for r in publish(rows, ctx, window=window, on_nothing_sent="warn")["rows"]] == ["in"]


def test_a_window_of_days_is_no_shorter_when_the_clocks_go_forward() -> None:
    """The next run of a DAG that is scheduled every 24 hours is due then."""
    anchor = datetime(2027, 3, 27, 23, tzinfo=UTC)
    ctx = context(data_interval_end=anchor, dag=SimpleNamespace(timezone=zoneinfo.ZoneInfo("Europe/Berlin")))
    rows = [row(publish_at="2027-03-28 22:59")]
    assert [
        r["key"] for r in publish(rows, ctx, window=timedelta(days=1), on_nothing_sent="warn")["rows"]
    ] == ["a"]


@pytest.mark.parametrize("began", ["data_interval_end", "run_after", "start_date"])
def test_a_row_that_became_late_since_the_run_began_is_sent(sandbox: Sandbox, began: str) -> None:
    now = datetime.now(UTC)
    late = [row(publish_at=f"{now - timedelta(minutes=40):%Y-%m-%d %H:%M}")]
    ctx = context()
    ctx["dag_run"].run_after = now if began == "data_interval_end" else None
    anchor = now - timedelta(hours=1)
    if began == "data_interval_end":
        ctx[began] = anchor
    else:
        setattr(ctx["dag_run"], began, anchor)
    with fails(word="late_by"):
        publish(late, ctx, late_by=60)
    assert publish(late, ctx)["counts"] == {"created": 1}
