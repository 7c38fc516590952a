"""A daily calendar across both clock changes: every row of every hour is published once, at its time."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronTriggerTimetable
from pendulum import instance

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from tests.faults.airflow_side import TaskInstance
from tests.faults.checker import FALSE_FAILURE, STUCK, Rules, Verdict, Wanted, check_once, check_true
from tests.faults.families.posts import ACCOUNTS
from tests.faults.schedule import CALM, Schedule
from tests.faults.sequence import Result
from tests.faults.world import World

BERLIN = ZoneInfo("Europe/Berlin")
# The days before the clocks go back, and before they go forward; some of the DAGs are due in the hour that is twice or missing.
DAYS_BEFORE = [datetime(2026, 10, 24, tzinfo=BERLIN), datetime(2027, 3, 27, tzinfo=BERLIN)]
SCHEDULES = ["0 6 * * *", "30 2 * * *", "15 2 * * *", "0 3 * * *"]
DAYS, CALM_ATTEMPTS = 3, 4


def anchors(day: datetime, cron: str) -> list[datetime]:
    """Return when Airflow's own timetable has the runs due."""
    timetable = CronTriggerTimetable(cron, timezone="Europe/Berlin")
    found: list[datetime] = []
    last = None
    for _ in range(DAYS + 1):
        limits = TimeRestriction(earliest=instance(day), latest=None, catchup=True)
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=limits)
        assert info is not None
        found.append(datetime.fromtimestamp(info.run_after.timestamp(), UTC))
        last = info.data_interval
    return found


def run(world: World, seed: int) -> Result:
    """Run the DAG on each day, under faults, and see whether each row has its post."""
    rng = random.Random(f"clock-changes-{seed}")
    random.seed(seed)
    due = anchors(rng.choice(DAYS_BEFORE), rng.choice(SCHEDULES))
    skew = timedelta(minutes=rng.choice([0, 0, -4, 5]))
    world.reset({}, skew, due[0])
    rows = _rows(rng, due[0], due[-1])
    result = Result(seed, "clock changes", "calendar: daily window", {})
    result.story.append(f"seed {seed}: {due}, server clock {skew}, rows {rows}")
    for day in range(DAYS):
        world.pass_time(max(0.0, (due[day] - world.time.now()).total_seconds()))
        _run_day(world, rng, result, rows, day)
    posts, now = world.posts(), world.time.now()
    for row in rows:
        result.judgement.add(check_true(row, posts, now, Rules()) + check_once(row.name, posts))
    result.judgement.intended, result.judgement.found = len(rows), sum(not post.trashed for post in posts)
    return result


def _rows(rng: random.Random, start: datetime, end: datetime) -> list[Wanted]:
    """Return rows of every few hours, in local time as an author writes it, but not in the hour that is twice or missing."""
    rows: list[Wanted] = []
    moment = start + timedelta(minutes=10)
    while moment < end - timedelta(minutes=1):
        local = moment.astimezone(BERLIN)
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            name = f"Row{chr(97 + len(rows) // 26)}{chr(97 + len(rows) % 26)}q"
            rows.append(
                Wanted(
                    name, "schedule", {rng.choice(sorted(ACCOUNTS)): (f"{name} at {local:%d %H:%M}",)}, moment
                )
            )
        moment += timedelta(minutes=rng.randint(20, 200))
    return [replace(row, at=row.at and row.at.replace(second=0, microsecond=0)) for row in rows]


def _run_day(world: World, rng: random.Random, result: Result, rows: list[Wanted], day: int) -> None:
    ti = TaskInstance(has_store=True, run_id=f"day {day}")
    world.anchor = ti.anchor
    table = [
        {
            "key": row.name,
            "publish_at": f"{row.at.astimezone(BERLIN):%Y-%m-%d %H:%M}" if row.at else "",
            "accounts": ACCOUNTS[next(iter(row.texts))],
            "text": next(iter(row.texts.values()))[0],
        }
        for row in rows
    ]

    def make(conn_id: str) -> Any:
        return PostBoostPublishCalendarOperator(
            task_id="announce",
            postboost_conn_id=conn_id,
            rows=table,
            calendar_id="daily",
            timezone="Europe/Berlin",
            window=timedelta(days=1),
            on_nothing_sent="warn",
        )

    faulty = rng.randint(0, 3)
    for number in range(faulty + CALM_ATTEMPTS):
        schedule = (
            Schedule(f"{result.seed}/{day}/{number}", rng.choice([0.1, 0.4]), 4) if number < faulty else CALM
        )
        context = {**ti.context(), "dag": SimpleNamespace(timezone=BERLIN)}
        outcome = world.attempt(make, context, schedule=schedule)
        result.attempts += 1
        result.note_faults(world.proxy)
        result.story.append(f"  day {day}, attempt {number + 1}: {outcome}")
        result.ended = outcome.kind
        if outcome.kind == "green":
            return
        if outcome.kind == "hard":
            ti.clear()
        world.pass_time(300)
    kind = STUCK if outcome.kind == "soft" else FALSE_FAILURE
    result.judgement.add([Verdict(kind, f"day {day}: {outcome}")])
