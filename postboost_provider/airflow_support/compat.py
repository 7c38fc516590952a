"""Names that differ between Airflow versions and are missing in the oldest supported compat provider."""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Connection, Context
    from airflow.triggers.base import BaseTrigger


def _load(newer: str, older: str, name: str) -> Any:
    """Return what a module of newer Airflows has under that name, or what the module that it replaced has."""
    try:
        return getattr(importlib.import_module(newer), name)
    except (ImportError, AttributeError):
        return getattr(importlib.import_module(older), name)


def mask_secret(secret: str) -> None:
    """Mask the value in the logs of this process from now on."""
    _load("airflow.sdk.log", "airflow.utils.log.secrets_masker", "mask_secret")(secret)


def determine_kwargs(function: Callable[..., Any], args: Collection[Any], context: Context) -> Any:
    """Return the parts of a task's context that a decorated function names as parameters."""
    determine = _load("airflow.sdk.bases.decorator", "airflow.utils.operator_helpers", "determine_kwargs")
    return determine(function, args, context)


async def aget_connection(conn_id: str) -> tuple[Connection, dict[str, Any]]:
    """Return a connection and its extras from within an event loop.

    Reading the connection or its extras synchronously there can kill the task: Airflow 3.3 raises
    ``DeadlockImminentError``, which is not an ``Exception``. Connections with ``aextra_dejson`` can be awaited; others are
    read in a thread. So are connections that are not found: ``dag.test()`` and ``airflow dags test`` run triggers in a
    process where awaiting always says "not found" (seen in Airflow 3.3.2).

    :raises AirflowNotFoundException: the connection does not exist.
    """
    # Not at module level: DAG files that import an operator don't need it.
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, Connection
    from asgiref.sync import sync_to_async

    if hasattr(Connection, "aextra_dejson"):
        with suppress(AirflowNotFoundException):
            connection = await BaseHook.aget_connection(conn_id)
            return connection, await connection.aextra_dejson()

    def read() -> tuple[Connection, dict[str, Any]]:
        connection = BaseHook.get_connection(conn_id)
        return connection, connection.extra_dejson

    return await sync_to_async(read)()


def first_reschedule_date(context: Context) -> datetime | None:
    """Return when the attempt of a rescheduled sensor began, or None in its first process."""
    ti: Any = context["ti"]
    found: datetime | None
    if hasattr(ti, "get_first_reschedule_date"):
        found = ti.get_first_reschedule_date(context)
    else:
        # Airflow 2, whose sensors query the database.
        sensor: Any = importlib.import_module("airflow.sensors.base")
        first_try = ti.max_tries - (context["task"].retries or 0) + 1
        found = sensor._orig_start_date(
            dag_id=ti.dag_id,
            task_id=ti.task_id,
            run_id=ti.run_id,
            map_index=ti.map_index,
            try_number=first_try,
        )
    return found


def gauge(name: str, value: float, tags: dict[str, str]) -> None:
    """Send a gauge to the metrics backend of this Airflow.

    Once with tags, and once under a name that ends with their values, for backends without tags.
    """
    try:
        module = importlib.import_module("airflow.sdk.observability.stats")
    except ImportError:
        module = importlib.import_module("airflow.stats")
    stats = module if hasattr(module, "gauge") else module.Stats
    stats.gauge(name, value, tags=tags)
    stats.gauge(
        ".".join([name, *(re.sub(r"[^\w.-]", "_", tag, flags=re.ASCII) for tag in tags.values())]), value
    )


def can_kill_triggers() -> bool:
    """Return whether Airflow tells a trigger that a person has ended its task."""
    from airflow.triggers.base import BaseTrigger

    return hasattr(BaseTrigger, "on_kill")


async def task_state(trigger: BaseTrigger) -> str | None:
    """Return the state of a trigger's task, from within an event loop, as far as Airflow has it.

    :raises Exception: Airflow can't tell; of many types.
    """
    from asgiref.sync import sync_to_async

    runner: Any = importlib.import_module("airflow.sdk.execution_time.task_runner")
    ti: Any = trigger.task_instance
    ids = {"dag_id": ti.dag_id, "task_ids": [ti.task_id], "run_ids": [ti.run_id], "map_index": ti.map_index}
    states = await sync_to_async(runner.RuntimeTaskInstance.get_task_states)(**ids)
    # Airflow adds the index to a mapped task's name.
    of_run: dict[str, str | None] = states[ti.run_id]
    return of_run[ti.task_id if ti.task_id in of_run else f"{ti.task_id}_{ti.map_index}"]


def wake_at(moment: datetime) -> BaseTrigger:
    """Return Airflow's trigger that fires at an instant."""
    newer, older = "airflow.providers.standard.triggers.temporal", "airflow.triggers.temporal"
    trigger: BaseTrigger = _load(newer, older, "DateTimeTrigger")(moment=moment)
    return trigger
