"""What the operators that publish share: a backfill, or a run of long ago, publishes nothing unless its author wants that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.base import BasePostBoostOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Context

ADVICE = "To publish in such a run, set on_backfill='run'."


class PublishingOperator(BasePostBoostOperator):
    """An operator that publishes.

    :param on_backfill: what to do in a run of a backfill, or in one that was due more than ``max_age`` ago, with what is not
        published yet: ``skip`` it, ``fail``, or ``run`` as in any other run. What an earlier attempt has published is found
        and reused. Drafts are not affected.
    :param max_age: how long ago a run may have been due (the end of its data interval) that publishes at once or through the
        queue, in seconds or as a timedelta. What has a time of its own is not affected.
    """

    def __init__(
        self,
        *,
        on_backfill: Literal["skip", "fail", "run"] = "skip",
        max_age: timedelta | float = timedelta(days=1),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.on_backfill = on_backfill
        self.max_age = max_age

    def stale_check(self, context: Context) -> Callable[[str], str]:
        """Return a function that returns why the run publishes nothing in a mode, such as ``now``, or "" if it does.

        :raises PostBoostConfigError: an argument is not valid.
        """
        from postboost_provider.airflow_support.stale_runs import is_backfill, run_age
        from postboost_provider.api.arguments import check_choice, read_seconds
        from postboost_provider.api.expiry import describe_span

        check_choice("on_backfill", self.on_backfill, ("skip", "fail", "run"))
        max_age = timedelta(seconds=read_seconds("max_age", self.max_age))

        def why(mode: str) -> str:
            if self.on_backfill == "run" or mode == "draft":
                return ""
            if is_backfill(context):
                return f"the run belongs to a backfill. {ADVICE}"
            age = run_age(context)
            if mode in ("now", "queue") and age > max_age:
                return f"the run was due {describe_span(age)} ago, and max_age is {describe_span(max_age)}. {ADVICE}"
            return ""

        return why

    def refuse_stale(self, why: str) -> None:
        """End the task if there is a reason to publish nothing.

        :raises AirflowSkipException: unless ``on_backfill`` is ``fail``.
        """
        if not why:
            return
        message = f"Nothing was sent: {why}"
        if self.on_backfill == "skip":
            raise AirflowSkipException(message)
        raise PostBoostConfigError(message, code="stale_run", field="on_backfill")
