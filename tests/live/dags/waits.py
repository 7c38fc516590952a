"""The same posts waited for in every way."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.posts import PostBoostPostSensor

QUICK: dict[str, Any] = {"poke_interval": 1, "on_partial": "succeed"}
IN_TRIGGERER: dict[str, Any] = {"deferrable": True, "start_from_trigger": True}

with DAG(
    "waits",
    schedule=None,
    params={"uuids": Param([], type="array"), "draft": Param("", type="string")},
):

    @task
    def given(params: dict[str, list[str]]) -> list[str]:
        return params["uuids"]

    uuids = given()
    PostBoostPostSensor(task_id="poked", post_uuids=uuids, **QUICK)
    PostBoostPostSensor(task_id="deferred", post_uuids=uuids, deferrable=True, **QUICK)
    PostBoostPostSensor(task_id="triggered", post_uuids=uuids, **IN_TRIGGERER, **QUICK)
    PostBoostPostSensor(
        task_id="triggered_by_template", post_uuids="{{ params.uuids }}", **IN_TRIGGERER, **QUICK
    )
    PostBoostPostSensor.partial(task_id="mapped", **IN_TRIGGERER, **QUICK).expand(post_uuids=uuids)
    PostBoostPostSensor(task_id="late", post_uuids="{{ params.draft }}", timeout=2, **IN_TRIGGERER, **QUICK)
    PostBoostCreatePostOperator.partial(
        task_id="created",
        accounts=["twitter:northwind"],
        publish="now",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=1,
    ).expand(text=["One", "Two"])

with DAG("wait_in_triggerer", schedule=None, params={"uuid": Param("", type="string")}):
    PostBoostPostSensor(task_id="wait", post_uuids="{{ params.uuid }}", **IN_TRIGGERER, **QUICK)
