"""An announcement that a person approves in Airflow before it goes out (Airflow 3.1 or newer).

Open the task ``approve`` under *Required Actions*: it shows text, media, accounts and time. Approving publishes exactly
that. When somebody has edited the draft in the meantime, the next task asks again, and fails the third time. Rejecting
moves the draft to trash.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, chain

from postboost_provider.operators.approval import PostBoostApprovePostOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

with DAG(
    dag_id="approved_announcement",
    description="Draft, approval by a person, publication of exactly what was seen",
    schedule=None,
    catchup=False,
    params={
        "text": Param("We are moving: from Monday you find us at the harbour.", type="string"),
        "publish_at": Param("", type="string", description="UTC, such as 2030-12-01 09:00; empty is at once"),
    },
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    draft = PostBoostCreatePostOperator(
        task_id="draft",
        text="{{ params.text }}",
        accounts=["twitter:northwind", "threads:northwind"],
        publish="draft",
    )

    # Airflow shows the first form of a task for good: each time of asking is a task of its own.
    approvals = [
        PostBoostApprovePostOperator(
            task_id=task_id,
            post_uuid=draft.output["uuid"],
            publish_at="{{ params.publish_at }}",
            timezone="UTC",
            subject="Publish the announcement?",
        )
        for task_id in ("approve", "approve_again", "approve_a_last_time")
    ]

    wait = PostBoostPostSensor(
        task_id="wait", post_uuids=draft.output["uuid"], poke_interval=5, deferrable=True
    )

    chain(draft, *approvals, wait)
