"""Whether and when a failed task is retried.

On Airflow 3.3 or newer, which has retry policies, every operator and sensor uses ``PostBoostRetryPolicy`` unless the DAG
sets another one. On older versions, an error that is not retryable becomes an ``AirflowFailException``.
"""

from __future__ import annotations

import logging
import random
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from postboost_provider.api.errors import ModeError, PostBoostConfigError, PostBoostError, is_retryable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import BaseOperator, Context
    from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

else:
    try:
        from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
    except ImportError:
        RetryPolicy = object

log = logging.getLogger(__name__)

HAS_RETRY_POLICIES = RetryPolicy is not object

DEFAULT_FIRST_DELAY = timedelta(minutes=5)


class PostBoostRetryPolicy(RetryPolicy):
    """Retry errors that a retry can fix, and fail at once for all others.

    The default of every operator and sensor of this package on Airflow 3.3 or newer. It decides after the client has
    given up, which itself retries for up to five minutes where that is safe. The task's ``retries`` are the limit.

    - An error that is not retryable (an expired token, a refused post, a quota that is used up): no retry.
    - A 429 or a 5xx with a ``Retry-After``: after that time, plus up to a tenth of it.
    - Any other error that a retry can fix: after ``first_delay``, then twice as long each time up to ``longest_delay``,
      each time up to a quarter less or more, to spread tasks that failed together.
    - Errors that are not PostBoost's: as without a policy.

    :param first_delay: the pause before the first retry. Without it, the task's ``retry_delay``.
    :param longest_delay: the longest pause. What the server asks for may be longer.
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
            return RetryDecision.fail(f"{kind}: not retryable.")
        if (seconds := getattr(exception, "retry_after", None)) is not None:
            delay = timedelta(seconds=seconds * (1 + random.random() / 10))
            return RetryDecision.retry(delay, f"{kind}: PostBoost asks for {seconds:g} s.")
        first = self.first_delay or getattr((context or {}).get("task"), "retry_delay", None)
        first = first if isinstance(first, timedelta) else DEFAULT_FIRST_DELAY
        delay = min(first * 2 ** min(max(try_number, 1) - 1, 20), self.longest_delay)
        return RetryDecision.retry(
            delay * (0.75 + random.random() / 2), f"{kind}: a later attempt can succeed."
        )


class RetryPolicyMixin:
    """Set ``PostBoostRetryPolicy`` on a task unless its author chose another policy. Every operator and sensor uses it.

    Name it before Airflow's class: ``class PostBoostThingOperator(RetryPolicyMixin, BaseOperator)``.
    """

    retry_policy: RetryPolicy | None

    if TYPE_CHECKING:

        @property
        def output(self) -> Any:
            """Any value: to Airflow's types, ``publish.output["uuid"]`` has no ``[]`` and is no text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Not as the default of an argument, which would take precedence over the DAG's default_args.
        if HAS_RETRY_POLICIES and self.retry_policy is None:
            self.retry_policy = PostBoostRetryPolicy()


class PostBoostFailException(AirflowFailException):
    """The task failed with an error that is not retryable.

    :param error: the error that failed it, with its ``code`` and ``field``.
    """

    def __init__(self, error: PostBoostError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def failing_fast(task: BaseOperator | RetryPolicyMixin) -> Iterator[None]:
    """Fail the task without retries for a PostBoost error that is not retryable.

    What the safety mode forbids skips the task, and with it the tasks that need its result.

    A retry policy that the author set gets the error itself and decides. The task's log has the message once, without the
    errors that led to it: those are logged at debug level.
    """
    try:
        _refuse_nothing(task)
        yield
    except ModeError as error:
        raise AirflowSkipException(str(error)) from None
    except PostBoostError as error:
        if error.__cause__ or error.__context__:
            log.debug("What led to the error", exc_info=error)
        if is_retryable(error) or _decides_itself(task):
            raise error from None
        raise PostBoostFailException(error) from None


def _refuse_nothing(task: BaseOperator | RetryPolicyMixin) -> None:
    """Refuse a templated argument that was rendered from None: its text would be taken for a name."""
    from postboost_provider.api.arguments import NOTHING

    allowed = getattr(task, "may_be_nothing", ())
    for name in getattr(task, "template_fields", ()):
        value = getattr(task, name, None)
        if name not in allowed and isinstance(value, str) and value.strip() in NOTHING:
            raise PostBoostConfigError(
                f"{name} is {value!r}, which a template renders for a missing value. Write {{{{ ... or '' }}}}, or leave "
                f"{name} out.",
                code="rendered_from_nothing",
                field=name,
            )


def _decides_itself(task: BaseOperator | RetryPolicyMixin) -> bool:
    policy = getattr(task, "retry_policy", None)
    return policy is not None and type(policy) is not PostBoostRetryPolicy
