"""An attempt whose action another one has done meanwhile reads the post again before it fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    OvertakenError,
    PublishError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.idempotency.identity import Actor
from postboost_provider.publishing import actions
from postboost_provider.publishing.change_fields import change_fields
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client
from tests.publishing.support import body

ACTOR = Actor("dag.act~e04ded12", ("task", "dag", "run", "act", "", ""))
AT = (datetime.now(UTC) + timedelta(days=3)).replace(second=0, microsecond=0)


@pytest.fixture
def admin(sandbox: Sandbox, mocker: Any) -> Iterator[PostBoostClient]:
    mocker.patch("postboost_provider.api.client.time.sleep")
    with client(sandbox, "admin") as api:
        yield api


def refuse_after(mocker: Any, api: PostBoostClient, operation: str, other: Any) -> None:
    """Let another attempt do it just before the request, which is refused then."""
    send = api.send

    def late(name: str, **rest: Any) -> Any:
        if name == operation:
            other()
            raise ValidationError("The post can't be changed any more.", status=422)
        return send(name, **rest)

    mocker.patch.object(api, "send", late)


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("how", ["now", "at", "queue", "approve"])
def test_an_action_that_another_attempt_has_done_is_done(
    sandbox: Sandbox, admin: PostBoostClient, mocker: Any, how: str, is_done: bool
) -> None:
    if how == "approve":
        sandbox.change(approval_required_for=("member",))
    with client(sandbox) as member:
        content = body() if how == "approve" else body(schedule=False)
        uuid = str(member.call("create_post", body=content)["uuid"])
    where = {"post_uuid": uuid}
    day, minute = f"{AT:%Y-%m-%d}", f"{AT:%H:%M}"
    other, operation = {
        "now": (
            lambda: admin.call("schedule_post", parameters=where, body={"postNow": True}),
            "schedule_post",
        ),
        "at": (
            lambda: admin.call(
                "schedule_post",
                parameters=where,
                body={"postNow": False, "date": day, "time": minute, "timezone": "UTC"},
            ),
            "schedule_post",
        ),
        "queue": (lambda: admin.call("add_post_to_queue", parameters=where, body={}), "add_post_to_queue"),
        "approve": (lambda: admin.call("approve_post", parameters=where, body={}), "approve_post"),
    }[how]
    with client(sandbox, "admin") as api:
        outcome = actions.fetch_outcome(api, uuid)
        refuse_after(mocker, api, operation, other if is_done else lambda: None)
        act = {
            "now": lambda: actions.schedule(api, ACTOR, outcome, None),
            "at": lambda: actions.schedule(api, ACTOR, outcome, AT),
            "queue": lambda: actions.queue(api, ACTOR, outcome),
            "approve": lambda: actions.approve(api, ACTOR, outcome),
        }[how]
        if is_done:
            assert act().status in ("scheduled", "publishing")
        else:
            with pytest.raises(ValidationError):
                act()


@pytest.mark.parametrize("is_done", [True, False])
def test_an_account_that_another_attempt_retries_is_retried(
    sandbox: Sandbox, admin: PostBoostClient, mocker: Any, is_done: bool
) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = str(admin.call("create_post", body=body(schedule_now=True))["uuid"])
    sandbox.advance(60)
    with client(sandbox, "admin") as api:
        outcome = actions.fetch_outcome(api, uuid)
        (failed,) = actions.to_retry(outcome)
        where = {"post_uuid": uuid, "account_uuid": failed.uuid}
        retry = lambda: admin.call("retry_post_account", parameters=where)
        refuse_after(mocker, api, "retry_post_account", retry if is_done else lambda: None)
        if is_done:
            assert actions.retry_failed(api, ACTOR, outcome) == failed
        else:
            with pytest.raises(ValidationError):
                actions.retry_failed(api, ACTOR, outcome)


def test_a_time_that_postboost_accepts_and_does_not_keep_fails(
    sandbox: Sandbox, admin: PostBoostClient, mocker: Any
) -> None:
    uuid = str(admin.call("create_post", body=body())["uuid"])
    outcome = actions.fetch_outcome(admin, uuid)
    mocker.patch("postboost_provider.publishing.actions.perform_action")
    with pytest.raises(PublishError, match=uuid) as caught:
        actions.schedule(admin, ACTOR, outcome, AT)
    assert (caught.value.code, caught.value.retryable) == ("differs", True)


@pytest.mark.parametrize("moment", ["before it looked", "before it wrote", "after it wrote"])
def test_a_time_does_not_replace_the_one_that_another_attempt_wrote_meanwhile(
    sandbox: Sandbox, admin: PostBoostClient, mocker: Any, moment: str
) -> None:
    uuid = str(admin.call("create_post", body=body())["uuid"])
    outcome = actions.fetch_outcome(admin, uuid)
    newer = lambda: actions.schedule(
        admin, ACTOR, actions.fetch_outcome(admin, uuid), AT + timedelta(hours=1)
    )
    older = lambda: actions.schedule(admin, ACTOR, outcome, AT)
    if moment == "before it looked":
        newer()
    else:
        act = actions._act

        def late(*args: Any, **rest: Any) -> Any:
            mocker.stop(patch)
            if moment == "before it wrote":
                newer()
            done = act(*args, **rest)
            if moment == "after it wrote":
                newer()
            return done

        patch = mocker.patch.object(actions, "_act", late)
    with pytest.raises(OvertakenError) as caught:
        older()
    assert (caught.value.code, caught.value.retryable) == ("overtaken", True)


@pytest.mark.parametrize(("edit", "is_lost"), [("wait", False), ("schedule", True)])
def test_an_update_never_takes_a_post_out_of_approval_in_silence(
    sandbox: Sandbox, edit: str, is_lost: bool
) -> None:
    sandbox.change(edit_waiting=edit, approval_required_for=("member",))
    with client(sandbox) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])
        change = lambda: change_fields(
            api, ACTOR, actions.fetch(api, uuid), {"text": "Edited"}, edit_waiting=True
        )
        if not is_lost:
            assert change().status == "needs_approval"
            return
        with pytest.raises(PublishError) as caught:
            change()
    assert caught.value.code == "approval_lost"


@pytest.mark.parametrize("junk", [{}, {"uuid": "x"}, [], None], ids=repr)
def test_an_update_does_not_crash_on_a_response_that_is_no_post(
    admin: PostBoostClient, mocker: Any, junk: Any
) -> None:
    mocker.patch.object(admin, "call", return_value=junk)
    with pytest.raises(UnexpectedResponseError):
        change_fields(admin, ACTOR, actions.fetch(admin, "x"), {"text": "Edited"})
