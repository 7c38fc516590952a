"""Key, activity log and duplicate guard: whatever happens to an attempt, one intention is one post."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    DuplicatePostError,
    OvertakenError,
    PermissionDeniedError,
    PostBoostConfigError,
    UnconfirmedError,
)
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, creates, make_key, posts
from tests.publishing.support import body, create, intention, publish, publish_at_once


def test_a_retried_task_finds_its_post(server: Sandbox, api: PostBoostClient) -> None:
    first, second = publish(api), publish(api)
    assert (first.result, second.result) == ("created", "adopted")
    assert first.post_uuid == second.post_uuid
    assert len(posts(server)) == 1


def test_a_request_whose_response_is_lost_is_sent_again_with_the_same_key(
    server: Sandbox, api: PostBoostClient
) -> None:
    server.faults({"operation": "create_post", "kind": "drop_after"})
    assert publish(api).result == "replayed"
    assert len({r["idempotency_key"] for r in creates(server)}) == 1
    assert len(posts(server)) == 1


def test_a_post_whose_responses_are_all_lost_is_found_in_the_activity_log(
    server: Sandbox, api: PostBoostClient
) -> None:
    server.faults({"operation": "create_post", "kind": "drop_after", "count": 100})
    assert publish(api).result == "adopted"
    assert len(posts(server)) == 1


def test_a_request_that_never_arrived_is_unconfirmed_and_the_next_task_creates_it(
    server: Sandbox, api: PostBoostClient
) -> None:
    server.faults({"operation": "create_post", "kind": "drop_before", "count": 100})
    with pytest.raises(UnconfirmedError):
        publish(api)
    assert posts(server) == []
    server.faults()
    assert publish(api).result == "created"


def test_server_errors_are_retried_with_the_same_key(server: Sandbox, api: PostBoostClient) -> None:
    server.faults({"operation": "create_post", "kind": "server_error", "status": 503, "count": 3})
    assert publish(api).result == "created"
    assert len({r["idempotency_key"] for r in creates(server)}) == 1


def test_a_key_without_the_read_ability_relies_on_the_idempotency_key(server: Sandbox, mocker: Any) -> None:
    with client(server, make_key(server, "write", "publish")) as api:
        assert [publish(api).result, publish(api).result] == ["created", "replayed"]
    assert len(posts(server)) == 1


def test_after_a_stored_refusal_the_next_key_revision_is_sent(server: Sandbox, api: PostBoostClient) -> None:
    # A key that may not publish is refused, and PostBoost keeps that response for every key of the same user.
    with client(server, make_key(server, "read", "write")) as weak, pytest.raises(PermissionDeniedError):
        publish(weak)
    with client(server, "admin") as strong:
        assert publish(strong).result == "created"
        assert publish(strong).result == "adopted"
    assert len(posts(server)) == 1


def test_a_key_used_with_another_body_is_looked_up_in_the_activity_log(
    server: Sandbox, api: PostBoostClient
) -> None:
    assert publish(api).result == "created"
    mine = intention()
    # The same words resolve to another account now, and this attempt does not know of the first.
    changed = {**body(), "accounts": [2]}
    again = create(api, mine, changed)
    assert again.result == "adopted"
    assert len(posts(server)) == 1


def test_without_the_activity_log_a_key_used_with_another_body_is_unconfirmed(server: Sandbox) -> None:
    with client(server, make_key(server, "write", "publish")) as api:
        assert publish(api).result == "created"
        changed = {**body(), "accounts": [2]}
        with pytest.raises(UnconfirmedError) as caught:
            create(api, intention(), changed, can_read_log=False)
    assert caught.value.code == "other_body"
    assert len(posts(server)) == 1


def test_two_attempts_at_once_make_one_post(sandbox: Sandbox) -> None:
    sandbox.faults({"operation": "create_post", "kind": "delay", "seconds": 0.3})
    assert publish_at_once(sandbox) == ["created", "replayed"]
    assert 409 in [r["status"] for r in creates(sandbox)]
    assert len(posts(sandbox)) == 1


def test_a_day_later_the_activity_log_still_knows(server: Sandbox, api: PostBoostClient) -> None:
    publish(api)
    server.advance(25 * 3600)
    assert publish(api).result == "adopted"
    assert len(posts(server)) == 1


@pytest.mark.parametrize("mode", [{}, {"queue": True}], ids=["scheduled", "queued"])
def test_an_edited_post_is_updated_and_keeps_its_time(
    server: Sandbox, api: PostBoostClient, mode: dict[str, Any]
) -> None:
    first = publish(api, **mode)
    second = publish(api, "Hello again", **mode)
    assert second.result == "updated"
    assert second.post_uuid == first.post_uuid
    assert second.outcome is not None
    assert first.outcome is not None
    assert second.outcome.status == "scheduled"
    assert second.outcome.scheduled_at == first.outcome.scheduled_at
    assert [p["text"] for p in posts(server)] == ["Hello again"]
    assert publish(api, "Hello again", **mode).result == "adopted"


def test_an_edited_draft_that_somebody_scheduled_stays_scheduled(
    server: Sandbox, api: PostBoostClient
) -> None:
    first = publish(api, schedule=False)
    at = datetime.now(UTC) + timedelta(days=3)
    when = {"postNow": False, "date": f"{at:%Y-%m-%d}", "time": "08:00", "timezone": "UTC"}
    api.call("schedule_post", parameters={"post_uuid": first.post_uuid}, body=when)
    second = publish(api, "Hello again", schedule=False)
    assert second.outcome is not None
    assert second.outcome.status == "scheduled"
    assert f"{second.outcome.scheduled_at:%H:%M}" == "08:00"


def test_an_edit_after_it_was_published_fails_and_names_the_post(
    server: Sandbox, api: PostBoostClient
) -> None:
    first = publish(api)
    server.advance(4 * 86400)
    with pytest.raises(PostBoostConfigError, match=first.post_uuid) as caught:
        publish(api, "Hello again")
    assert caught.value.code == "too_late"
    assert [p["text"] for p in posts(server)] == ["Hello"]


def test_an_edit_that_comes_while_it_is_published_fails_and_names_the_post(
    server: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    first = publish(api)
    send = api.send

    def publish_first(operation: str, **rest: Any) -> Any:
        if operation == "update_post":
            server.advance(4 * 86400)
        return send(operation, **rest)

    mocker.patch.object(api, "send", publish_first)
    with pytest.raises(PostBoostConfigError, match=first.post_uuid) as caught:
        publish(api, "Hello again")
    assert caught.value.code == "too_late"


@pytest.mark.parametrize(("trash", "why"), [(False, "deleted"), (True, "trash")])
def test_a_post_that_somebody_deleted_is_not_made_again(
    server: Sandbox, api: PostBoostClient, trash: bool, why: str
) -> None:
    first = publish(api)
    api.call("delete_post", parameters={"post_uuid": first.post_uuid}, body={"trash": trash})
    again = publish(api)
    assert again.result == "skipped"
    assert why in again.why
    assert not [p for p in posts(server) if not p["trashed"]]


def test_the_same_content_of_somebody_else_is_refused_and_named(
    server: Sandbox, api: PostBoostClient
) -> None:
    other = api.call("create_post", body=body())
    with pytest.raises(DuplicatePostError) as caught:
        publish(api)
    assert caught.value.existing_post_uuid == other["uuid"]
    assert len(posts(server)) == 1
    server.advance(25 * 3600)
    assert publish(api).result == "created"


def test_an_edit_by_a_token_that_may_not_read_is_unconfirmed_and_no_second_post(server: Sandbox) -> None:
    with client(server, make_key(server, "write", "publish")) as api:
        assert publish(api).result == "created"
        with pytest.raises(UnconfirmedError) as caught:
            publish(api, "Hello again")
    assert caught.value.code == "other_body"
    assert [p["text"] for p in posts(server)] == ["Hello"]


def test_of_two_runs_at_once_with_an_edit_between_them_one_is_overtaken_and_retried(sandbox: Sandbox) -> None:
    """Neither finds the other in the activity log: the key is the same for both texts, and tells the second of the first."""
    sandbox.faults({"operation": "create_post", "kind": "delay", "seconds": 0.3})
    ends: dict[str, str | None] = {}

    def go(text: str) -> None:
        with client(sandbox) as api:
            try:
                ends[text] = create(api, intention(text), body(text)).result
            except OvertakenError as error:
                ends[text] = error.code

    threads = [threading.Thread(target=go, args=(text,)) for text in ("Hello", "Hello again")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, ends.values())) == ["created", "overtaken"]
    (late,) = (text for text, end in ends.items() if end == "overtaken")
    with client(sandbox) as api:
        assert publish(api, late).result == "updated"
    assert [p["text"] for p in posts(sandbox)] == [late]


def test_an_update_that_published_the_post_and_whose_response_was_lost_is_found(
    server: Sandbox, api: PostBoostClient
) -> None:
    publish(api, mode="draft", schedule=False)
    server.faults({"operation": "update_post", "kind": "drop_after"})
    assert publish(api, "Hello again", "now", schedule_now=True).result == "updated"
    assert len(posts(server)) == 1


@pytest.mark.parametrize(("trash", "result"), [(None, "replayed"), (False, "skipped"), (True, "skipped")])
def test_a_stored_response_is_compared_with_the_post_as_it_is_now(
    server: Sandbox, api: PostBoostClient, trash: bool | None, result: str
) -> None:
    server.faults({"kind": "fail_account", "account_id": 1})
    first = publish(api, mode="now", schedule_now=True)
    server.advance(60)
    if trash is not None:
        api.call("delete_post", parameters={"post_uuid": first.post_uuid}, body={"trash": trash})
    # This attempt has read the activity log before the post was in it.
    again = create(api, intention(mode="now"), body(schedule_now=True))
    assert (again.result, again.post_uuid) == (result, first.post_uuid)
    if trash is None:
        assert again.outcome is not None
        assert again.outcome.is_failed_everywhere


@pytest.mark.parametrize("payload", [None, {}, {"data": {"uuid": "u"}}, [], "created"])
def test_a_success_without_a_post_is_unconfirmed_and_looked_up(
    sandbox: Sandbox, mocker: Any, payload: Any
) -> None:
    with client(sandbox) as api:
        send = api.send

        def garble(operation: str, **rest: Any) -> Any:
            reply = send(operation, **rest)
            return replace(reply, payload=payload) if operation == "create_post" else reply

        mocker.patch.object(api, "send", garble)
        with pytest.raises(UnconfirmedError) as caught:
            create(api, intention(), body(), can_read_log=False)
        assert caught.value.code == "no_uuid"
        assert publish(api).result == "adopted"
    assert len(posts(sandbox)) == 1


def test_a_post_of_version_0_1_0_is_found_by_its_label(server: Sandbox, api: PostBoostClient) -> None:
    mine = intention()
    former = f"{mine.actor.owner.starts[1]} {mine.intent} schedule"
    made = api.send("create_post", body=body(), client_label=former).payload
    found = publish(api)
    assert (found.result, found.post_uuid) == ("adopted", made["uuid"])
    assert publish(api, "Hello again").result == "updated"
    assert len(posts(server)) == 1
