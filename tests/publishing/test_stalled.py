"""An attempt that stalls before its first request replaces no words that another one wrote meanwhile."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.errors import OvertakenError
from postboost_provider.idempotency.identity import Actor
from postboost_provider.publishing import actions
from postboost_provider.publishing.attempt_start import AttemptStart
from postboost_provider.publishing.change_fields import change_fields
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts
from tests.publishing.support import body, publish

TASK = Actor("dag.act~e04ded12", ("task", "dag", "run", "act", "", ""))
AHEAD = pytest.mark.parametrize("ahead", [0, 600, -600], ids=["one clock", "ahead", "behind"])


def began(ago: float, ahead: float = 0) -> dict[str, Any]:
    """Return the choices of an attempt that began so many seconds ago, by a worker's clock that is ahead."""

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead)

    return {"start": AttemptStart(clock() - timedelta(seconds=ago), clock)}


def overtaken(act: Any) -> None:
    with pytest.raises(OvertakenError) as caught:
        act()
    assert (caught.value.code, caught.value.retryable) == ("overtaken", True)


@AHEAD
@pytest.mark.parametrize("edited", [False, True], ids=["created", "updated"])
def test_older_words_do_not_replace_newer_ones(sandbox: Sandbox, ahead: float, edited: bool) -> None:
    with client(sandbox) as api:
        if edited:
            publish(api, "First")
            sandbox.advance(60)
        publish(api, "Newer")
        overtaken(lambda: publish(api, "Older", choices=began(10, ahead)))
        assert [p["text"] for p in posts(sandbox)] == ["Newer"]
        # The same words are no matter.
        assert publish(api, "Newer", choices=began(10, ahead)).result == "adopted"
        # A retry begins later.
        assert publish(api, "Newest", choices=began(-2, ahead)).result == "updated"


def test_neither_do_those_of_the_same_second(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        start = began(0)
        publish(api, "Newer")
        overtaken(lambda: publish(api, "Older", choices=start))
        sandbox.advance(2)
        assert publish(api, "Older", choices=began(0)).result == "updated"


@AHEAD
def test_older_changes_do_not_replace_newer_ones(sandbox: Sandbox, ahead: float) -> None:
    with client(sandbox) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])

        def change(text: str, ago: float) -> Any:
            post = actions.fetch(api, uuid)
            return change_fields(api, TASK, post, {"text": text}, **began(ago, ahead))

        change("Newer", 10)
        overtaken(lambda: change("Older", 10))
        assert [p["text"] for p in posts(sandbox)] == ["Newer"]
        change("Newer", 10)
        change("Newest", -2)
    assert [p["text"] for p in posts(sandbox)] == ["Newest"]


@AHEAD
def test_an_older_time_does_not_replace_a_newer_one(sandbox: Sandbox, ahead: float) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with client(sandbox) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])

        def move(days: int, ago: float) -> Any:
            at, outcome = now + timedelta(days=days), actions.fetch_outcome(api, uuid)
            return actions.schedule(api, TASK, outcome, at, **began(ago, ahead)).scheduled_at

        move(5, 10)
        overtaken(lambda: move(4, 10))
        overtaken(
            lambda: actions.schedule(api, TASK, actions.fetch_outcome(api, uuid), None, **began(10, ahead))
        )
        assert actions.fetch_outcome(api, uuid).scheduled_at == now + timedelta(days=5)
        assert move(5, 10) == now + timedelta(days=5)
        assert move(6, -2) == now + timedelta(days=6)


def test_a_change_that_another_attempt_replaces_before_it_ends_is_left_to_a_retry(
    sandbox: Sandbox, mocker: Any
) -> None:
    with client(sandbox) as api:
        uuid = str(api.call("create_post", body=body())["uuid"])
        send = api.send

        def late(operation: str, **rest: Any) -> Any:
            if operation == "update_post":
                mocker.stop(patch)
                change_fields(api, TASK, actions.fetch(api, uuid), {"tags": []})
            return send(operation, **rest)

        patch = mocker.patch.object(api, "send", late)
        overtaken(lambda: change_fields(api, TASK, actions.fetch(api, uuid), {"text": "Older"}))


def test_a_machine_that_slept_counts_the_time(sandbox: Sandbox, mocker: Any) -> None:
    with client(sandbox) as api:
        start = began(0)
        sandbox.advance(30)
        publish(api, "Newer")
        sandbox.advance(10)
        # Its wall clock was not set yet when it woke up.
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 40)
        mocker.patch("postboost_provider.publishing.attempt_start.time", clock)
        overtaken(lambda: publish(api, "Older", choices=start))


@pytest.mark.parametrize("date", [None, "", "soon"])
def test_without_a_date_of_postboost_the_worker_s_clock_has_to_do(
    sandbox: Sandbox, mocker: Any, date: str | None
) -> None:
    with client(sandbox) as api:
        publish(api, "Newer")
        send = api.send
        mocker.patch.object(api, "send", lambda *args, **rest: replace(send(*args, **rest), date=date))
        overtaken(lambda: publish(api, "Older", choices=began(10)))
        assert publish(api, "Newest", choices=began(-2)).result == "updated"
