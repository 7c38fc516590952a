"""Have a person approve an announcement in Airflow before it is published (Airflow 3.1 or newer).

Open the task ``approve`` under *Required Actions*: it shows text, media, accounts and time. Approving publishes exactly
that. Rejecting moves the draft to trash. If somebody edited the draft in the meantime, the next task asks again; the third
task fails.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, chain

from postboost_provider.operators.approval import PostBoostApprovePostOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

with DAG(
    dag_id="approved_announcement",
    description="Create a draft, have a person approve it, publish exactly what was shown",
    schedule=None,
    catchup=False,
    params={
        "text": Param("We are moving: from Monday you find us at the harbour.", type="string"),
        "publish_at": Param(
            "", type="string", description="UTC, such as 2030-12-01 09:00; empty means at once"
        ),
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

    # Airflow never re-renders a task's form, so asking again after an edit needs another task.
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
