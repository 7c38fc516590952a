"""What every operator shares: check the arguments, then connect, then act.

What only a running task needs is imported inside functions: each parse of each DAG file imports these modules.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor

# For a whole file, however large; each part of it must arrive within the connection's timeout_seconds.
DOWNLOAD_SECONDS = 3600.0


class TaskFrameMixin(RetryPolicyMixin):
    """The frame that all operators share, including those that extend another of Airflow's operators.

    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises AirflowFailException: an error that is not retryable.
    :raises PostBoostError: an error that a retry can fix.
    """

    postboost_conn_id: str
    # The API's name of a field -> the argument that it comes from, for what PostBoost refuses. None: names stay.
    field_arguments: ClassVar[Mapping[str, str] | None] = None

    @property
    def hook(self) -> PostBoostHook:
        return PostBoostHook(self.postboost_conn_id)

    def client(self) -> PostBoostClient:
        """Return the client that the act is given."""
        return self.hook.client()

    def actor(self, context: Context, key: str | None = None) -> Actor:
        """Return the identity under which the task writes, with a key in place of the map index if one is given."""
        from postboost_provider.airflow_support.run_times import loop_iteration
        from postboost_provider.idempotency.identity import Actor

        salt, iteration = getattr(self, "idempotency_salt", None), loop_iteration(context)
        return Actor.of_task(context["ti"], salt, key, iteration)

    def since_first_attempt(self, context: Context, actor: Actor) -> timedelta | None:
        """Return how long ago an earlier attempt may have begun; None if there was none."""
        from datetime import UTC, datetime

        from postboost_provider.airflow_support.task_memory import TaskMemory
        from postboost_provider.idempotency.identity import digest

        now = datetime.now(UTC)
        began = TaskMemory(context, now, digest(actor.identity)[:16]).begin()
        return None if began is None else now - began

    @abstractmethod
    def prepare(self, context: Context) -> Callable[[PostBoostClient], Any]:
        """Check the rendered arguments and return the act. Do not connect to anything here."""

    def perform(
        self, context: Context, prepare: Callable[[Context], Callable[[PostBoostClient], Any]] | None = None
    ) -> Any:
        """Prepare, connect and act. An error that is not retryable fails the task at once.

        :param prepare: used in place of :meth:`prepare`.
        """
        from postboost_provider.api.field_errors import map_fields

        names = self.field_arguments
        mapping = nullcontext() if names is None else map_fields(lambda field: names.get(field, field))
        with failing_fast(self), mapping:
            act = (prepare or self.prepare)(context)
            with self.client() as api:
                return act(api)


class BasePostBoostOperator(TaskFrameMixin, BaseOperator):
    """An operator of this package: it implements ``prepare``."""

    template_fields: Sequence[str] = ("postboost_conn_id",)
    ui_color = "#dbeafe"

    def __init__(self, *, postboost_conn_id: str = PostBoostHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> Any:
        return self.perform(context)


class PanelOperator(BasePostBoostOperator):
    """An operator of PostBoost's panel. ``id`` and ``uuid`` of the result are also pushed under their own keys.

    :param postboost_conn_id: the PostBoost connection, with the unscoped access token of a platform admin. Templated.
    :raises AirflowFailException: an argument is wrong, the workspace or user does not exist, or PostBoost refused.
    """

    ui_color = "#ede9fe"
    field_arguments: ClassVar[Mapping[str, str]] = {"owner_id": "owner", "user_id": "user"}

    def execute(self, context: Context) -> Any:
        result = self.perform(context, self._prepare)
        if not isinstance(result, tuple):
            return result
        # What was found or created, and the word for it, or whether what was found was changed.
        found, outcome = result
        word = outcome if isinstance(outcome, str) else "updated" if outcome else "found"
        for name in {"id", "uuid"} & set(found):
            context["ti"].xcom_push(key=name, value=found[name])
            self.log.info("%s %s: %s.", name, found[name], word)
        return {**found, "outcome": word}

    def _prepare(self, context: Context) -> Callable[[PostBoostClient], Any]:
        from postboost_provider.api.responses import reading_response

        act = self.prepare(context)

        def read(api: PostBoostClient) -> Any:
            # An act reads several responses, each of which may lack what PostBoost documents.
            with reading_response(self.task_type):
                return act(api)

        return read


class WorkspaceOperator(PanelOperator):
    """An operator of one workspace.

    :param workspace_uuid: the workspace. Templated.
    """

    template_fields: Sequence[str] = ("workspace_uuid", "postboost_conn_id")

    def __init__(self, *, workspace_uuid: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace_uuid = workspace_uuid


class WorkspaceChangesOperator(WorkspaceOperator):
    """An operator that changes a workspace, or what it has one of."""

    template_fields: Sequence[str] = ("workspace_uuid", "changes", "postboost_conn_id")

    def __init__(self, *, changes: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.changes = changes
