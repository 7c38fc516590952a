"""For every class that runs in Airflow, what it takes to have it talk to PostBoost."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseHook, BaseNotifier, BaseOperator
from airflow.triggers.base import BaseTrigger

import postboost_provider
from postboost_provider.decorators.postboost import postboost_task
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client
from tests.remote_files import PNG

BLOG = "https://northwind.example/blog/how-we-roast.html"
TODAY = datetime.now(UTC).date()
SOON = f"{TODAY + timedelta(days=2)} 09:00"
PERIOD = {"date_from": TODAY - timedelta(days=1), "date_to": TODAY}
AIRFLOW_CLASSES = (BaseOperator, BaseTrigger, BaseHook, BaseNotifier)


def classes() -> dict[str, type[Any]]:
    """Return every class of the package that Airflow runs, except those that others only derive from."""
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(postboost_provider.__path__, "postboost_provider.")
        if ".sandbox" not in found.name and not found.name.endswith("__main__")
    ]
    found = {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, AIRFLOW_CLASSES)
        and value.__module__.startswith("postboost_provider.")
    }
    parents = {base for value in found.values() for base in value.__mro__[1:]}
    return {
        name: value
        for name, value in found.items()
        if name.lstrip("_").startswith("PostBoost") or value not in parents
    }


@dataclass
class World:
    """What the classes act on: it is made in the sandbox when a case asks for it."""

    sandbox: Sandbox
    folder: Path
    token: str = field(default="", repr=False)
    extras: dict[str, Any] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.token = self.sandbox.tokens["admin"]
        self.extras = {"workspace_uuid": self.sandbox.workspaces[0]["uuid"], "expires_on": "never"}

    def store(self, conn_id: str, token: str, extras: Mapping[str, Any]) -> None:
        """Store a connection's new token: a key store."""
        self.token, self.extras = token, dict(extras)
        self.stored.append(token)

    def hold_key(self) -> Any:
        """Have the connection hold a scoped key that is to be rotated."""
        days = {"expires_at": f"{TODAY + timedelta(days=10)}"}
        made = self.call("create_api_key", body={"name": "Blog", "abilities": ["read"], **days})["data"]
        self.token = made["token"]
        self.extras |= {"scoped_key_id": made["id"], "client_label": "blog"}
        del self.extras["expires_on"]

    def hold_ending_token(self) -> Any:
        self.token = self.sandbox.tokens["expiring"]
        self.extras["expires_on"] = f"{TODAY + timedelta(days=3)}"

    def replace_token(self) -> None:
        self.token = self.sandbox.tokens["member"]

    def post(self, **more: Any) -> str:
        content = [{"body": f"Fresh beans {len(self.sandbox.requests())}", "media": []}]
        versions = [{"account_id": 0, "is_original": True, "content": content}]
        with client(self.sandbox, "admin") as api:
            made = api.call("create_post", body={"versions": versions, "accounts": [1, 7], **more})
        return str(made["uuid"])

    def failed_post(self) -> str:
        self.sandbox.faults({"kind": "fail_account", "account_id": 7, "count": 1})
        uuid = self.post(schedule_now=True)
        self.sandbox.advance(600)
        self.sandbox.faults()
        return uuid

    def published_post(self) -> str:
        uuid = self.post(schedule_now=True)
        self.sandbox.advance(600)
        return uuid

    def call(self, operation: str, **call: Any) -> Any:
        with client(self.sandbox, "admin") as api:
            return api.call(operation, **call)

    @cached_property
    def workspace(self) -> str:
        """A workspace with a subscription."""
        made = self.call("create_workspace", body={"name": "Client", "access_status": "subscription"})
        return str(made["uuid"])

    def subscribed(self) -> dict[str, str]:
        where = {"workspace_uuid": self.workspace}
        body = {"platform_subscription_id": "sub_9", "platform_plan_id": "agency", "status": "active"}
        self.call("create_subscription", parameters=where, body=body)
        return where

    def file(self, name: str, content: bytes = PNG) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


RECEIPT = {
    "invoice_number": "1",
    "transaction_id": "1",
    "amount": 10,
    "currency": "EUR",
    "paid_at": f"{TODAY}",
}
ARTICLE = "Coffee is roasted in drums of steel, in small batches. " * 4
CREATE = {"text": "Hello", "accounts": [1, 7]}
WAITING = {"wait_for_completion": True, "deferrable": True, "poll_interval": 1, "timeout": 60}
POKING = {"poke_interval": 0.01, "timeout": 0.1}

# A class without its prefix -> its arguments. Several cases for a class that works in several ways.
Case = Callable[[World], dict[str, Any]]
CASES: dict[str, list[Case]] = {
    "Operator": [
        lambda w: {"operation": "create_tag", "body": {"name": "autumn", "hex_color": "#f59e0b"}},
        lambda w: {"operation": "list_accounts", "all_pages": True},
        lambda w: {
            "operation": "create_api_key",
            "body": {"name": "ci", "abilities": ["read"]},
            "secret_sink": lambda secret, made: None,
        },
    ],
    "DecoratedOperator": [lambda w: {"operation": "create_tag"}],
    "AnalyticsToStorageOperator": [
        lambda w: {"kind": "posts", "path": str(w.folder / "posts.jsonl"), **PERIOD}
    ],
    "ReportOperator": [lambda w: {"path": str(w.folder / "report.pdf"), "period": "this_month"}],
    "CreatePostOperator": [
        lambda w: {**CREATE, "publish": "now"},
        lambda w: {**CREATE, "publish": "now", **WAITING},
        lambda w: {**CREATE, "publish": "draft", "media": [w.file("b.png")], "media_root": str(w.folder)},
    ],
    "SchedulePostOperator": [
        lambda w: {"post_uuid": w.post(), "how": "at", "publish_at": SOON, "timezone": "UTC"}
    ],
    "RetryPostOperator": [lambda w: {"post_uuid": w.failed_post(), "timeout": 1}],
    "UpdatePostOperator": [lambda w: {"post_uuid": w.post(), "changes": {"text": "Other words"}}],
    "DeletePostOperator": [lambda w: {"post_uuids": w.post()}],
    "ApprovePostOperator": [lambda w: {"post_uuid": w.post()}],
    "PublishCalendarOperator": [
        lambda w: {
            "rows": [{"key": "1", "publish_at": SOON, "timezone": "UTC", "accounts": "1", "text": "Row"}],
            "calendar_id": "calendar",
            "window": timedelta(days=400),
        },
    ],
    "UploadMediaOperator": [lambda w: {"media": w.file("a.png"), "alt_text": "A cup"}],
    "RepurposeOperator": [
        lambda w: {"url": BLOG, "accounts": [1], "wait_for_completion": False},
        lambda w: {"text": ARTICLE, "title": "Roasting", "accounts": [1], **WAITING},
    ],
    "CreateWorkspaceOperator": [lambda w: {"name": "New", "workspace_owner": "ada@northwind.example"}],
    "UpdateWorkspaceOperator": [lambda w: {"workspace_uuid": w.workspace, "changes": {"name": "Other"}}],
    "DeleteWorkspaceOperator": [lambda w: {"workspace_uuid": w.workspace, "confirm_name": "Client"}],
    "AddMemberOperator": [
        lambda w: {"workspace_uuid": w.workspace, "user": "max@northwind.example", "role": "member"}
    ],
    "RemoveMemberOperator": [lambda w: {"workspace_uuid": w.workspace, "user": "max@northwind.example"}],
    "CreateUserOperator": [lambda w: {"user_email": "olga@client.example", "name": "Olga"}],
    "UpdateUserOperator": [lambda w: {"user": "max@northwind.example", "changes": {"name": "Maxim"}}],
    "DeleteUserOperator": [lambda w: {"user": "vera@northwind.example", "confirm_name": "Vera Viewer"}],
    "CreateSubscriptionOperator": [
        lambda w: {
            "workspace_uuid": w.workspace,
            "platform_subscription_id": "sub_9",
            "platform_plan_id": "agency",
        }
    ],
    "ChangeSubscriptionOperator": [lambda w: {**w.subscribed(), "changes": {"status": "past_due"}}],
    "CancelSubscriptionOperator": [lambda w: w.subscribed()],
    "ResumeSubscriptionOperator": [lambda w: w.subscribed()],
    "CreateReceiptOperator": [lambda w: {"workspace_uuid": w.workspace, **RECEIPT}],
    "RotateKeyOperator": [
        lambda w: {"admin_conn_id": "admin", "store": w.store, "key": w.hold_key(), "grace": timedelta(0)}
    ],
    "RotateTokenOperator": [lambda w: {"store": w.store, "subject": w.hold_ending_token()}],
    "AccountHealthSensor": [
        lambda w: {"accounts": [1], **POKING},
        lambda w: {"accounts": [1], "deferrable": True, **POKING},
    ],
    "PostSensor": [
        lambda w: {
            "post_uuids": w.published_post(),
        },
        lambda w: {"post_uuids": w.published_post(), "deferrable": True},
    ],
    "TokenExpirySensor": [lambda w: POKING],
    "PostTrigger": [lambda w: {"post_uuids": w.published_post(), "timeout": 60}],
    "AccountHealthTrigger": [lambda w: {"account_ids": [1], "timeout": 60}],
    "RepurposeTrigger": [lambda w: {"run_id": 1, "timeout": 60}],
    "TokenTrigger": [
        lambda w: {"postboost_conn_ids": ["postboost_default"], "poll_interval": 0.01, "timeout": 60}
    ],
    "Hook": [lambda w: {}],
}


def short(name: str) -> str:
    return name.lstrip("_").removeprefix("PostBoost")


def a_tag() -> dict[str, str]:
    return {"name": "autumn", "hex_color": "#f59e0b"}


def make(kind: type[Any], arguments: dict[str, Any]) -> Any:
    """Return the operator, sensor, trigger or hook."""
    if kind.__name__ == "_PostBoostDecoratedOperator":
        with DAG("dag", schedule=None):
            return postboost_task(a_tag, **arguments)().operator
    arguments = {name: value for name, value in arguments.items() if value is not None}
    return kind(**({"task_id": "task"} if issubclass(kind, BaseOperator) else {}), **arguments)
