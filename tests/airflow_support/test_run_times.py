"""The windows of a schedule meet: no hour is lost when the clocks change, in Airflow's own timetables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.timetables.trigger import CronTriggerTimetable

from postboost_provider.airflow_support.run_times import attempt_began, last_success, window_end

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "cron"),
    [
        # The hour that comes twice, and the one after it.
        ("Europe/Berlin", "0 2 * * *"),
        ("Europe/Berlin", "30 2 * * *"),
        ("Europe/Berlin", "0 3 * * *"),
        ("Europe/London", "0 1 * * *"),
        ("America/New_York", "30 1 * * *"),
        ("America/Havana", "0 0 * * *"),
        ("Atlantic/Azores", "0 0 * * *"),
        ("Africa/Cairo", "0 0 * * *"),
        ("UTC", "0 0 * * *"),
    ],
)
def test_a_window_ends_no_earlier_than_the_next_run_is_due(zone: str, cron: str) -> None:
    context: Any = {"dag": SimpleNamespace(timezone=pendulum.timezone(zone))}
    timetable = CronTriggerTimetable(cron, timezone=pendulum.timezone(zone))
    anchor = timetable._get_next(pendulum.datetime(2026, 1, 1))
    for _ in range(366):
        following = timetable._get_next(anchor)
        end = window_end(context, anchor, DAY)
        assert following <= end <= following + timedelta(hours=1)
        anchor = following


class Nothing:
    """Airflow's proxy of a value that it looks up when it is used: there is none."""

    def __bool__(self) -> bool:
        return False


def test_the_last_run_is_known_as_far_as_airflow_tells(caplog: Any) -> None:
    began = datetime(2026, 3, 1, tzinfo=UTC)
    for found, expected in ((began, began), (None, None), (Nothing(), None)):
        assert last_success({"prev_start_date_success": found}) == expected  # type: ignore[typeddict-item]
    assert last_success({}) is None
    assert not caplog.records

    class Fails(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            raise RuntimeError("the API server is down")

    assert last_success(Fails()) is None  # type: ignore[arg-type]
    assert caplog.records


def test_an_attempt_began_when_airflow_says_so() -> None:
    began = datetime(2026, 3, 1, tzinfo=UTC)
    known: Any = {"ti": SimpleNamespace(start_date=began)}
    assert attempt_began(known) == began
    unknown: Any = {"ti": SimpleNamespace()}
    assert attempt_began(unknown) > datetime.now(UTC)
