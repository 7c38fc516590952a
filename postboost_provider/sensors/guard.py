"""Put a token expiry sensor in front of a whole DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import DAG

# With these a task runs though all that comes before it failed, or was skipped.
RUNS_AFTER_A_FAILURE = {"all_done", "all_failed", "always", "dummy", "none_skipped", "one_done", "one_failed"}
RUNS_AFTER_A_SKIP = {"all_done", "all_skipped", "always", "dummy", "none_failed", "one_done"}


def token_guard(dag: DAG, *, task_id: str = "token_guard", **options: Any) -> PostBoostTokenExpirySensor:
    """Put a token expiry sensor in front of every root task of a DAG, and return it.

    Call it when the DAG has all of its tasks: ``token_guard(dag, min_validity=timedelta(days=14))``. Root tasks may be
    within task groups, mapped, or setups; a teardown follows what it tears down. Called again with the same options, or
    with none, it takes in the roots that were added since.

    :param task_id: the sensor's.
    :param options: the arguments of :class:`~postboost_provider.sensors.expiry.PostBoostTokenExpirySensor`.
    :raises PostBoostConfigError: the DAG has another task of that id, or a root task has a trigger rule with which it
        would run though the sensor failed.
    """
    guard = dag.task_dict.get(task_id)
    if guard is None:
        guard = PostBoostTokenExpirySensor(task_id=task_id, dag=dag, task_group=dag.task_group, **options)
        guard.guard_options = options
    elif not isinstance(guard, PostBoostTokenExpirySensor):
        raise PostBoostConfigError(
            f"DAG {dag.dag_id!r} has a task {task_id!r} that is no token expiry sensor. Give the guard another task_id."
        )
    elif options and options != guard.guard_options:
        raise PostBoostConfigError(
            f"DAG {dag.dag_id!r} has a guard {task_id!r} with other options. Leave the options out to have it take in "
            "further tasks, or give the second guard another task_id."
        )
    runs_anyway = RUNS_AFTER_A_FAILURE | (RUNS_AFTER_A_SKIP if guard.on_expiring == "skip" else set())
    for task in dag.roots:
        if task is guard or task.is_teardown:
            continue
        rule = str(getattr(task.trigger_rule, "value", task.trigger_rule))
        if rule in runs_anyway:
            raise PostBoostConfigError(
                f"Task {task.task_id!r} would run though {task_id!r} says stop: its trigger_rule is {rule!r}. Leave the "
                "trigger_rule of tasks without upstream tasks at its default."
            )
        guard.set_downstream(task)
    return guard
