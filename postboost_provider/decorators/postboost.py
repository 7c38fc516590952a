"""``@task.postboost``: any API operation, its body made by a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import DecoratedOperator, context_merge, task_decorator_factory

from postboost_provider.airflow_support.compat import determine_kwargs
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.api import PostBoostOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, TaskDecorator


class _PostBoostDecoratedOperator(DecoratedOperator, PostBoostOperator):
    """Call a function, and send what it returns as the body of an operation."""

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *PostBoostOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **PostBoostOperator.template_fields_renderers,
    }
    custom_operator_name: str = "@task.postboost"
    # So that the body is seen in the task's rendered fields.
    overwrite_rtif_after_execution: bool = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, **kwargs)

    def execute(self, context: Context) -> Any:
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        # What a function made is not a template: PostBoost has double braces of its own, for mentions.
        self.body = self.python_callable(*self.op_args, **kwargs)
        return super().execute(context)


def postboost_task(
    python_callable: Callable[..., Any] | None = None, *, operation: str | None = None, **kwargs: Any
) -> TaskDecorator:
    """Make a function a task that sends an API operation: what it returns is the body.

    ::

        @task.postboost(operation="create_tag", result="id")
        def tag(name: str):
            return {"name": name, "hex_color": "#f59e0b"}

    :param python_callable: the function. The decorator passes it.
    :param operation: the operation's name, such as ``create_tag``.
    :param kwargs: whatever :class:`~postboost_provider.operators.api.PostBoostOperator` takes but ``body``.
    :xcom return_value: (Any) the response, or what ``result`` picks from it.
    :raises PostBoostConfigError: when the DAG is parsed: there is no such operation, or none is named.
    """
    if operation is None:
        raise PostBoostConfigError('Name the operation: @task.postboost(operation="create_tag").')
    if "body" in kwargs:
        raise PostBoostConfigError("@task.postboost takes no body: return it from the function.")
    # Here as well, for mapped tasks are not made before they run.
    from postboost_provider.api.operations import get_operation

    get_operation(operation)
    # Airflow would infer it from what the function returns, which is the body and not the answer.
    kwargs.setdefault("multiple_outputs", False)
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=_PostBoostDecoratedOperator,
        operation=operation,
        **kwargs,
    )
