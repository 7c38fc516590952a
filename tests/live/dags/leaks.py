"""Tasks whose token a server rejects and repeats, in a worker and in the triggerer, and one that works."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

CONN = "leaking_server"

with DAG("leaks", schedule=None, params={"uuid": Param("", type="string")}):
    PostBoostOperator(
        task_id="rejected",
        postboost_conn_id=CONN,
        operation="create_tag",
        body={"name": "a", "hex_color": "#f59e0b"},
    )
    PostBoostPostSensor(
        task_id="rejected_in_triggerer",
        postboost_conn_id=CONN,
        post_uuids="{{ params.uuid }}",
        deferrable=True,
        start_from_trigger=True,
        poke_interval=1,
        timeout=60,
    )
    PostBoostPostSensor(
        task_id="waits", post_uuids="{{ params.uuid }}", deferrable=True, poke_interval=1, timeout=60
    )
