"""Put a token expiry sensor before all tasks of a DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import DAG

# With these trigger rules a task runs although everything upstream of it failed, or was skipped.
RUNS_AFTER_A_FAILURE = {"all_done", "all_failed", "always", "dummy", "none_skipped", "one_done", "one_failed"}
RUNS_AFTER_A_SKIP = {"all_done", "all_skipped", "always", "dummy", "none_failed", "one_done"}


class _GuardOptions(TypedDict, total=False):
    """The sensor's own arguments, and those of Airflow's that a guard may need."""

    min_validity: timedelta | None
    must_outlast: timedelta | datetime | str | None
    expires_on: str | None
    on_expiring: Literal["fail", "skip", "warn"]
    on_unknown: Literal["probe", "fail"]
    postboost_conn_id: str
    postboost_conn_ids: Sequence[str] | str | None
    admin_conn_id: str | None
    poke_interval: timedelta | float
    timeout: timedelta | float
    mode: Literal["poke", "reschedule"]
    deferrable: bool
    retries: int | None
    retry_delay: timedelta | float
    retry_policy: Any
    execution_timeout: timedelta | None
    on_failure_callback: Any
    owner: str
    pool: str | None
    queue: str
    priority_weight: int
    executor: str | None
    doc_md: str | None


def token_guard(
    dag: DAG, *, task_id: str = "token_guard", **options: Unpack[_GuardOptions]
) -> PostBoostTokenExpirySensor:
    """Put a token expiry sensor before every root task of a DAG, and return it.

    Call it when the DAG has all of its tasks: ``token_guard(dag, min_validity=timedelta(days=14))``. Called again with the
    same options, or without options, it also covers the root tasks that were added in between.

    :param dag: the DAG to guard.
    :param task_id: the sensor's task id.
    :param options: the arguments of :class:`~postboost_provider.sensors.expiry.PostBoostTokenExpirySensor`.
    :raises PostBoostConfigError: the task id is taken, or a root task would run although the sensor failed.
    """
    guard = dag.task_dict.get(task_id)
    if guard is None:
        guard = PostBoostTokenExpirySensor(task_id=task_id, dag=dag, task_group=dag.task_group, **options)
        guard.guard_options = {**options}
    elif not isinstance(guard, PostBoostTokenExpirySensor):
        raise PostBoostConfigError(
            f"Task {task_id!r} of DAG {dag.dag_id!r} is not a token expiry sensor. Give the guard another task_id.",
            code="task_id_taken",
            field="task_id",
        )
    elif options and options != guard.guard_options:
        raise PostBoostConfigError(
            f"DAG {dag.dag_id!r} has a guard {task_id!r} with other options. Leave the options out, or give it another task_id.",
            code="other_options",
        )
    runs_anyway = RUNS_AFTER_A_FAILURE | (RUNS_AFTER_A_SKIP if guard.on_expiring == "skip" else set())
    for task in dag.roots:
        if task is guard or task.is_teardown:
            continue
        rule = str(getattr(task.trigger_rule, "value", task.trigger_rule))
        if rule in runs_anyway:
            raise PostBoostConfigError(
                f"Task {task.task_id!r} would run although {task_id!r} failed: its trigger_rule is {rule!r}. Remove it.",
                code="runs_anyway",
                field="trigger_rule",
            )
        guard.set_downstream(task)
    return guard
