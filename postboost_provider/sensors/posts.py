"""Wait until posts are live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)
from airflow.triggers.base import BaseTrigger, StartTriggerArgs

from postboost_provider.airflow_support import compat as _compat
from postboost_provider.api.errors import PostBoostConfigError, PublishError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast
from postboost_provider.triggers.posts import SPREAD, PostBoostPostTrigger, read_event

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.polling.outcome import PostOutcome

TRIGGER = f"{PostBoostPostTrigger.__module__}.{PostBoostPostTrigger.__qualname__}"


class PostBoostPostSensor(RetryPolicyMixin, BaseSensorOperator):
    """Wait until posts are published on all of their accounts.

    The first look is immediate. A post that is scheduled is looked at again when its time has come, and from then
    on with a growing interval. A look that fails does not fail the task until five fail in a row.

    Returns a list, in the order of ``post_uuids``: per post ``uuid``, ``status``, ``scheduled_at``, ``published_at``
    and ``accounts``, per account ``uuid``, ``provider``, ``name``, ``status``, ``external_url`` and ``errors``. It is
    pushed as XCom as well when posts failed.

    :param post_uuids: the uuid of one post, or a list of them, such as
        ``publish.output["post_uuids"]``, or the text of such a list. Templated.
    :param on_partial: what to do when some accounts of a post got it and others did not: ``fail`` (default) or
        ``succeed``. A post that no account got always fails.
    :param poke_interval: the pause between the first looks at a post that is due, in seconds or as a timedelta; later
        ones grow to ten minutes. Default 30 seconds.
    :param timeout: how long to wait for a post after its ``scheduled_at``, or after the start of the wait if that is
        later; in seconds or as a timedelta. Default one hour.
    :param mode: without ``deferrable``: ``poke`` (default) keeps the worker's slot; ``reschedule`` frees it between
        two looks.
    :param deferrable: wait in the triggerer, at no worker slot at all. Default: ``[operators] default_deferrable``.
    :param start_from_trigger: with ``deferrable``, do not start a worker for the first look either: the wait begins in
        the triggerer, where ``post_uuids`` is rendered. Default False. A worker is started even so before Airflow 3.3, in
        mapped tasks, and where ``post_uuids`` is the output of a mapped task, made by ``.map()``, ``.zip()`` or
        ``.concat()``, or a template with an ``xcom_pull`` of its own: no triggerer can render these.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises AirflowFailException: a post failed, was deleted or can't be read; no retry can mend that.
    :raises AirflowSensorTimeout: a post was not live in time.
    """

    template_fields: Sequence[str] = ("post_uuids", "postboost_conn_id")
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        post_uuids: str | Sequence[str],
        on_partial: Literal["fail", "succeed"] = "fail",
        poke_interval: timedelta | float = 30,
        timeout: timedelta | float = 3600,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        start_from_trigger: bool = False,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.post_uuids = post_uuids
        self.on_partial = on_partial
        self.deferrable = deferrable
        self.start_from_trigger = start_from_trigger
        self.postboost_conn_id = postboost_conn_id
        if start_from_trigger:
            # The scheduler reads this and starts no worker, so that there is no later moment for it.
            self._leave_to_triggerer()

    def execute(self, context: Context) -> Any:
        from postboost_provider.api.arguments import read_uuids
        from postboost_provider.polling.poller import Looks
        from postboost_provider.polling.schedule import Wait

        with failing_fast(self):
            if self.on_partial not in ("fail", "succeed"):
                raise PostBoostConfigError(f"on_partial is {self.on_partial!r}; use fail or succeed.")
            uuids = read_uuids(self.post_uuids)
        if not uuids:
            self.log.info("There is no post to wait for.")
            return []
        wait = Wait(
            self._started(context), timedelta(seconds=self.timeout), timedelta(seconds=self.poke_interval)
        )
        connect = PostBoostHook(self.postboost_conn_id).client
        self._looks = Looks(connect, uuids, wait, keeps_state=not self.reschedule)
        if self.deferrable:
            return self._defer(uuids, context)
        # The wait's own deadline comes first, counted from when a post is due; Airflow's, counted from the start of
        # the task, stands behind it.
        own, self.timeout = self.timeout, float("inf")
        try:
            return super().execute(context)
        finally:
            self.timeout = own

    def _leave_to_triggerer(self) -> None:
        post_uuids = _for_triggerer(self.post_uuids)
        can_render = hasattr(BaseTrigger, "render_template_fields")
        self.start_from_trigger = self.deferrable and can_render and post_uuids is not None
        if self.start_from_trigger:
            self.start_trigger_args = StartTriggerArgs(
                trigger_cls=TRIGGER,
                trigger_kwargs={
                    "post_uuids": post_uuids,
                    "postboost_conn_id": self.postboost_conn_id,
                    "timeout": self.timeout,
                    "poll_interval": self.poke_interval,
                },
                next_method="execute_complete",
            )

    def _defer(self, uuids: list[str], context: Context) -> Any:
        """Look once from here, and leave what is not through to the triggerer."""
        try:
            done = self.poke(context)
        except (AirflowSensorTimeout, AirflowFailException) as error:
            # Airflow does this for the loop of a sensor and for what comes after a deferral.
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        if isinstance(done, PokeReturnValue):
            return done.xcom_value
        now = datetime.now(UTC)
        self.defer(
            trigger=PostBoostPostTrigger(
                post_uuids=uuids,
                postboost_conn_id=self.postboost_conn_id,
                timeout=self.timeout,
                poll_interval=self.poke_interval,
                started_at=self._looks.wait.started.isoformat(),
                next_look_at=(now + self._looks.pause(now, SPREAD)).isoformat(),
            ),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Context, event: Any) -> list[dict[str, Any]]:
        """Go on when the triggerer has seen every post settled."""
        with failing_fast(self):
            _kind, said = read_event(event)
            if isinstance(said, list):
                return self._conclude(said, context)
        raise AirflowSensorTimeout(said)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        with failing_fast(self):
            if self._looks.look():
                return PokeReturnValue(is_done=True, xcom_value=self._conclude(self._looks.outcomes, context))
        if (late := self._looks.lateness(datetime.now(UTC))) is not None:
            raise AirflowSensorTimeout(late)
        return False

    def _conclude(self, outcomes: list[PostOutcome], context: Context) -> list[dict[str, Any]]:
        from postboost_provider.polling.outcome import conclude

        try:
            for partial in conclude(outcomes, self.on_partial):
                self.log.warning("%s", partial)
        except PublishError as error:
            # A report that runs after a failure wants to know what is live.
            context["ti"].xcom_push(key="return_value", value=error.outcomes)
            raise
        return [outcome.as_dict() for outcome in outcomes]

    def _started(self, context: Context) -> datetime:
        """Return when the wait began: for a rescheduled task, in an earlier process."""
        first = _compat.first_reschedule_date(context) if self.reschedule else None
        return first or datetime.now(UTC)

    def _get_next_poke_interval(self, *_args: Any, **_kwargs: Any) -> float:
        pause = self._looks.pause(datetime.now(UTC))
        self.log.info("The next look is in %s.", pause)
        return pause.total_seconds()


def _for_triggerer(post_uuids: Any) -> Any:
    """Return the posts as something that a triggerer can render, or None where there is no such thing.

    It knows no outputs of tasks, only templates; and it answers no ``xcom_pull`` without ``map_indexes``: the wait would
    hang for ever (Airflow 3.3.2).
    """
    from airflow.providers.common.compat.sdk import XComArg

    if isinstance(post_uuids, XComArg):
        # What .map(), .zip() and .concat() give has no operator of its own.
        task = getattr(post_uuids, "operator", None)
        if task is None or task.is_mapped or task.get_closest_mapped_task_group() is not None:
            return None
        key = getattr(post_uuids, "key", "return_value")
        pull = f"task_instance.xcom_pull(task_ids={task.task_id!r}, key={key!r}, map_indexes=-1)"
        return f"{{{{ {pull} or [] }}}}"
    if isinstance(post_uuids, (list, tuple)):
        each = [_for_triggerer(item) for item in post_uuids]
        return None if None in each else each
    return None if "xcom_pull" in str(post_uuids) else post_uuids
