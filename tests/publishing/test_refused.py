"""What was refused before, or is being sent by another attempt: it is waited for, and sent once."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    DuplicatePostError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    ValidationError,
)
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, creates, posts, variant_name
from tests.naps import pass_at_once
from tests.publishing.support import body, create, intention, publish, publish_at_once


def test_a_refusal_of_the_values_is_sent_once_more_which_settles_it(
    server: Sandbox, api: PostBoostClient
) -> None:
    with pytest.raises(ValidationError) as caught:
        publish(api, "x" * 300)
    assert caught.value.errors
    assert len({r["idempotency_key"] for r in creates(server)}) == 1
    assert len(creates(server)) == 2


def test_a_refused_post_is_sent_again_and_refused_again(server: Sandbox, api: PostBoostClient) -> None:
    for _ in range(3):
        with pytest.raises(ValidationError) as caught:
            publish(api, "x" * 300)
        assert not caught.value.replayed
    assert posts(server) == []


def test_an_edit_after_refusals_is_sent_at_once(
    server: Sandbox, api: PostBoostClient, slept: list[float]
) -> None:
    for text in ("x" * 300, "x" * 300, "y" * 300):
        with pytest.raises(ValidationError):
            publish(api, text)
    before = len(creates(server))
    assert publish(api).result == "created"
    assert slept == []
    assert len(creates(server)) == before + 1
    assert len(posts(server)) == 1


def test_two_attempts_after_a_refusal_are_one_post(sandbox: Sandbox, slept: list[float]) -> None:
    with client(sandbox) as api, pytest.raises(ValidationError):
        publish(api, "x" * 300)
    sandbox.faults({"operation": "create_post", "kind": "delay", "seconds": 0.3, "count": 9})
    assert publish_at_once(sandbox) == ["created", "replayed"]
    assert len(posts(sandbox)) == 1


def kill_after_refusal(sandbox: Sandbox, text: str = "x" * 300) -> None:
    """Let an attempt be refused, and be killed before it sends its bytes again."""
    mine = intention(text)
    with client(sandbox) as api, pytest.raises(ValidationError):
        api.send(
            "create_post",
            body=body(text),
            idempotency_key=mine.act.key(0),
            client_label=str(mine.act.label_at(0)),
        )


def test_an_edit_after_a_refusal_that_nobody_confirmed_waits_once(
    server: Sandbox, api: PostBoostClient, slept: list[float]
) -> None:
    kill_after_refusal(server)
    assert publish(api).result == "created"
    assert (60 <= sum(slept) < 75) == server.state()["settings"]["store_4xx"]
    assert len(posts(server)) == 1


def test_a_refusal_that_only_an_attempt_of_version_0_1_0_has_logged_is_waited_for(
    sandbox: Sandbox, slept: list[float]
) -> None:
    long, mine = "x" * 300, intention("x" * 300)
    with client(sandbox) as api:
        former = f"{mine.actor.owner.starts[1]} {mine.intent} schedule"
        with pytest.raises(ValidationError):
            api.send("create_post", body=body(long), idempotency_key=mine.act.key(0), client_label=former)
        assert publish(api).result == "created"
    assert sum(slept) >= 60
    assert len(posts(sandbox)) == 1


def test_another_body_for_the_same_words_after_a_refusal_is_sent(
    server: Sandbox, api: PostBoostClient, slept: list[float]
) -> None:
    """As when the members of a group of accounts changed: what its author wrote is what it was."""
    with pytest.raises(ValidationError):
        create(api, intention(), {**body(), "accounts": [999]})
    assert publish(api).result == "created"


def test_words_that_were_refused_and_are_right_now_are_sent_past_others_that_were_refused(
    server: Sandbox, api: PostBoostClient, slept: list[float]
) -> None:
    other = api.call("create_post", body=body())["uuid"]
    for text in ("Hello", "x" * 300):
        with pytest.raises((DuplicatePostError, ValidationError)):
            publish(api, text)
    api.call("delete_post", parameters={"post_uuid": other}, body={"trash": False})
    assert publish(api).result == "created"
    assert len(posts(server)) == 1


@pytest.mark.parametrize("variant", [{}, {"store_4xx": False}], ids=variant_name)
@pytest.mark.parametrize(
    "before", [None, {"kind": "server_error", "count": 99}, "x" * 300], ids=["nothing", "errors", "a refusal"]
)
def test_an_attempt_that_is_still_sending_is_waited_for_whatever_was_refused_before(
    sandbox: Sandbox, mocker: Any, variant: dict[str, Any], before: Any
) -> None:
    sandbox.reset(**variant)
    nap = time.sleep
    pass_at_once(mocker, lambda _: nap(0.1))
    with client(sandbox, attempts=1) as api:
        if isinstance(before, dict):
            sandbox.faults({"operation": "create_post", **before})
        if before:
            with pytest.raises(PostBoostError):
                publish(api, before if isinstance(before, str) else "Hello")
    sandbox.advance(120)
    sandbox.faults(
        {
            "operation": "create_post",
            "kind": "delay",
            "seconds": 0.8,
            "after": 1 if before == "x" * 300 and not variant else 0,
        }
    )
    results: list[str] = []

    def go(text: str) -> None:
        with client(sandbox) as api:
            results.append(publish(api, text).result)

    threads = [threading.Thread(target=go, args=(text,)) for text in ("Hello", "Hello again")]
    for thread in threads:
        thread.start()
        nap(0.2)
    for thread in threads:
        thread.join()
    assert len(posts(sandbox)) == 1
    assert "created" in results


def test_a_duplicate_is_sent_as_soon_as_it_is_allowed(
    server: Sandbox, api: PostBoostClient, slept: list[float]
) -> None:
    api.call("create_post", body=body())
    with pytest.raises(DuplicatePostError):
        publish(api)
    allowed = replace(intention(), allow_duplicate=True)
    for result in ("created", "replayed"):
        assert create(api, allowed, body()).result == result
    assert slept == []
    assert len(posts(server)) == 2


def test_a_422_that_names_no_field_and_comes_back_is_about_the_values(
    sandbox: Sandbox, mocker: Any, slept: list[float]
) -> None:
    asked: list[str] = []
    with client(sandbox) as api:
        send = api.send

        def refuse(operation: str, **rest: Any) -> Any:
            if operation == "create_post":
                asked.append(rest["idempotency_key"])
                raise ValidationError("No.", status=422, replayed=len(asked) > 1)
            return send(operation, **rest)

        mocker.patch.object(api, "send", refuse)
        with pytest.raises(ValidationError) as caught:
            publish(api)
    assert str(caught.value) == "No."
    assert asked[0] == asked[1]
    assert len(asked) == 2


def test_key_revisions_that_are_all_used_are_one_typed_error(sandbox: Sandbox, mocker: Any) -> None:
    with client(sandbox) as api:
        send = api.send

        def refuse(operation: str, **rest: Any) -> Any:
            if operation == "create_post":
                raise PermissionDeniedError("No.", status=403, replayed=True)
            return send(operation, **rest)

        mocker.patch.object(api, "send", refuse)
        with pytest.raises(PostBoostConfigError, match="No.") as caught:
            publish(api)
    assert caught.value.code == "key_revisions_used"
