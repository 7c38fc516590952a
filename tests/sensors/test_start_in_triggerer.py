"""A sensor that starts in the triggerer hands over what it waits for, where a triggerer can render it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk._shared.module_loading import import_string

from postboost_provider.sensors.posts import PostBoostPostSensor


class Upload(BaseOperator):
    def __init__(self, *, media: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.media = media


def waiting_for(post_uuids: Any, task_id: str, deferrable: bool = True) -> PostBoostPostSensor:
    return PostBoostPostSensor(
        task_id=task_id, post_uuids=post_uuids, deferrable=deferrable, start_from_trigger=True
    )


def test_a_sensor_that_starts_in_the_triggerer_hands_over_what_it_waits_for() -> None:
    with DAG("starts_in_triggerer", schedule=None):
        output = Upload(task_id="upload", media="a.png").output["uuid"]
        given = ("u", "{{ params.u }}", ["u", output], output)
        sensors = [waiting_for(uuids, f"wait_{n}") for n, uuids in enumerate(given)]
    handed_over = []
    for sensor in sensors:
        arguments = sensor.start_trigger_args
        assert sensor.start_from_trigger
        assert arguments is not None
        assert hasattr(sensor, arguments.next_method)
        trigger = import_string(arguments.trigger_cls)(**(arguments.trigger_kwargs or {}))
        handed_over.append(trigger.post_uuids)
    pull = "{{ task_instance.xcom_pull(task_ids='upload', key='uuid', map_indexes=-1) or [] }}"
    assert handed_over == ["u", "{{ params.u }}", ["u", pull], pull]


def test_what_no_triggerer_can_render_starts_in_a_worker(mocker: Any) -> None:
    with DAG("starts_in_worker", schedule=None):
        upload = Upload(task_id="upload", media="a.png")
        mapped = Upload.partial(task_id="mapped").expand(media=["a.png"])
        given = (
            mapped.output,
            upload.output.map(str),
            ["u", upload.output.zip(upload.output)],
            "{{ ti.xcom_pull('upload') }}",
        )
        sensors = [waiting_for(uuids, f"wait_{n}") for n, uuids in enumerate(given)]
        sensors.append(waiting_for("u", "not_deferrable", deferrable=False))
        mocker.patch("postboost_provider.sensors.posts.BaseTrigger", object)
        sensors.append(waiting_for("u", "before_airflow_3_3"))
    assert [s.task_id for s in sensors if s.start_from_trigger or s.start_trigger_args] == []
