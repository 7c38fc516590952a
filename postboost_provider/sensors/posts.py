"""Wait until posts are published."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Unpack

from airflow.triggers.base import BaseTrigger, StartTriggerArgs

from postboost_provider.api.errors import PublishError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sensors.base import BasePostBoostSensor
from postboost_provider.triggers.posts import SPREAD, PostBoostPostTrigger, read_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from postboost_provider.polling.conditions import Finding, PostsSettled
    from postboost_provider.polling.outcome import PostOutcome
    from postboost_provider.polling.poller import Poller
    from postboost_provider.triggers.base import WaitArguments

TRIGGER = f"{PostBoostPostTrigger.__module__}.{PostBoostPostTrigger.__qualname__}"


class PostBoostPostSensor(BasePostBoostSensor):
    """Wait until posts are published on all of their accounts.

    The first poll is immediate. A scheduled post is polled again at its scheduled time, and from then on with a growing
    pause. The task fails only after five failed polls in a row.

    :param post_uuids: the uuid of one post, a list of uuids, such as ``publish.output["post_uuids"]``, or the text of
        such a list. Templated.
    :param on_partial: what to do with a post that failed on some accounts only: ``fail`` or ``succeed``. A post that
        failed on every account always fails the task.
    :param poke_interval: the pause between the first polls of a post that is due, in seconds or as a timedelta. It grows
        to ten minutes.
    :param timeout: how long to wait for a post after its ``scheduled_at``, or after the start of the wait if that is
        later; in seconds or as a timedelta.
    :param mode: without ``deferrable``: ``poke`` keeps the worker slot, ``reschedule`` frees it between two polls. A
        rescheduled task does not know which earlier polls failed. Until ``timeout`` has passed since the start of the
        wait, it counts none of them as failed; after that, all of them.
    :param start_from_trigger: with ``deferrable``, start the wait in the triggerer, without a worker for the first poll. A
        worker is started nevertheless before Airflow 3.3, in mapped tasks, and where no triggerer can render
        ``post_uuids``: the output of a mapped task, of ``.map()``, ``.zip()`` or ``.concat()``, or a template with an
        ``xcom_pull`` of its own.
    :xcom return_value: (list; also when posts failed) In the order of ``post_uuids``, per post ``uuid``, ``status``,
        ``scheduled_at``, ``published_at`` and ``accounts``; per account ``uuid``, ``provider``, ``name``, ``status``,
        ``external_url`` and ``errors``.
    :raises AirflowFailException: a post failed, was deleted or can't be read. No retry can fix that.
    :raises AirflowSensorTimeout: a post was not published in time.
    """

    template_fields: Sequence[str] = ("post_uuids", "postboost_conn_id")
    ui_color = "#dbeafe"
    read_event = staticmethod(read_event)
    _posts: PostsSettled

    def __init__(
        self,
        *,
        post_uuids: str | Sequence[str] | XComArg,
        on_partial: Literal["fail", "succeed"] = "fail",
        poke_interval: timedelta | float = 30,
        timeout: timedelta | float = 3600,
        start_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.post_uuids = post_uuids
        self.on_partial = on_partial
        self.start_from_trigger = start_from_trigger
        if start_from_trigger:
            # The scheduler reads this and starts no worker, so there is no later moment for it.
            self._leave_to_triggerer()

    def check(self) -> None:
        from postboost_provider.api.arguments import check_choice
        from postboost_provider.polling.conditions import PostsSettled
        from postboost_provider.polling.post_uuids import read_uuids

        check_choice("on_partial", self.on_partial, ("fail", "succeed"))
        self._posts = PostsSettled(read_uuids(self.post_uuids), timedelta(seconds=self.timeout), self.log)

    def make_poller(self, started: datetime, earlier_polls: int = 0) -> Poller:
        from postboost_provider.polling.poller import Poller
        from postboost_provider.polling.schedule import MOST_FAILURES as MOST

        wait, spread = super().make_poller(started).wait, SPREAD if self.deferrable else random.random()
        return Poller(wait, most_failures=MOST, earlier_polls=earlier_polls, spread=spread)

    def ask(self) -> Finding:
        if not self._posts.seen:
            self._posts.check_any(PostBoostHook(self.postboost_conn_id).settings())
        return self._posts.ask(self.connect)

    def trigger(self, **wait: Unpack[WaitArguments]) -> PostBoostPostTrigger:
        return PostBoostPostTrigger(
            post_uuids=list(self._posts.seen),
            postboost_conn_id=self.postboost_conn_id,
            next_look_at=(datetime.now(UTC) + self._poller.pause).isoformat(),
            **wait,
        )

    def conclude(self, result: list[PostOutcome], context: Context) -> list[dict[str, Any]]:
        from postboost_provider.polling.outcome import conclude, describe_published

        self.log.info("%s", describe_published(result))
        try:
            for partial in conclude(result, self.on_partial):
                self.log.warning("%s", partial)
        except PublishError as error:
            # For a task that reports after a failure.
            context["ti"].xcom_push(key="return_value", value=error.outcomes)
            raise
        return [outcome.as_dict() for outcome in result]

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


def _for_triggerer(post_uuids: Any) -> Any:
    """Return the posts in a form that a triggerer can render, or None: it renders templates, but no outputs of tasks.

    An ``xcom_pull`` without ``map_indexes`` gets no response there: the wait would hang forever (Airflow 3.3.2).
    """
    from airflow.providers.common.compat.sdk import XComArg

    if isinstance(post_uuids, XComArg):
        # The results of .map(), .zip() and .concat() have no operator of their own.
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
