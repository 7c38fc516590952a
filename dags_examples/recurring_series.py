"""Publish a weekly post in several workspaces: one mapped task each, with its own connection and text."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, get_current_context, task

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

# In your own DAG, read this from a variable or a file. Each connection has a token and a workspace.
CLIENTS = [
    {"conn_id": "postboost_default", "account": "bluesky:northwind.bsky.social", "name": "Northwind"},
    {"conn_id": "postboost_contoso", "account": "bluesky:contoso.bsky.social", "name": "Contoso"},
]

with DAG(
    dag_id="recurring_series",
    description="Publish a weekly post for every client",
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    tags=["postboost"],
) as dag:

    @task
    def write_posts() -> list[dict[str, object]]:
        """Return one post for each client, an hour from now. A weekly DAG would use a time in the coming week."""
        run_after = get_current_context()["dag_run"].run_after
        return [
            {
                "postboost_conn_id": client["conn_id"],
                # Map indices change when a client is added or removed; this key stays the same.
                "post_key": client["name"],
                "accounts": [client["account"]],
                "text": f"Tip of the week from {client['name']}: measure twice, post once. Week {run_after:%V of %G}.",
                "publish_at": (run_after + timedelta(hours=1)).isoformat(),
            }
            for client in CLIENTS
        ]

    @task
    def pair(posts: list[dict[str, str]]) -> list[dict[str, str]]:
        """Return the connection to wait with for each post."""
        return [
            {"post_uuids": post["uuid"], "postboost_conn_id": client["conn_id"]}
            for post, client in zip(posts, CLIENTS, strict=True)
        ]

    publish = PostBoostCreatePostOperator.partial(
        task_id="publish", publish="schedule", tags=["weekly tip"], retries=2
    ).expand_kwargs(write_posts())

    wait = PostBoostPostSensor.partial(
        task_id="wait", mode="reschedule", timeout=timedelta(hours=1)
    ).expand_kwargs(pair(publish.output))

    publish >> wait
