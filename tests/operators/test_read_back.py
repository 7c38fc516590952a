"""A task is green only if what was to be changed or deleted is so in PostBoost, whatever its response said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import PostBoostError
from postboost_provider.api.responses import Response
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.billing import PostBoostCancelSubscriptionOperator
from postboost_provider.operators.panel import (
    PostBoostDeleteUserOperator,
    PostBoostUpdateUserOperator,
    PostBoostUpdateWorkspaceOperator,
)
from postboost_provider.operators.post_actions import (
    PostBoostDeletePostOperator,
    PostBoostRetryPostOperator,
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client, make_key, posts

NOBODY = "00000000-0000-0000-0000-000000000000"
AT = "2031-05-04T09:30+00:00"


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Sandbox:
    sandbox.reset()
    use_connection(monkeypatch, sandbox)
    return sandbox


def pretend(mocker: Any, *operations: str, answer: Any = None) -> None:
    """Let a server in between report success of these operations, and do nothing."""
    real = PostBoostClient.send

    def send(self: PostBoostClient, operation: str, **call: Any) -> Response:
        if operation in operations:
            return Response(answer or {"success": True}, 200)
        return real(self, operation, **call)

    mocker.patch.object(PostBoostClient, "send", send)
    mocker.patch.object(PostBoostClient, "call", lambda self, name, **call: send(self, name, **call).payload)


@contextmanager
def failing(code: str) -> Iterator[None]:
    with pytest.raises((PostBoostError, PostBoostFailException)) as caught:
        yield
    error: Any = caught.value
    assert getattr(error, "error", error).code == code


def make_post(sandbox: Sandbox, **body: Any) -> str:
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
    with client(sandbox) as api:
        made = api.call("create_post", body={"versions": versions, "accounts": [1], **body})
    return str(made["uuid"])


def run(operator: Any) -> Any:
    return operator.execute(context())


@pytest.mark.parametrize("status", [404, 403])
def test_nothing_was_deleted_in_a_workspace_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, status: int
) -> None:
    sandbox.reset(unknown_workspace=status)
    uuid = make_post(sandbox)
    use_connection(monkeypatch, sandbox, workspace_uuid=NOBODY)
    with pytest.raises(PostBoostFailException) as caught:
        run(PostBoostDeletePostOperator(task_id="a", post_uuids=uuid))
    if status == 404:
        assert (caught.value.error.code, caught.value.error.field) == ("unknown_workspace", "workspace_uuid")
    assert [post["trashed"] for post in posts(sandbox)] == [False]


def test_a_post_that_is_gone_is_deleted(sandbox: Sandbox) -> None:
    assert run(PostBoostDeletePostOperator(task_id="a", post_uuids=NOBODY)) == []


@pytest.mark.parametrize("trash", [True, False])
def test_a_deletion_that_did_not_happen_fails(sandbox: Sandbox, mocker: Any, trash: bool) -> None:
    uuid = make_post(sandbox)
    pretend(mocker, "delete_post", answer={"deleted": True})
    with failing("not_deleted"):
        run(PostBoostDeletePostOperator(task_id="a", post_uuids=uuid, trash=trash))


def test_a_key_that_may_not_read_can_delete(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    uuid = make_post(sandbox)
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    assert run(PostBoostDeletePostOperator(task_id="a", post_uuids=uuid)) == [uuid]
    assert [post["trashed"] for post in posts(sandbox)] == [True]


@pytest.mark.parametrize("how", ["at", "now", "queue"])
def test_an_action_that_did_not_happen_fails(sandbox: Sandbox, mocker: Any, how: Any) -> None:
    uuid = make_post(sandbox)
    pretend(mocker, "schedule_post", "add_post_to_queue")
    with failing("differs"):
        run(PostBoostSchedulePostOperator(task_id="a", post_uuid=uuid, how=how, publish_at=AT))


@pytest.mark.parametrize("changes", [{"text": "Goodbye"}, {"accounts": [1, 2]}])
def test_an_update_that_did_not_happen_fails(sandbox: Sandbox, mocker: Any, changes: dict[str, Any]) -> None:
    uuid = make_post(sandbox)
    pretend(mocker, "update_post")
    with failing("not_changed"):
        run(PostBoostUpdatePostOperator(task_id="a", post_uuid=uuid, changes=changes))


def test_a_text_that_postboost_trims_is_changed(sandbox: Sandbox) -> None:
    sandbox.reset(text_processing="trim")
    uuid = make_post(sandbox)
    for text in (" Goodbye ", "Goodbye  "):
        done = run(PostBoostUpdatePostOperator(task_id="a", post_uuid=uuid, changes={"text": text}))
        assert done["uuid"] == uuid


@pytest.mark.parametrize("how", ["at", "now", "queue"])
def test_an_action_that_another_attempt_has_just_done_is_done(
    sandbox: Sandbox, mocker: Any, how: Any
) -> None:
    uuid = make_post(sandbox)
    operator = PostBoostSchedulePostOperator(task_id="a", post_uuid=uuid, how=how, publish_at=AT)
    from postboost_provider.publishing import actions

    real = actions.perform_action

    def lose(api: Any, actor: Any, *args: Any, **options: Any) -> None:
        real(api, actor, *args, **options)
        sandbox.advance(60)
        from dataclasses import replace

        # As if the log did not have the first request yet: PostBoost refuses, or does it again.
        real(api, replace(actor, identity=(*actor.identity, "late")), *args, **options)

    mocker.patch.object(actions, "perform_action", lose)
    assert run(operator)["status"] in ("scheduled", "publishing", "published")


def test_a_retry_of_an_account_that_another_attempt_has_sent_is_sent(sandbox: Sandbox, mocker: Any) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = make_post(sandbox, schedule_now=True)
    sandbox.advance(60)
    from dataclasses import replace

    from postboost_provider.publishing import actions

    real = actions.perform_action

    def lose(api: Any, actor: Any, *args: Any, **options: Any) -> None:
        real(api, actor, *args, **options)
        real(api, replace(actor, identity=(*actor.identity, "late")), *args, **options)

    mocker.patch.object(actions, "perform_action", lose)
    assert len(run(PostBoostRetryPostOperator(task_id="a", post_uuid=uuid))) == 1


def operation(name: str, **given: Any) -> Any:
    return run(PostBoostOperator(task_id="a", operation=name, **given))


def test_a_mention_that_does_not_exist_is_deleted(sandbox: Sandbox) -> None:
    """PostBoost documents ``success: false`` for it."""
    assert operation("delete_mention", parameters={"mention_id": NOBODY})["success"] is False


def test_a_mention_of_a_workspace_that_does_not_exist_is_not(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, workspace_uuid=NOBODY)
    with pytest.raises(PostBoostFailException):
        operation("delete_mention", parameters={"mention_id": NOBODY})


def test_a_mention_that_was_not_deleted_fails(sandbox: Sandbox, mocker: Any) -> None:
    made = operation("create_mention", body={"name": "Ada", "identities": []})
    mention_id = made["data"]["id"]
    pretend(mocker, "delete_mention")
    with failing("not_deleted"):
        operation("delete_mention", parameters={"mention_id": mention_id})


def test_operations_that_change_nothing_fail(sandbox: Sandbox, mocker: Any) -> None:
    tag = operation("create_tag", body={"name": "autumn", "hex_color": "#f59e0b"})
    changed = {"name": "winter", "hex_color": "#000000"}
    operation("update_tag", parameters={"tag_uuid": tag["uuid"]}, body={**changed, "name": "Autumn "})
    pretend(mocker, "update_tag", "delete_tag")
    with failing("not_changed"):
        operation("update_tag", parameters={"tag_uuid": tag["uuid"]}, body=changed)
    with failing("not_deleted"):
        operation("delete_tag", parameters={"tag_uuid": tag["uuid"]})


def test_a_webhook_that_is_still_listed_was_not_deleted(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> None:
    use_connection(monkeypatch, sandbox, "admin")
    body = {"callback_url": "http://127.0.0.1:9/hook", "events": ["post.published"]}
    made = operation("create_webhook_subscription", body=body, secret_sink=lambda secret, rest: None)
    pretend(mocker, "delete_webhook_subscription")
    with failing("not_deleted"):
        operation(
            "delete_webhook_subscription",
            parameters={"subscription_uuid": made["data"].get("uuid") or made["data"]["id"]},
        )


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> dict[str, Any]:
    use_connection(monkeypatch, sandbox, "admin")
    with client(sandbox, "admin") as api:
        secret = {"password": "correct horse", "password_confirmation": "correct horse"}
        body = {"name": "Ada", "email": "ada@example.com", "is_admin": False, **secret}
        return dict(api.call("create_user", body=body))


def test_changes_in_the_panel_that_did_not_happen_fail(
    sandbox: Sandbox, admin: dict[str, Any], mocker: Any
) -> None:
    pretend(mocker, "update_user", "delete_user", "update_workspace")
    workspace = sandbox.workspaces[0]["uuid"]
    email = "ada@example.com"
    for operator, code in (
        (PostBoostUpdateUserOperator(task_id="a", user=email, changes={"name": "Eve"}), "not_changed"),
        (PostBoostDeleteUserOperator(task_id="a", user=email, confirm_name="Ada"), "not_deleted"),
        (
            PostBoostUpdateWorkspaceOperator(task_id="a", workspace_uuid=workspace, changes={"name": "New"}),
            "not_changed",
        ),
    ):
        with failing(code):
            run(operator)


def test_a_subscription_that_was_not_canceled_fails(
    sandbox: Sandbox, admin: dict[str, Any], mocker: Any
) -> None:
    workspace = sandbox.workspaces[0]["uuid"]
    pretend(mocker, "cancel_subscription")
    mocker.patch(
        "postboost_provider.services.panel.billing.find_subscription",
        return_value={"status": "active", "ends_at": None},
    )
    with failing("not_changed"):
        run(PostBoostCancelSubscriptionOperator(task_id="a", workspace_uuid=workspace, immediately=False))
