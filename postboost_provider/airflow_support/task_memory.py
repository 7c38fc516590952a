"""What a task remembers of its earlier attempts, in Airflow's task state store (3.3): for ever, unlike PostBoost.

It survives retries, Clear and kills. A store that is missing, fails, or has been emptied leaves only what PostBoost and the
run tell, as in earlier versions of Airflow.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from postboost_provider.airflow_support.run_times import earlier_attempts_since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)


class TaskMemory:
    """The memory of a task of a run.

    :param now: when this attempt began.
    :param name: of what the task does: a loop or another salt is another memory.
    :param of_siblings: what it does may have been another task's of the mapped list, which has a memory of its own.
    """

    def __init__(self, context: Context, now: datetime, name: str, *, of_siblings: bool = False) -> None:
        self._context, self._now, self._of_siblings = context, now, of_siblings
        self._store: Any = context.get("task_state_store")
        self._began, self._done = f"postboost-began-{name}", f"postboost-done-{name}"

    def begin(self) -> datetime | None:
        """Remember that an attempt begins, and return since when there may have been earlier ones; None if there was none."""
        found = self._get(self._began)
        since = earlier_attempts_since(self._context, of_siblings=self._of_siblings)
        if not found:
            # What an attempt remembers that is not the first must not be later than the first one.
            self._set(self._began, (since or self._now).isoformat())
            return since
        try:
            began = datetime.fromisoformat(str(found)).astimezone(UTC)
        except ValueError:
            log.warning("Airflow's task state store has %r as the time of the first attempt.", found)
            return since
        return min(began, since) if self._of_siblings and since else began

    def done(self) -> dict[str, Any]:
        """Return what an earlier attempt has done, if the store has it."""
        found = self._get(self._done)
        return dict(found) if isinstance(found, dict) else {}

    def remember(self, done: Mapping[str, Any]) -> None:
        """Remember what this attempt has done."""
        if self.done() != done:
            self._set(self._done, dict(done))

    def _get(self, key: str) -> Any:
        if self._store is None:
            return None
        try:
            return self._store.get(key)
        except Exception as error:  # noqa: BLE001 - Airflow's, its database's, or a backend's
            log.warning("Airflow's task state store can't be read: %s", error)
            return None

    def _set(self, key: str, value: Any) -> None:
        if self._store is None:
            return
        from airflow import sdk

        try:
            self._store.set(key, value, retention=getattr(sdk, "NEVER_EXPIRE", None))
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("Airflow's task state store can't be written: %s", error)
