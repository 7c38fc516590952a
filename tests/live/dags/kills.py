"""A post that is published and waited for, by tasks whose processes are killed."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from postboost_provider.operators.posts import PostBoostCreatePostOperator

for name, deferrable in (("killed_in_worker", False), ("killed_deferred", True)):
    with DAG(name, schedule=None, params={"text": Param("", type="string")}, max_active_runs=32) as dag:
        PostBoostCreatePostOperator(
            task_id="publish",
            text="{{ params.text }}",
            accounts=["twitter:northwind", "threads:northwind"],
            publish="now",
            wait_for_completion=True,
            deferrable=deferrable,
            poll_interval=1,
            retries=5,
            retry_delay=timedelta(seconds=1),
        )
    globals()[name] = dag
