"""The other tasks of a mapped task, as Airflow would render them now."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)


def is_mapped(context: Context) -> bool:
    index = context["ti"].map_index
    return index is not None and index >= 0


def may_have_changed(context: Context) -> bool:
    """Return whether a mapped task may have had another list in an earlier attempt of it, or in a run that was cleared.

    A place that is new in a run that was never cleared looks like a first attempt: the list may have been expanded again.
    """
    ti: Any = context["ti"]
    is_first = int(getattr(ti, "try_number", None) or 1) <= 1
    return not is_first or getattr(context.get("dag_run"), "clear_number", None) != 0


def render_siblings(context: Context) -> dict[int, Any] | None:
    """Return the operators of a mapped task by map index, rendered; None where Airflow does not tell."""
    ti: Any = context["ti"]
    try:
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])[ti.run_id]
        names = {i: f"{ti.task_id}_{i}" for i in range(len(states) + ti.map_index + 1)}
        indexes = [i for i, name in names.items() if name in states and states[name] != "removed"]
        dag: Any = context["dag"]
        mapped, found = dag.get_task(ti.task_id), {}
        for index in indexes:
            other = copy.copy(ti)
            other.map_index = index
            of_other = {**context, "ti": other, "task_instance": other}
            mapped.render_template_fields(of_other)
            found[index] = of_other["task"]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is Airflow's or another task's
        log.warning("The other tasks of the mapped task can't be rendered: %s", error)
        return None
    return found if ti.map_index in found else None
