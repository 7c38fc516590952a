"""Whether and when a failed task is retried."""

from __future__ import annotations

import importlib
import inspect
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction

from postboost_provider.api import errors
from postboost_provider.api.errors import RETRYABLE, PostBoostConfigError, PostBoostError, UnconfirmedError
from postboost_provider.get_provider_info import get_provider_info
from postboost_provider.operators.post_actions import PostBoostRetryPostOperator
from postboost_provider.retry_policy import (
    PostBoostFailException,
    PostBoostRetryPolicy,
    RetryPolicyMixin,
    failing_fast,
)
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection

TASKS = sorted(
    (
        found
        for kind in ("operators", "sensors")
        for entry in get_provider_info()[kind]
        for module in entry["python-modules"]
        for found in vars(importlib.import_module(module)).values()
        if inspect.isclass(found) and issubclass(found, BaseOperator) and found.__module__ == module
    ),
    key=lambda found: found.__name__,
)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def no_chance(mocker: Any) -> None:
    mocker.patch("postboost_provider.retry_policy.random.random", return_value=0.5)


def make(kind: type[BaseOperator], **options: Any) -> Any:
    """Make a task of a connection that does not exist, with some text for every argument that it needs."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("postboost_provider.")]
    parameters = [p for base in ours for p in inspect.signature(base).parameters.values()]
    needed = [p.name for p in parameters if p.default is p.empty]
    arguments = {name: "x" for name in needed if name not in ("args", "kwargs")}
    if "operation" in arguments:
        arguments["operation"] = "list_tags"
    return kind(**arguments, task_id="t", **{"postboost_conn_id": "missing", **options})


def error(name: str, **options: Any) -> PostBoostError:
    kind = getattr(errors, name)
    status = {"status": 400} if issubclass(kind, errors.PostBoostRequestError) else {}
    made: PostBoostError = kind("what happened", **status, **options)
    return made


def decide(failure: BaseException, try_number: int = 1, **options: Any) -> Any:
    task = SimpleNamespace(retry_delay=options.pop("retry_delay", 2 * MINUTE))
    policy = PostBoostRetryPolicy(**options)
    return policy.evaluate(failure, try_number, 5, {"task": task})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.__name__)
def test_every_operator_and_sensor_has_the_policy_and_takes_another(kind: type[BaseOperator]) -> None:
    other = ExceptionRetryPolicy(rules=[])
    assert issubclass(kind, RetryPolicyMixin)
    assert type(make(kind).retry_policy) is PostBoostRetryPolicy
    assert make(kind, retry_policy=other).retry_policy is other
    with DAG("d", schedule=None, default_args={"retry_policy": other}):
        assert make(kind).retry_policy is other


@pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.__name__)
def test_every_operator_and_sensor_fails_at_once_if_no_retry_helps(kind: type[BaseOperator]) -> None:
    with pytest.raises(PostBoostFailException) as caught:
        make(kind).execute(context())
    assert isinstance(caught.value.error, PostBoostError)
    with pytest.raises(PostBoostError):
        make(kind, retry_policy=ExceptionRetryPolicy(rules=[])).execute(context())


def test_without_retry_policies_a_task_has_none_and_still_fails_at_once(mocker: Any) -> None:
    mocker.patch("postboost_provider.retry_policy.HAS_RETRY_POLICIES", False)
    task = make(PostBoostRetryPostOperator)
    assert task.retry_policy is None
    with pytest.raises(PostBoostFailException, match="'missing'"):
        task.execute(context())


def test_a_mapped_task_has_the_policy_when_it_runs() -> None:
    with DAG("d", schedule=None):
        mapped = PostBoostRetryPostOperator.partial(task_id="t").expand(post_uuid=["a"])
    assert type(mapped.unmap({"post_uuid": "a"}).retry_policy) is PostBoostRetryPolicy


# It is not tried again, either: its task is skipped.
FATAL = set(errors.__all__) - {error.__name__ for error in RETRYABLE} - {"ModeError"}


@pytest.mark.parametrize("name", sorted(FATAL))
def test_an_error_that_no_retry_can_fix_is_not_retried(name: str) -> None:
    decision = decide(error(name))
    assert decision.action == RetryAction.FAIL
    assert name in decision.reason
    with pytest.raises(PostBoostFailException, match="what happened"), failing_fast(make(TASKS[0])):
        raise error(name)


@pytest.mark.parametrize("policy", [None, ExceptionRetryPolicy(rules=[])])
def test_what_the_safety_mode_forbids_skips_the_task(policy: Any) -> None:
    assert decide(error("ModeError")).action == RetryAction.FAIL
    with (
        pytest.raises(AirflowSkipException, match="what happened"),
        failing_fast(make(TASKS[0], retry_policy=policy)),
    ):
        raise error("ModeError")


@pytest.mark.parametrize("name", [e.__name__ for e in RETRYABLE])
def test_an_error_that_a_retry_can_fix_is_retried_with_growing_pauses(name: str) -> None:
    for try_number, minutes in ((1, 2), (2, 4), (3, 8), (6, 60), (5000, 60)):
        decision = decide(error(name), try_number)
        assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, minutes * MINUTE)
    with pytest.raises(type(error(name))), failing_fast(make(TASKS[0])):
        raise error(name)


@pytest.mark.parametrize("name", ["RateLimitedError", "ServerError"])
def test_the_servers_delay_wins_and_a_tenth_keeps_tasks_apart(name: str, mocker: Any) -> None:
    assert decide(error(name, retry_after=0.0)).retry_delay == timedelta(0)
    for chance, seconds in ((0, 7200), (0.5, 7560), (1, 7920)):
        mocker.patch("postboost_provider.retry_policy.random.random", return_value=chance)
        assert decide(error(name, retry_after=7200.0)).retry_delay == timedelta(seconds=seconds)


def test_the_author_can_choose_the_pauses() -> None:
    own = {"first_delay": MINUTE, "longest_delay": 3 * MINUTE}
    assert [decide(error("ServerError"), n, **own).retry_delay / MINUTE for n in (1, 2, 3)] == [1, 2, 3]
    assert decide(error("ServerError"), retry_delay=None).retry_delay == 5 * MINUTE
    assert PostBoostRetryPolicy().evaluate(error("ServerError"), 1, 3).retry_delay == 5 * MINUTE


def test_errors_that_are_not_postboosts_are_left_to_airflow() -> None:
    assert decide(ValueError("x")).action == RetryAction.DEFAULT


def test_a_rate_limit_is_retried_after_the_time_that_the_server_asks_for(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox)
    # Longer than the client waits by itself.
    sandbox.faults({"operation": "*", "kind": "throttle", "retry_after": 1000})
    task = make(PostBoostRetryPostOperator, postboost_conn_id="postboost_default")
    with pytest.raises(errors.RateLimitedError) as caught:
        task.execute(context())
    decision = task.retry_policy.evaluate(caught.value, 1, 3, {"task": task})
    assert decision.retry_delay == timedelta(seconds=1050)
    assert "1000 s" in decision.reason


def test_what_led_to_an_error_is_logged_only_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "postboost_provider.retry_policy")
    for error in (PostBoostConfigError("hopeless"), UnconfirmedError("perhaps")):
        with pytest.raises((PostBoostFailException, PostBoostError)) as caught, failing_fast(make(TASKS[0])):
            try:
                raise ConnectionError("the line broke")
            except ConnectionError as cause:
                raise error from cause
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert "the line broke" in caplog.text
        caplog.clear()
