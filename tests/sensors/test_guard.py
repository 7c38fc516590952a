"""``token_guard``: before every task of a DAG, wherever its root tasks are."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, setup, task, teardown

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor
from postboost_provider.sensors.guard import _GuardOptions, token_guard


def make_dag() -> DAG:
    with DAG("d", schedule=None) as dag:
        EmptyOperator(task_id="alone")
        EmptyOperator(task_id="first") >> EmptyOperator(task_id="second")
        with TaskGroup("outer"), TaskGroup("inner"):
            EmptyOperator(task_id="deep") >> EmptyOperator(task_id="deeper")
        EmptyOperator.partial(task_id="mapped").expand(doc=["a", "b"])

        @setup
        def make() -> None: ...

        @task
        def use() -> None: ...

        @teardown
        def remove() -> None: ...

        make() >> use() >> remove()

        @teardown
        def lonely() -> None: ...

        lonely()
    return dag


def test_it_is_in_front_of_every_root_and_of_nothing_else() -> None:
    dag = make_dag()
    guard = token_guard(dag, min_validity=timedelta(days=14))
    assert guard.downstream_task_ids == {"alone", "first", "outer.inner.deep", "mapped", "make"}
    assert {task.task_id for task in dag.roots} == {"token_guard", "lonely"}
    assert (guard.min_validity, guard.task_group) == (timedelta(days=14), dag.task_group)
    dag.check_cycle()


def test_called_again_it_takes_in_what_was_added_and_changes_nothing_else() -> None:
    dag = make_dag()
    guard = token_guard(dag, min_validity=timedelta(days=14))
    before = set(guard.downstream_task_ids)
    EmptyOperator(task_id="late", dag=dag)
    assert token_guard(dag, min_validity=timedelta(days=14)) is guard
    assert token_guard(dag) is guard
    assert guard.downstream_task_ids == {*before, "late"}
    with pytest.raises(PostBoostConfigError) as caught:
        token_guard(dag, min_validity=timedelta(days=7))
    assert caught.value.code == "other_options"


def test_two_guards_stand_one_before_the_other() -> None:
    dag = make_dag()
    first, second = token_guard(dag), token_guard(dag, task_id="also", postboost_conn_id="other")
    assert second.downstream_task_ids == {first.task_id}


def test_within_a_task_group_of_another_dag_it_still_is_in_its_own() -> None:
    dag = make_dag()
    with DAG("other", schedule=None) as other, TaskGroup("group"):
        guard = token_guard(dag)
    assert (guard.task_id, guard.dag) == ("token_guard", dag)
    assert other.task_ids == []


@pytest.mark.parametrize(
    ("rule", "on_expiring", "refused"),
    [
        ("all_done", "fail", True),
        ("always", "fail", True),
        ("one_failed", "fail", True),
        ("none_failed", "fail", False),
        ("none_failed", "skip", True),
        ("one_success", "skip", False),
    ],
)
def test_a_root_that_would_not_stop_for_it_is_one_clear_error(
    rule: str, on_expiring: Any, refused: bool
) -> None:
    with DAG("d", schedule=None) as dag:
        EmptyOperator(task_id="root", trigger_rule=rule)
    if refused:
        with pytest.raises(PostBoostConfigError, match="'root'") as caught:
            token_guard(dag, on_expiring=on_expiring)
        assert (caught.value.code, caught.value.field) == ("runs_anyway", "trigger_rule")
    else:
        assert token_guard(dag, on_expiring=on_expiring).downstream_task_ids == {"root"}


def test_a_task_of_that_name_is_not_taken_for_a_guard() -> None:
    with DAG("d", schedule=None) as dag:
        EmptyOperator(task_id="token_guard")
    with pytest.raises(PostBoostConfigError) as caught:
        token_guard(dag)
    assert (caught.value.code, caught.value.field) == ("task_id_taken", "task_id")


def test_a_sensor_of_that_name_is_taken_when_no_options_are_given() -> None:
    dag = make_dag()
    mine = PostBoostTokenExpirySensor(task_id="token_guard", dag=dag)
    assert token_guard(dag) is mine
    with pytest.raises(PostBoostConfigError) as caught:
        token_guard(dag, min_validity=timedelta(days=7))
    assert caught.value.code == "other_options"


def test_its_options_are_arguments_of_the_sensor() -> None:
    shown = [inspect.signature(kind.__init__).parameters for kind in PostBoostTokenExpirySensor.__mro__[:-1]]
    options = {name: each.__forward_arg__ for name, each in _GuardOptions.__annotations__.items()}
    assert options.keys() <= {name for parameters in shown for name in parameters}
    own = {
        name: each.annotation
        for name, each in shown[0].items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert "admin_conn_id" in own
    assert own.items() <= options.items()
