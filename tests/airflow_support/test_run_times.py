"""The windows of a schedule meet: no hour is lost when the clocks change, in Airflow's own timetables."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.timetables.trigger import CronTriggerTimetable

from postboost_provider.airflow_support.run_times import window_end

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
