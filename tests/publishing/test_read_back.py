"""What PostBoost made of a post is read back: a task is green only if it is what its author asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from postboost_provider.api.errors import OvertakenError, PublishError
from postboost_provider.publishing.create import create_post
from postboost_provider.publishing.differences import differences
from postboost_provider.publishing.post_history import read_history
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts
from tests.publishing.journeys import Journey
from tests.publishing.support import ACTOR, body, create, intention, publish

TEXT = " <b>Tea</b> &amp; cake "


@pytest.mark.parametrize("how", ["trim", "strip_tags", "decode_entities"])
def test_a_text_that_was_altered_is_reported_with_both(sandbox: Sandbox, how: str) -> None:
    sandbox.reset(text_processing=how)
    with client(sandbox) as api:
        done = publish(api, TEXT)
        kept = posts(sandbox)[0]["text"]
        assert done.result == "created"
        (warning,) = done.warnings
        assert repr(TEXT) in warning
        assert repr(kept) in warning
        assert publish(api, f"{TEXT}!").warnings


@pytest.mark.parametrize("how", ["trim", "strip_tags", "decode_entities"])
def test_a_text_that_was_altered_fails_every_attempt_where_that_is_asked_for(
    sandbox: Sandbox, mocker: Any, how: str
) -> None:
    sandbox.reset(text_processing=how)
    journey = Journey(sandbox, mocker)
    for _ in range(2):
        assert journey.publish(TEXT, retry=True, on_altered_text="fail") == "PublishError altered_text"
    assert journey.publish("Plain", retry=True, on_altered_text="fail") == "updated"
    assert journey.publish("Plain", retry=True, on_altered_text="fail") == "adopted"


def test_a_text_that_was_kept_is_not_reported(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        assert publish(api, TEXT).warnings == ()


@pytest.mark.parametrize("attempt", [1, 2])
def test_an_unknown_status_is_reported_with_the_post_that_exists(sandbox: Sandbox, attempt: int) -> None:
    with client(sandbox) as api:
        if attempt == 2:
            publish(api)
        sandbox.change(unknown_status="waiting")
        with pytest.raises(PublishError) as caught:
            publish(api)
    (post,) = posts(sandbox)
    assert caught.value.code == "unknown_status"
    assert caught.value.outcomes == [{"uuid": post["uuid"], "status": "processing"}]
    assert post["uuid"] in str(caught.value)


@pytest.mark.parametrize(("edit", "ends"), [("wait", True), ("role", True), ("schedule", False)])
def test_an_edit_never_takes_a_post_out_of_approval_in_silence(
    sandbox: Sandbox, edit: str, ends: bool
) -> None:
    sandbox.reset(edit_waiting=edit, approval_required_for=("member",))
    with client(sandbox) as api:
        first = publish(api)
        assert first.outcome is not None
        assert first.outcome.status == "needs_approval"
        if ends:
            done = publish(api, "Edited", choices={"edit_waiting": True})
            assert done.outcome is not None
            assert (done.result, done.outcome.status) == ("updated", "needs_approval")
        else:
            with pytest.raises(PublishError, match=first.post_uuid) as caught:
                publish(api, "Edited", choices={"edit_waiting": True})
            assert caught.value.code == "approval_lost"


@pytest.mark.parametrize(("edit", "status"), [("wait", "needs_approval"), ("schedule", "scheduled")])
def test_an_edit_of_an_approved_post_says_what_became_of_it(sandbox: Sandbox, edit: str, status: str) -> None:
    sandbox.reset(edit_approved=edit, approval_required_for=("member",))
    with client(sandbox) as api, client(sandbox, "admin") as admin:
        first = publish(api)
        admin.call("approve_post", parameters={"post_uuid": first.post_uuid}, body={})
        done = publish(api, "Edited")
    assert done.outcome is not None
    assert (done.result, done.outcome.status) == ("updated", status)


def test_a_replayed_response_of_words_that_another_attempt_has_replaced_is_not_green(
    sandbox: Sandbox,
) -> None:
    with client(sandbox) as api:
        assert publish(api, "Older").result == "created"
        assert publish(api, "Newer").result == "updated"
        # This attempt has read the activity log before the post was in it.
        with pytest.raises(OvertakenError) as caught:
            create(api, intention("Older"), body("Older"))
    assert caught.value.code == "overtaken"
    assert [p["text"] for p in posts(sandbox)] == ["Newer"]


def test_a_post_that_a_person_has_edited_is_still_the_one_that_was_created(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        uuid = publish(api).post_uuid
        api.call("update_post", parameters={"post_uuid": uuid}, body=body("By hand"))
        assert publish(api).result == "adopted"
        assert create(api, intention(), body()).result == "replayed"


@pytest.mark.parametrize(
    "change",
    [{"accounts": [{"id": 2}]}, {"scheduled_at": "2031-01-01 00:00:00"}],
    ids=["other accounts", "another time"],
)
def test_a_post_that_is_not_what_was_asked_for_fails(
    sandbox: Sandbox, mocker: Any, change: dict[str, Any]
) -> None:
    with client(sandbox) as api:
        send = api.send

        def garble(operation: str, **rest: Any) -> Any:
            response = send(operation, **rest)
            if operation == "create_post":
                return replace(response, payload={**response.payload, **change})
            return response

        mocker.patch.object(api, "send", garble)
        with pytest.raises(PublishError) as caught:
            publish(api)
    assert caught.value.code == "differs"
    assert caught.value.outcomes[0]["uuid"] == posts(sandbox)[0]["uuid"]


@pytest.mark.parametrize(
    ("asked", "found", "altered"),
    [
        ("a  b", " a b ", True),
        ("<p>a</p>", "a", True),
        ("a &lt;b&gt; c", "a <b> c", True),
        ("a", "b", False),
        ("A", "a", False),
        ("a", "", False),
    ],
)
def test_what_postboost_may_do_to_a_text_is_not_another_text(asked: str, found: str, altered: bool) -> None:
    def versions(text: str) -> list[dict[str, Any]]:
        return [{"account_id": 0, "is_original": True, "content": [{"body": text}]}]

    (difference,) = differences({"versions": versions(asked), "accounts": [1]}, {"versions": versions(found)})
    assert difference.is_altered == altered


def test_each_accounts_own_text_is_compared() -> None:
    original = {"account_id": 0, "is_original": True, "content": [{"body": "a"}]}
    own = {"account_id": 2, "is_original": False, "content": [{"body": "b"}]}
    asked = {"versions": [original, own], "accounts": [1, 2]}
    assert [d.found for d in differences(asked, {"versions": [original]})] == [["a"]]
    assert differences(asked, {"versions": [own, original]}) == []


ALTERED = "<b>Hello</b>"


@pytest.mark.parametrize("can_read_log", [True, False])
def test_a_stored_response_does_not_hide_that_a_text_was_altered(
    sandbox: Sandbox, can_read_log: bool
) -> None:
    sandbox.reset(text_processing="strip_tags")
    with client(sandbox) as api:
        # Its response is lost.
        create(api, intention(ALTERED), body(ALTERED))
        mine = intention(ALTERED, refuse_altered=True)
        with pytest.raises(PublishError) as caught:
            create(api, mine, body(ALTERED), can_read_log=can_read_log)
        assert (caught.value.code, caught.value.field) == ("altered_text", "on_altered_text")
        done = create(api, intention(ALTERED), body(ALTERED), can_read_log=can_read_log)
    assert (done.result, len(done.warnings)) == ("replayed", 1)
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("length", [None, 40], ids=["whole label", "cut label"])
def test_a_post_of_another_attempt_does_not_hide_it_either(sandbox: Sandbox, length: int | None) -> None:
    sandbox.reset(text_processing="strip_tags", **({"activity_label_length": length} if length else {}))
    with client(sandbox) as api:
        create(api, intention(ALTERED), body(ALTERED))
        history = read_history(api, ACTOR)
        with pytest.raises(PublishError) as caught:
            create_post(api, intention(ALTERED, refuse_altered=True), body(ALTERED), history)
        assert caught.value.code == "altered_text"
        assert create_post(api, intention(ALTERED), body(ALTERED), history).result == "adopted"
