"""Publish a week of posts from a content calendar: check the token, publish, wait until each post is live, report.

``content_calendar.csv`` has relative days, so that the example never gets out of date: ``+1 09:00`` is nine o'clock on
the day after ``first_day``. Your own calendar has real dates: pass its path as ``rows`` and leave out ``date_calendar``.
"""

from __future__ import annotations

import csv
import os
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor
from postboost_provider.sensors.posts import PostBoostPostSensor

HERE = Path(__file__).parent
# Set only by the demo, which moves the sandbox's clock forward, so that nobody waits a week.
SANDBOX_CONTROL = os.environ.get("POSTBOOST_SANDBOX_CONTROL")

with DAG(
    dag_id="publish_content_calendar",
    description="Publish a week of posts from a CSV file, each exactly once",
    schedule=None,
    catchup=False,
    params={
        "first_day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="Day 0 of the calendar. Default: tomorrow.",
        )
    },
    doc_md=__doc__,
    tags=["postboost"],
) as dag:

    @task
    def date_calendar() -> dict[str, str]:
        """Write the calendar with real dates. It is named after its first day, so each week is a calendar of its own."""
        context = get_current_context()
        chosen = context["params"]["first_day"]
        first = (
            date.fromisoformat(chosen) if chosen else context["dag_run"].run_after.date() + timedelta(days=1)
        )
        # With workers on several machines, use a folder that all of them can read, or a path on object storage.
        dated = Path(tempfile.gettempdir()) / f"content_calendar_{first}.csv"
        with (HERE / "content_calendar.csv").open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
        try:
            with dated.open("w", encoding="utf-8", newline="") as target:
                writer = csv.DictWriter(target, rows[0])
                writer.writeheader()
                for row in rows:
                    days, _, time = row["publish_at"].partition(" ")
                    writer.writerow({**row, "publish_at": f"{first + timedelta(days=int(days))} {time}"})
        except OSError as error:
            raise RuntimeError(
                f"{dated} can't be written: {error.strerror}. Nothing was published."
            ) from error
        return {"path": str(dated), "calendar_id": f"guji-launch-{first}"}

    guard = PostBoostTokenExpirySensor(task_id="guard", min_validity=timedelta(days=10))

    calendar = date_calendar()

    publish = PostBoostPublishCalendarOperator(
        task_id="publish",
        rows=calendar["path"],
        calendar_id=calendar["calendar_id"],
        media_root=str(HERE),
        retries=2,
        retry_delay=timedelta(minutes=1),
    )

    wait = PostBoostPostSensor(
        task_id="wait",
        post_uuids=publish.output["post_uuids"],
        mode="poke" if SANDBOX_CONTROL else "reschedule",
        timeout=timedelta(hours=2),
    )

    @task
    def report(published: dict[str, Any]) -> list[dict[str, Any]]:
        """Read every post from PostBoost and print one line for each of its accounts."""
        lines = []
        with PostBoostHook().client() as api:
            for row in published["rows"]:
                post = api.call("get_post", parameters={"post_uuid": row["uuid"]})
                for account in post["accounts"]:
                    where = f"{account['provider']}:{account['username']}"
                    status = account.get("publish_status") or post["status"]
                    url = account.get("external_url") or "-"
                    lines.append({"row": row["key"], "account": where, "status": status, "url": url})
                    print(f"{row['key']:<18}{where:<36}{status:<11}{url}")
        return lines

    guard >> calendar >> publish >> wait >> report(publish.output)

    if SANDBOX_CONTROL:

        @task
        def move_clock(published: dict[str, Any]) -> None:
            """Move the sandbox's clock past the last post. Part of the demo, not of your DAG."""
            import json
            from datetime import UTC, datetime
            from urllib.request import Request, urlopen

            planned = [
                datetime.fromisoformat(row["scheduled_at"])
                for row in published["rows"]
                if row["scheduled_at"]
            ]
            seconds = (
                max(planned, default=datetime.now(UTC)) - datetime.now(UTC) + timedelta(minutes=10)
            ).total_seconds()
            body = json.dumps({"advance_seconds": max(0, int(seconds))}).encode()
            urlopen(Request(f"{SANDBOX_CONTROL}/clock", body, {"Content-Type": "application/json"})).close()

        publish >> move_clock(publish.output) >> wait
