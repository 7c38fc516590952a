"""Tasks that a person ends or clears: a deferred wait, a post that only Airflow remembers, and a mapped list that shifts."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param, task

from postboost_provider.operators.posts import PostBoostCreatePostOperator

with DAG("ended_by_a_person", schedule=None, params={"at": Param("", type="string")}):
    PostBoostCreatePostOperator(
        task_id="publish",
        text="Ended by a person",
        accounts=["twitter:northwind", "threads:northwind"],
        publish="schedule",
        publish_at="{{ params.at }}",
        wait_for_completion=True,
        deferrable=True,
        timeout=timedelta(days=2),
        poll_interval=1,
        on_kill="trash",
    )

with DAG("remembered", schedule=None):
    PostBoostCreatePostOperator(
        task_id="publish", text="Remembered", accounts=["twitter:northwind"], publish="now"
    )

with DAG("shifted", schedule=None):

    @task
    def read_list() -> list[str]:
        return (Path(os.environ["AIRFLOW_HOME"]) / "list.txt").read_text().split()

    PostBoostCreatePostOperator.partial(
        task_id="publish", accounts=["twitter:northwind"], publish="now"
    ).expand(text=read_list())
