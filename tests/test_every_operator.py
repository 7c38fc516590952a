"""What holds for every operator: arguments are checked first, and a DAG's default_args apply."""

from __future__ import annotations

import importlib
import inspect
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from postboost_provider.get_provider_info import get_provider_info
from tests.airflow_stubs import context
from tests.failures import fails

OPERATORS: dict[str, type[BaseOperator]] = {
    name: found
    for entry in get_provider_info()["operators"]
    for module in entry["python-modules"]
    for name, found in vars(importlib.import_module(module)).items()
    if inspect.isclass(found) and issubclass(found, BaseOperator) and found.__module__ == module
}
WORKSPACE = {"workspace_uuid": "w"}
RECEIPT = {**WORKSPACE, "invoice_number": "1", "transaction_id": "1", "amount": 1, "currency": "EUR"}
PERIOD = {"date_from": "2026-10-01", "date_to": "2026-10-02"}
# The class without its prefix and suffix, the argument that is wrong, and the arguments.
WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("", "body", {"operation": "create_tag", "body": ["x"]}),
    ("", "parameters", {"operation": "create_tag", "parameters": "x"}),
    ("AddMember", "role", {**WORKSPACE, "user": 1, "role": "owner"}),
    ("AddMember", "user", {**WORKSPACE, "user": "max"}),
    ("AnalyticsToStorage", "kind", {"kind": "x", "path": "x", **PERIOD}),
    ("AnalyticsToStorage", "path", {"kind": "posts", "path": " ", **PERIOD}),
    ("ApprovePost", "on_late", {"post_uuid": "p", "on_late": "later"}),
    ("ApprovePost", "publish_at", {"post_uuid": "p", "publish_at": "soon"}),
    ("CancelSubscription", "workspace_uuid", {"workspace_uuid": "None"}),
    ("ChangeSubscription", "changes", {**WORKSPACE, "changes": {"plan": 3}}),
    ("ChangeSubscription", "cycle", {**WORKSPACE, "changes": {"plan_id": 3}}),
    ("CreatePost", "on_partial", {"text": "x", "accounts": 1, "on_partial": "x"}),
    ("CreatePost", "publish", {"text": "x", "accounts": 1, "publish": "later"}),
    ("CreatePost", "post_key", {"text": "x", "accounts": 1, "post_key": " "}),
    ("CreatePost", "timeout", {"text": "x", "accounts": 1, "timeout": -1}),
    ("CreateReceipt", "if_exists", {**RECEIPT, "paid_at": "2026-10-01", "if_exists": "x"}),
    ("CreateReceipt", "paid_at", {**RECEIPT, "paid_at": "Oct 1"}),
    ("CreateSubscription", "plan_id", {**WORKSPACE}),
    ("CreateSubscription", "if_exists", {**WORKSPACE, "plan_id": 3, "if_exists": "update"}),
    ("CreateUser", "if_exists", {"user_email": "a@b.example", "name": "A", "if_exists": "x"}),
    ("CreateUser", "user_email", {"user_email": "olga", "name": "A"}),
    ("CreateWorkspace", "access_status", {"name": "A", "access_status": "free"}),
    ("CreateWorkspace", "workspace_owner", {"name": "A", "workspace_owner": "ada"}),
    ("DeletePost", "delete_mode", {"post_uuids": "p", "delete_mode": "all"}),
    ("DeletePost", "post_uuids", {"post_uuids": "p, q"}),
    ("DeleteUser", "user", {"user": "olga", "confirm_name": "x"}),
    ("DeleteWorkspace", "confirm_name", {**WORKSPACE, "confirm_name": ""}),
    ("PublishCalendar", "on_past", {"rows": [], "on_past": "later"}),
    ("PublishCalendar", "requests_per_minute", {"rows": [], "requests_per_minute": 0}),
    ("PublishCalendar", "rows", {"rows": "/nowhere/calendar.csv"}),
    ("PublishCalendar", "window", {"rows": [], "window": timedelta(0)}),
    ("RemoveMember", "user", {**WORKSPACE, "user": "max"}),
    ("Report", "dataset", {"path": "x", "dataset": "tags"}),
    ("Report", "period", {"path": "x", "period": "this_week", **PERIOD}),
    ("Repurpose", "on_partial", {"text": "x", "on_partial": "skip"}),
    ("Repurpose", "options", {"text": "x", "options": "x"}),
    ("ResumeSubscription", "workspace_uuid", {"workspace_uuid": "None"}),
    ("RetryPost", "timeout", {"post_uuid": "p", "timeout": "60"}),
    ("RotateKey", "admin_conn_id", {"admin_conn_id": "missing"}),
    ("RotateToken", "rotate_when_less_than", {"rotate_when_less_than": 14}),
    ("SchedulePost", "how", {"post_uuid": "p", "how": "soon"}),
    ("SchedulePost", "publish_at", {"post_uuid": "p"}),
    ("UpdatePost", "changes", {"post_uuid": "p", "changes": {}}),
    ("UpdateUser", "changes", {"user": 1}),
    ("UpdateWorkspace", "changes", {**WORKSPACE, "changes": {"nmae": 1}}),
    ("UploadMedia", "alt_text", {"media": "a.png", "alt_text": ["One", "Two"]}),
    ("UploadMedia", "media", {"media": "gone.png"}),
]


def class_of(name: str) -> type[BaseOperator]:
    return OPERATORS[f"PostBoost{name}Operator"]


@pytest.mark.parametrize(("name", "field", "arguments"), WRONG)
def test_a_wrong_argument_is_named_before_a_connection_is_read(
    name: str, field: str, arguments: dict[str, Any]
) -> None:
    task = class_of(name)(task_id="t", postboost_conn_id="missing", **arguments)
    with fails(field=field):
        task.execute(context())  # type: ignore[arg-type]


def test_there_is_a_wrong_argument_for_every_operator() -> None:
    assert {class_of(name) for name, _, _ in WRONG} == set(OPERATORS.values())


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in WRONG))
def test_the_connection_of_default_args_is_taken(name: str) -> None:
    arguments = next(arguments for each, _, arguments in WRONG if each == name)
    task: Any = class_of(name)(task_id="t", default_args={"postboost_conn_id": "client-b"}, **arguments)
    assert task.postboost_conn_id == "client-b"


def test_only_the_operators_that_ask_a_person_need_airflows_hitl_operator() -> None:
    folder = Path(importlib.import_module("postboost_provider.operators").__path__[0])
    importing = {path.stem for path in folder.glob("*.py") if "airflow_support.hitl" in path.read_text()}
    assert importing == {"approval", "tokens"}
