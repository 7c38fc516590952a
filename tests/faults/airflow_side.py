"""What a task gets from Airflow, across retries, clears and runs: enough for ``execute`` and its deferrals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.exceptions import TaskDeferred

from tests.deferrals import first_event

MOST_DEFERRALS = 12
DEFAULT_RETENTION = timedelta(days=30)


class StateStore:
    """Airflow's state store of a task instance (3.3): it survives retries and clears."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Any, datetime | None]] = {}
        # In a child process: how the parent learns what was stored.
        self.tell: Callable[[str, Any, bool], None] = lambda key, value, forever: None

    def get(self, key: str, default: Any = None) -> Any:
        value, until = self.kept.get(key, (default, None))
        return default if until is not None and until < datetime.now(UTC) else value

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        json.dumps(value)
        kept_for = retention or DEFAULT_RETENTION
        forever = not isinstance(kept_for, timedelta)
        self.kept[key] = (value, None if forever else datetime.now(UTC) + kept_for)
        self.tell(key, value, forever)

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    def clear(self) -> None:
        self.kept.clear()


class TaskInstance:
    """A task instance in all of its attempts."""

    def __init__(self, *, has_store: bool, run_id: str = "scheduled__1", retries: int = 2) -> None:
        self.retries = retries
        self.has_store = has_store
        self.tries, self.max_tries, self.clears = 0, retries, 0
        self.pushed: dict[str, Any] = {}
        self.start_run(run_id)

    def start_run(self, run_id: str) -> None:
        """Begin another run of the DAG, now."""
        self.run_id, self.anchor = run_id, datetime.now(UTC)
        self.tries, self.max_tries, self.clears = 0, self.retries, 0
        self.store = StateStore()

    def clear(self) -> None:
        self.max_tries = self.tries + self.retries
        self.clears += 1

    def context(self, *, next_try: bool = True) -> dict[str, Any]:
        """Return the context of the next attempt; or of another process with the last one."""
        self.tries += next_try or self.tries == 0
        ti = SimpleNamespace(
            dag_id="shop",
            task_id="announce",
            run_id=self.run_id,
            map_index=-1,
            try_number=self.tries,
            max_tries=self.max_tries,
            start_date=datetime.now(UTC),
            xcom_push=lambda key, value: self.pushed.__setitem__(key, json.loads(json.dumps(value))),
            get_first_reschedule_date=lambda context: None,
        )
        run = SimpleNamespace(
            run_after=self.anchor,
            start_date=self.anchor,
            clear_number=self.clears,
            run_id=self.run_id,
            conf={},
        )
        context = {"ti": ti, "task_instance": ti, "dag_run": run, "data_interval_end": self.anchor}
        context |= {"logical_date": self.anchor, "run_id": self.run_id}
        return context | ({"task_state_store": self.store} if self.has_store else {})


def run_to_end(make: Callable[[], Any], context: dict[str, Any], pass_time: Callable[[float], None]) -> Any:
    """Run a task through its deferrals. Each step is another process, and knows only what the trigger returned."""
    step: Callable[[Any], Any] = lambda operator: operator.execute(context)
    for _ in range(MOST_DEFERRALS):
        try:
            return step(make())
        except TaskDeferred as deferred:
            if deferred.trigger is None:
                raise
            name, arguments = deferred.trigger.serialize()
            if (moment := arguments.get("moment")) is not None:
                # Airflow's own trigger, which only waits.
                pass_time(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
                kwargs = {**(deferred.kwargs or {}), "event": str(moment)}
                step = lambda operator, m=deferred.method_name, k=kwargs: operator.resume_execution(
                    m, k, context
                )
                continue
            event = asyncio.run(first_event(import_string(name)(**json.loads(json.dumps(arguments)))))
            kwargs = {**(deferred.kwargs or {}), "event": json.loads(json.dumps(event))}
            step = lambda operator, m=deferred.method_name, k=kwargs: operator.resume_execution(m, k, context)
    raise AssertionError("it defers for ever")
