"""A post that an edit took out of its approval is green in no attempt, whoever looks at it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    NotFinishedError,
    PostBoostConfigError,
    PublishError,
    UnexpectedResponseError,
)
from postboost_provider.idempotency.identity import Actor
from postboost_provider.publishing import actions
from postboost_provider.publishing.change_fields import change_fields
from postboost_provider.publishing.post_history import read_history
from postboost_provider.publishing.update import use_existing
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts
from tests.publishing.support import ACTOR as SUPPORT_ACTOR, body, intention, publish

ACTOR = Actor("dag.act~e04ded12", ("task", "dag", "run", "act", "", ""))
NOW: dict[str, Any] = {"mode": "now", "schedule_now": True}
EDIT = {"edit_waiting": True}


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
        lost(lambda: publish(api, "Two", choices=EDIT, **how))
        losing.advance(later)
        for text in ("Two", "Three", "One"):
            lost(lambda text=text: publish(api, text, choices=EDIT, **how))


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
            publish(api, "Two", choices=EDIT)
        mocker.stopall()
        assert api.call("get_post", parameters={"post_uuid": uuid})["status"] == "scheduled"
        lost(lambda: publish(api, "Two"))


def test_an_update_operator_fails_again(losing: Sandbox) -> None:
    with client(losing) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])
        for text in ("Edited", "Edited", "Again"):
            post = actions.fetch(api, uuid)
            lost(
                lambda post=post, text=text: change_fields(
                    api, ACTOR, post, {"text": text}, edit_waiting=True
                )
            )


@pytest.mark.parametrize("edits", [1, 3])
def test_a_post_that_still_waited_can_be_approved(sandbox: Sandbox, edits: int) -> None:
    sandbox.reset(approval_required_for=("member",))
    with client(sandbox) as api, client(sandbox, "admin") as admin:
        uuid = publish(api, "Text 0").post_uuid
        for number in range(1, edits + 1):
            sandbox.advance(2)
            assert publish(api, f"Text {number}", choices=EDIT).result == "updated"
        admin.call("approve_post", parameters={"post_uuid": uuid}, body={})
        assert publish(api, f"Text {edits}").result == "adopted"


def test_an_attempt_that_ended_before_it_looked_is_settled_by_the_next(sandbox: Sandbox, mocker: Any) -> None:
    sandbox.reset(approval_required_for=("member",))
    with client(sandbox) as api, client(sandbox, "admin") as admin:
        uuid = publish(api, "One").post_uuid
        mocker.patch("postboost_provider.publishing.update.settle", side_effect=KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            publish(api, "Two", choices=EDIT)
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


def refused(act: Any) -> None:
    with pytest.raises(PostBoostConfigError) as caught:
        act()
    assert (caught.value.code, caught.value.field) == ("waits_for_approval", "on_edit_while_waiting")


def test_a_post_that_waits_is_not_edited_unless_its_author_wants_it(losing: Sandbox) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    with client(losing) as api:
        uuid = publish(api, "One").post_uuid
        for act in (
            lambda: publish(api, "Two"),
            lambda: publish(api, "Two", "queue", queue=True),
            lambda: change_fields(api, ACTOR, actions.fetch(api, uuid), {"text": "Two"}),
            lambda: actions.schedule(api, ACTOR, actions.fetch_outcome(api, uuid), at),
            lambda: actions.schedule(api, ACTOR, actions.fetch_outcome(api, uuid), None),
        ):
            refused(act)
        assert publish(api, "One").result == "adopted"
        assert api.call("get_post", parameters={"post_uuid": uuid})["status"] == "needs_approval"
    assert [post["text"] for post in posts(losing)] == ["One"]


def test_nothing_is_edited_before_the_log_shows_the_note(losing: Sandbox, slept: list[float]) -> None:
    with client(losing) as api:
        uuid = publish(api, "One").post_uuid
        known = read_history(api, SUPPORT_ACTOR).known
        assert known is not None
        # The log shows nothing of what comes now: a later attempt could not tell either.
        losing.change(activity_delay=3600)
        with pytest.raises(NotFinishedError) as caught:
            use_existing(api, intention("Two", edit_waiting=True), known, lambda: body("Two"))
        assert (caught.value.code, caught.value.field) == ("blind_log", "on_edit_while_waiting")
        assert caught.value.retryable
        post = api.call("get_post", parameters={"post_uuid": uuid})
    assert post["status"] == "needs_approval"
    assert slept


def test_moving_a_waiting_post_fails_in_every_attempt_if_it_does_not_wait_any_more(
    losing: Sandbox, mocker: Any
) -> None:
    at = (datetime.now(UTC) + timedelta(days=3)).replace(second=0, microsecond=0)
    with client(losing) as api, client(losing, "admin") as admin:
        uuid = publish(api, "One").post_uuid
        for _ in range(2):
            # Its role needs no approval.
            outcome = actions.fetch_outcome(admin, uuid)
            lost(lambda outcome=outcome: actions.schedule(admin, ACTOR, outcome, at, edit_waiting=True))
