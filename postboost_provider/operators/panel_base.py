"""What the operators of PostBoost's panel have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient


class PanelOperator(RetryPolicyMixin, BaseOperator):
    """Do one thing in PostBoost's panel. The connection needs the unscoped access token of a platform admin.

    What a task returns that has an ``id`` or a ``uuid``, it pushes this of alone too, for ``task.output["uuid"]``.
    """

    template_fields: Sequence[str] = ("postboost_conn_id",)
    ui_color = "#ede9fe"
    # The API's name of a field -> what it comes from here, for what PostBoost refuses.
    words: ClassVar[dict[str, str]] = {"owner_id": "owner", "user_id": "user"}

    def __init__(self, *, postboost_conn_id: str = PostBoostHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> Any:
        from postboost_provider.api.error_mapping import map_fields

        with (
            failing_fast(self),
            map_fields(lambda field: self.words.get(field, field)),
            PostBoostHook(self.postboost_conn_id).client() as api,
        ):
            result = self.act(api)
        for name in ("id", "uuid"):
            if isinstance(result, dict) and name in result:
                context["ti"].xcom_push(key=name, value=result[name])
        return result

    def act(self, api: PostBoostClient) -> Any:
        """Do it, and return the task's XCom."""
        raise NotImplementedError
