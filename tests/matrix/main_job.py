"""The DAGs that run on every Airflow. In a file of their own, since ``dag.test()`` wants to find them there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.media import PostBoostUploadMediaOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor
from postboost_provider.sensors.posts import PostBoostPostSensor

PICTURE = str(Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png")
MODES: dict[str, dict[str, Any]] = {
    "poke": {"mode": "poke"},
    "reschedule": {"mode": "reschedule"},
    "deferrable": {"deferrable": True},
}
DAGS: dict[str, DAG] = {}


def new_dag(name: str) -> DAG:
    DAGS[name] = DAG(name, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
    return DAGS[name]


for mode, options in MODES.items():
    with new_dag(f"calendar_{mode}"):
        due = f"{datetime.now(UTC).date() - timedelta(days=1)} 12:00Z"
        rows = [
            {"key": "one", "accounts": "twitter:northwind", "text": "One", "publish_at": due},
            {"key": "two", "accounts": "bluesky:*", "text": "Two", "publish_at": due, "media": PICTURE},
        ]
        token = PostBoostTokenExpirySensor(task_id="token")
        publish = PostBoostPublishCalendarOperator(
            task_id="publish", rows=rows, on_past="now", media_root=str(Path(PICTURE).parent)
        )
        wait = PostBoostPostSensor(
            task_id="wait", post_uuids=publish.output["post_uuids"], poke_interval=1, **options
        )
        token >> publish >> wait

    with new_dag(f"post_{mode}"):
        upload = PostBoostUploadMediaOperator(task_id="upload", media=PICTURE)
        post = PostBoostCreatePostOperator(
            task_id="post",
            text="Hello {{ dag.dag_id }}",
            accounts=["twitter:northwind"],
            media="{{ ti.xcom_pull('upload')[0]['uuid'] }}",
            publish="now",
            wait_for_completion=True,
            deferrable=mode == "deferrable",
            poll_interval=1,
        )
        upload >> post

# Where Airflow searches for them.
globals().update(DAGS)
