"""Run an operator or a sensor through its deferrals, as Airflow does, with its trigger in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.exceptions import TaskDeferred

from tests.airflow_stubs import context

MOST = 9


def run_to_end(make: Callable[[], Any], ctx: dict[str, Any] | None = None) -> Any:
    """Run what ``make`` returns to its end. Each step is another process, and knows only what the trigger returned.

    What ``defer`` was given besides does not get through ``dag.test()``.
    """
    ctx = ctx or context()
    step: Callable[[Any], Any] = lambda operator: operator.execute(ctx)
    for _ in range(MOST):
        try:
            return step(make())
        except TaskDeferred as deferred:
            name, arguments = deferred.trigger.serialize()
            event = asyncio.run(first_event(import_string(name)(**json.loads(json.dumps(arguments)))))
            brought = {"event": json.loads(json.dumps(event))}
            step = lambda operator, m=deferred.method_name, b=brought: operator.resume_execution(m, b, ctx)
    raise AssertionError("it defers for ever")


async def first_event(trigger: Any) -> Any:
    events = trigger.run()
    try:
        return (await anext(events)).payload
    finally:
        await events.aclose()
