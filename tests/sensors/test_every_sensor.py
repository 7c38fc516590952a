"""What every sensor does with a wrong argument: it is named before a connection is read."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.sensors.accounts import PostBoostAccountHealthSensor
from postboost_provider.sensors.base import BasePostBoostSensor
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor
from postboost_provider.sensors.posts import PostBoostPostSensor
from tests.airflow_stubs import context
from tests.failures import fails

WRONG: list[tuple[type[BasePostBoostSensor], str, dict[str, Any]]] = [
    (PostBoostAccountHealthSensor, "posts_per_account", {"accounts": 1, "posts_per_account": 0}),
    (PostBoostAccountHealthSensor, "publish_at", {"accounts": 1, "publish_at": "Friday", "timezone": "UTC"}),
    (PostBoostPostSensor, "post_uuids", {"post_uuids": "[not a uuid"}),
    (PostBoostPostSensor, "on_partial", {"post_uuids": "u", "on_partial": "skip"}),
    (PostBoostTokenExpirySensor, "on_expiring", {"on_expiring": "panic"}),
    (PostBoostTokenExpirySensor, "must_outlast", {"must_outlast": "Friday"}),
]


@pytest.mark.parametrize(("sensor", "field", "arguments"), WRONG)
def test_a_wrong_argument_is_named_before_a_connection_is_read(
    sensor: Any, field: str, arguments: dict[str, Any]
) -> None:
    task = sensor(task_id="t", postboost_conn_id="missing", **arguments)
    with fails(field=field):
        task.execute(context())


def test_there_is_a_wrong_argument_for_every_sensor() -> None:
    assert {sensor for sensor, _, _ in WRONG} == set(BasePostBoostSensor.__subclasses__())
