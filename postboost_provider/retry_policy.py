"""What a task does about retries: none for what no retry can mend, and for the rest in its time.

Where Airflow has retry policies (3.3 or newer), every operator and sensor has one by default, and a policy of the DAG's
own takes its place. Elsewhere what no retry can mend is Airflow's ``AirflowFailException``.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
    RateLimitedError,
    ServerError,
    is_retryable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import BaseOperator, Context
    from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

    HAS_RETRY_POLICIES = True
else:
    try:
        from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

        HAS_RETRY_POLICIES = True
    except ImportError:
        RetryPolicy, HAS_RETRY_POLICIES = object, False

DEFAULT_FIRST_DELAY = timedelta(minutes=5)


class PostBoostRetryPolicy(RetryPolicy):
    """Retry what a retry can mend, when it can; fail at once for the rest.

    The default of every operator and sensor of this package on Airflow 3.3 or newer. It is consulted after the client
    gave up, which repeats by itself for up to five minutes what is safe to repeat. ``retries`` of the task is the most
    that it can give.

    - What no retry can mend (a dead token, a refused post, a used up allowance): no retry.
    - A throttle or a 5xx with a ``Retry-After``: after that time, and up to a tenth more.
    - Anything else that a retry can mend: after ``first_delay``, then twice as long each time up to ``longest_delay``;
      a quarter less or more, so that tasks which failed together do not come back together.
    - Errors that are not PostBoost's: as if there were no policy.

    :param first_delay: default: the task's ``retry_delay``.
    :param longest_delay: default one hour. What the server asks for can be longer.
    """

    def __init__(
        self, *, first_delay: timedelta | None = None, longest_delay: timedelta = timedelta(hours=1)
    ) -> None:
        self.first_delay = first_delay
        self.longest_delay = longest_delay

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        if not isinstance(exception, PostBoostError):
            return RetryDecision.default()
        kind = type(exception).__name__
        if not is_retryable(exception):
            return RetryDecision.fail(f"{kind}: no retry can mend it.")
        if isinstance(exception, (RateLimitedError, ServerError)) and exception.retry_after is not None:
            delay = timedelta(seconds=exception.retry_after * (1 + random.random() / 10))
            return RetryDecision.retry(delay, f"{kind}: PostBoost asks for {exception.retry_after:g} s.")
        delay = min(self._first_delay(context) * 2 ** min(max(try_number, 1) - 1, 20), self.longest_delay)
        return RetryDecision.retry(delay * (0.75 + random.random() / 2), f"{kind}: a later try can succeed.")

    def _first_delay(self, context: Context | None) -> timedelta:
        own = self.first_delay or getattr((context or {}).get("task"), "retry_delay", None)
        return own if isinstance(own, timedelta) else DEFAULT_FIRST_DELAY


class RetryPolicyMixin:
    """Give a task ``PostBoostRetryPolicy`` unless its author chose another policy. Every operator and sensor has it.

    It goes before Airflow's class: ``class PostBoostThingOperator(RetryPolicyMixin, BaseOperator)``.
    """

    retry_policy: RetryPolicy | None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Not by a default of the argument: that would win over the DAG's default_args.
        if HAS_RETRY_POLICIES and self.retry_policy is None:
            self.retry_policy = PostBoostRetryPolicy()


@contextmanager
def failing_fast(task: BaseOperator | RetryPolicyMixin) -> Iterator[None]:
    """Fail the task without retries for an error of PostBoost's that no retry can mend.

    A retry policy of the author's own gets to see the error itself, and decides.
    """
    try:
        _refuse_nothing(task)
        yield
    except PostBoostError as error:
        if is_retryable(error) or _decides_itself(task):
            raise
        raise AirflowFailException(str(error)) from error


def _refuse_nothing(task: BaseOperator | RetryPolicyMixin) -> None:
    """Refuse a templated argument that was rendered from nothing: taken for what it says, it would name a thing."""
    from postboost_provider.api.arguments import NOTHING

    for name in getattr(task, "template_fields", ()):
        value = getattr(task, name, None)
        may_be = name in getattr(task, "may_be_nothing", ())
        if not may_be and isinstance(value, str) and value.strip() in NOTHING:
            raise PostBoostConfigError(
                f"{name} is {value!r}, which is what a template makes of nothing. Write {{{{ ... or '' }}}} there, or leave "
                "it out.",
                code="rendered_from_nothing",
                field=name,
            )


def _decides_itself(task: BaseOperator | RetryPolicyMixin) -> bool:
    policy = getattr(task, "retry_policy", None)
    return policy is not None and type(policy) is not PostBoostRetryPolicy
