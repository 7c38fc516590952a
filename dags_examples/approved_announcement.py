"""An announcement that a person approves in Airflow before it goes out (Airflow 3.1 or newer).

Open the task ``approve`` under *Required Actions*: it shows text, media, accounts and time. Approving publishes exactly
that; when somebody has edited the draft in the meantime, it asks again. Rejecting moves the draft to trash.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from postboost_provider.operators.approval import PostBoostApprovePostOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

with DAG(
    dag_id="approved_announcement",
    description="Draft, approval by a person, publication of exactly what was seen",
    schedule=None,
    catchup=False,
    params={"text": Param("We are moving: from Monday you find us at the harbour.", type="string")},
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    draft = PostBoostCreatePostOperator(
        task_id="draft",
        text="{{ params.text }}",
        accounts=["twitter:northwind", "threads:northwind"],
        publish="draft",
    )

    approve = PostBoostApprovePostOperator(
        task_id="approve",
        post_uuid=draft.output["uuid"],
        subject="Publish the announcement?",
        # A draft that was edited after it was shown is shown again, in a new try.
        retries=10,
        retry_delay=timedelta(seconds=10),
    )

    wait = PostBoostPostSensor(task_id="wait", post_uuids=draft.output["uuid"])

    draft >> approve >> wait
