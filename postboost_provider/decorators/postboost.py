"""``@task.postboost``: any API operation, with a body that a function returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import DecoratedOperator, context_merge, task_decorator_factory

from postboost_provider.airflow_support.compat import determine_kwargs
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.api import PostBoostOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context, TaskDecorator


class _PostBoostDecoratedOperator(DecoratedOperator, PostBoostOperator):
    """Call a function, and send its return value as the body of an operation."""

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *PostBoostOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **PostBoostOperator.template_fields_renderers,
    }
    custom_operator_name: str = "@task.postboost"
    # To show the body in the task's rendered fields.
    overwrite_rtif_after_execution: bool = True

    def execute(self, context: Context) -> Any:
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        # The return value is not a template: PostBoost's own mentions have double braces.
        self.body = self.python_callable(*self.op_args, **kwargs)
        return super().execute(context)


def postboost_task(
    python_callable: Callable[..., Any] | None = None, *, operation: str | None = None, **kwargs: Any
) -> TaskDecorator:
    """Turn a function into a task that sends an API operation: its return value is the body.

    ::

        @task.postboost(operation="create_tag", result="id")
        def tag(name: str):
            return {"name": name, "hex_color": "#f59e0b"}

    :param python_callable: the function. The decorator passes it.
    :param operation: the operation's name, such as ``create_tag``.
    :param kwargs: the arguments of :class:`~postboost_provider.operators.api.PostBoostOperator`, except ``body``.
    :xcom return_value: (Any) The response, or what ``result`` picks from it.
    :raises PostBoostConfigError: the operation does not exist or is not named; raised when the DAG is parsed.
    """
    if "body" in kwargs:
        raise PostBoostConfigError(
            "@task.postboost takes no body. Return it from the function.", field="body"
        )
    from postboost_provider.api.operations import get_operation

    # Here as well: a mapped task is created only when it runs.
    get_operation(operation)
    # Airflow would infer it from the function's return value, which is the body and not the response.
    kwargs.setdefault("multiple_outputs", False)
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=_PostBoostDecoratedOperator,
        operation=operation,
        **kwargs,
    )
