"""A post that an edit took out of its approval is green in no attempt, whoever looks at it."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import PublishError, UnexpectedResponseError
from postboost_provider.idempotency.identity import Actor
from postboost_provider.publishing import actions
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client
from tests.publishing.support import body, publish

ACTOR = Actor("dag.act~e04ded12", ("task", "dag", "run", "act", "", ""))
NOW: dict[str, Any] = {"mode": "now", "schedule_now": True}


def lost(act: Any) -> None:
    with pytest.raises(PublishError) as caught:
        act()
    assert caught.value.code == "approval_lost"


@pytest.fixture
def losing(sandbox: Sandbox) -> Sandbox:
    sandbox.reset(edit_waiting="schedule", approval_required_for=("member",))
    return sandbox


@pytest.mark.parametrize("later", [0, 86400 * 4], ids=["not published yet", "published"])
@pytest.mark.parametrize("how", [{}, NOW], ids=["schedule", "now"])
def test_no_later_attempt_takes_it_for_done(losing: Sandbox, how: dict[str, Any], later: int) -> None:
    with client(losing) as api:
        publish(api, "One", **how)
        lost(lambda: publish(api, "Two", **how))
        losing.advance(later)
        for text in ("Two", "Three", "One"):
            lost(lambda text=text: publish(api, text, **how))


def test_neither_does_one_that_follows_a_killed_one(losing: Sandbox, mocker: Any) -> None:
    with client(losing) as api:
        uuid = publish(api, "One").post_uuid
        call = api.call

        def fail(operation: str, **rest: Any) -> Any:
            if operation == "get_post" and call(operation, **rest)["status"] != "needs_approval":
                raise KeyboardInterrupt
            return call(operation, **rest)

        mocker.patch.object(api, "call", fail)
        with pytest.raises(KeyboardInterrupt):
            publish(api, "Two")
        mocker.stopall()
        assert api.call("get_post", parameters={"post_uuid": uuid})["status"] == "scheduled"
        lost(lambda: publish(api, "Two"))


def test_an_update_operator_fails_again(losing: Sandbox) -> None:
    with client(losing) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])
        for text in ("Edited", "Edited", "Again"):
            lost(lambda text=text: actions.update(api, ACTOR, actions.fetch(api, uuid), {"text": text}))


@pytest.mark.parametrize("edits", [1, 3])
def test_a_post_that_still_waited_can_be_approved(sandbox: Sandbox, edits: int) -> None:
    sandbox.reset(approval_required_for=("member",))
    with client(sandbox) as api, client(sandbox, "admin") as admin:
        uuid = publish(api, "Text 0").post_uuid
        for number in range(1, edits + 1):
            assert publish(api, f"Text {number}").result == "updated"
        admin.call("approve_post", parameters={"post_uuid": uuid}, body={})
        assert publish(api, f"Text {edits}").result == "adopted"


def test_an_attempt_that_ended_before_it_looked_is_settled_by_the_next(sandbox: Sandbox, mocker: Any) -> None:
    sandbox.reset(approval_required_for=("member",))
    with client(sandbox) as api, client(sandbox, "admin") as admin:
        uuid = publish(api, "One").post_uuid
        mocker.patch("postboost_provider.publishing.update.settle", side_effect=KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            publish(api, "Two")
        mocker.stopall()
        assert publish(api, "Two").result == "adopted"
        admin.call("approve_post", parameters={"post_uuid": uuid}, body={})
        assert publish(api, "Two").result == "adopted"


def test_a_post_that_an_update_made_a_draft_is_not_green(sandbox: Sandbox, mocker: Any) -> None:
    with client(sandbox) as api:
        uuid = publish(api, "One").post_uuid
        send = api.send

        def drop(operation: str, **rest: Any) -> Any:
            if operation == "update_post":
                rest["body"] = {k: rest["body"][k] for k in ("versions", "accounts", "tags")}
            return send(operation, **rest)

        sandbox.change(put_schedule="drop")
        mocker.patch.object(api, "send", drop)
        with pytest.raises(PublishError, match=uuid) as caught:
            publish(api, "Two")
    assert caught.value.code == "differs"


@pytest.mark.parametrize(("junk", "code"), [({}, "unreadable_response"), ({"uuid": "other"}, "other_post")])
def test_a_response_that_is_not_the_post_is_no_result(
    api: PostBoostClient, mocker: Any, junk: dict[str, str], code: str
) -> None:
    publish(api)
    call = api.call

    def garble(operation: str, **rest: Any) -> Any:
        found = call(operation, **rest)
        return found if operation != "get_post" else junk and {**found, **junk}

    mocker.patch.object(api, "call", garble)
    with pytest.raises(UnexpectedResponseError) as caught:
        publish(api)
    assert caught.value.code == code
