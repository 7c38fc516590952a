"""What the sensors share: check the arguments, poll, and wait in the worker or the triggerer."""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Unpack

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from postboost_provider.airflow_support.compat import first_reschedule_date
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast
from postboost_provider.triggers.base import PollingTrigger, WaitArguments, read_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.polling.conditions import Finding
    from postboost_provider.polling.poller import Event, Poller

MANY = 1_000_000


class BasePostBoostSensor(RetryPolicyMixin, BaseSensorOperator):
    """A sensor of this package: it implements ``check``, ``ask``, ``trigger`` and ``conclude``.

    :param poke_interval: the pause between two polls, in seconds or as a timedelta.
    :param timeout: how long to wait, in seconds or as a timedelta. With 0 there is one poll.
    :param mode: without ``deferrable``: ``poke`` keeps the worker slot, ``reschedule`` frees it between two polls.
    :param deferrable: wait in the triggerer, without a worker slot.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises AirflowSensorTimeout: the wait timed out.
    :raises AirflowFailException: an error that is not retryable.
    """

    ui_color = "#fef3c7"
    read_event: Callable[[Any], Event] = staticmethod(read_event)
    _poller: Poller

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable
        self.postboost_conn_id = postboost_conn_id

    @abstractmethod
    def check(self) -> None:
        """Check the rendered arguments. Do not connect to anything here."""

    @abstractmethod
    def ask(self) -> Finding:
        """Poll once."""

    @abstractmethod
    def trigger(self, **wait: Unpack[WaitArguments]) -> PollingTrigger | None:
        """Return the trigger that continues the wait, given the shared arguments. None: it is too early for one."""

    def conclude(self, result: Any, context: Context) -> Any:
        """Return the sensor's XCom, given what the wait found."""
        return result

    def describe_timeout(self, pending: str) -> str:
        """Return the message of a wait that timed out, given what was missing or why the last poll failed."""
        return pending

    def make_poller(self, started: datetime, earlier_polls: int = 0) -> Poller:
        from postboost_provider.polling.poller import Poller
        from postboost_provider.polling.schedule import Wait

        return Poller(Wait(started, timedelta(seconds=self.timeout), timedelta(seconds=self.poke_interval)))

    def connect(self) -> PostBoostClient:
        """Return a client with a trigger's deadline for one poll."""
        from postboost_provider.polling.schedule import POLL_SECONDS

        return PostBoostHook(self.postboost_conn_id).client(deadline_seconds=POLL_SECONDS)

    def execute(self, context: Context) -> Any:
        with failing_fast(self):
            self.check()
        # A rescheduled task's wait began in an earlier process.
        first = first_reschedule_date(context) if self.reschedule else None
        # Airflow 2 does not tell a task how often it was rescheduled.
        known: Any = context
        earlier_polls = (known.get("task_reschedule_count") or MANY) if first else 0
        self._poller = self.make_poller(first or datetime.now(UTC), earlier_polls)
        # The poller ends the wait: Airflow counts from the start of the task, and would not report what was missing.
        own, self.timeout = self.timeout, float("inf")
        try:
            return super().execute(context)
        finally:
            self.timeout = own

    def poke(self, context: Context) -> bool | PokeReturnValue:
        with failing_fast(self):
            event = self._poller.poll(self.ask)
            if event is not None:
                return PokeReturnValue(is_done=True, xcom_value=self._end(event, context))
            if self.deferrable:
                wait = self._poller.wait
                trigger = self.trigger(
                    timeout=wait.timeout.total_seconds(),
                    poll_interval=wait.interval.total_seconds(),
                    started_at=wait.started.isoformat(),
                )
                if trigger is not None:
                    self.defer(trigger=trigger, method_name="execute_complete")
        return False

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Continue when the wait in the triggerer has ended."""
        with failing_fast(self):
            return self._end(self.read_event(event), context)

    def _end(self, event: Event, context: Context) -> Any:
        late = lambda pending: AirflowSensorTimeout(self.describe_timeout(pending))
        return self.conclude(event.get(late), context)

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        from postboost_provider.polling.schedule import whole_seconds

        if self.exponential_backoff:
            return float(super()._get_next_poke_interval(*args, **kwargs))
        if not self._poller.failures:
            self.log.info("Polling again in %s.", whole_seconds(self._poller.pause))
        return self._poller.pause.total_seconds()
