"""The trigger: its state, its event, and the requests that waits share."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk._shared.module_loading import import_string

from postboost_provider.api import errors
from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, UnreachableError
from postboost_provider.polling.outcome import PostOutcome
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.triggers import shared_poller
from postboost_provider.triggers.base import describe_error
from postboost_provider.triggers.posts import PostBoostPostTrigger, read_event
from tests.airflow_stubs import use_connection
from tests.clients import client
from tests.naps import POLLER, pass_at_once


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)
    monkeypatch.setattr(shared_poller, "GATHER_SECONDS", 0.01)


def publish(sandbox: Sandbox, count: int) -> list[str]:
    sandbox.reset(daily_cap=10_000, publish_seconds=0)
    uuids = []
    with client(sandbox) as api:
        for n in range(count):
            versions = [{"account_id": 0, "is_original": True, "content": [{"body": f"Number {n}"}]}]
            body = {"versions": versions, "accounts": [1], "schedule_now": True}
            uuids.append(str(api.call("create_post", body=body)["uuid"]))
    return uuids


async def first_event(trigger: PostBoostPostTrigger) -> Any:
    events = trigger.run()
    try:
        return (await anext(events)).payload  # type: ignore[call-overload]
    finally:
        await events.aclose()  # type: ignore[attr-defined]


def test_an_error_outside_of_postboost_is_one_poll_that_failed(sandbox: Sandbox, mocker: Any) -> None:
    """For example, Airflow's own API is down for a moment."""
    (uuid,) = publish(sandbox, 1)
    errors = [ConnectionError("gone for a moment"), PostBoostConfigError("There is no connection")]
    real = shared_poller.PostBoostHook.asettings

    async def asettings(self: Any) -> Any:
        if errors:
            raise errors.pop()
        return await real(self)

    mocker.patch.object(shared_poller.PostBoostHook, "asettings", asettings)
    mocker.patch(f"{POLLER}.asyncio", SimpleNamespace(sleep=mocker.AsyncMock()))
    event = asyncio.run(first_event(PostBoostPostTrigger(post_uuids=uuid)))
    assert (event["status"], event["posts"][0]["uuid"]) == ("settled", uuid)
    assert errors == []


def test_all_of_its_state_is_serialised_as_plain_json() -> None:
    trigger = PostBoostPostTrigger(
        post_uuids=["a", "b"],
        postboost_conn_id="other",
        timeout=7.5,
        poll_interval=3,
        started_at="2026-10-16T07:30:00+00:00",
        next_look_at="2026-10-16T08:00:00+00:00",
    )
    name, arguments = trigger.serialize()
    again = import_string(name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (name, arguments)


def test_a_restarted_trigger_keeps_the_deadline_of_the_first(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "A draft"}]}]
        uuid = api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"]
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    event = asyncio.run(
        first_event(PostBoostPostTrigger(post_uuids=[uuid], timeout=3600, started_at=long_ago))
    )
    assert event["status"] == "timeout"
    assert uuid in event["message"]


def test_a_few_waits_get_and_many_waits_list(sandbox: Sandbox) -> None:
    uuids = publish(sandbox, 120)

    async def wait_for(waited: list[str]) -> list[Any]:
        return await asyncio.gather(
            *(first_event(PostBoostPostTrigger(post_uuids=[uuid])) for uuid in waited)
        )

    before = len(sandbox.requests())
    events = asyncio.run(wait_for(uuids[:3]))
    assert [r["operation"] for r in sandbox.requests()[before:]] == ["get_post"] * 3
    before = len(sandbox.requests())
    events = asyncio.run(wait_for(uuids))
    assert [e["posts"][0]["uuid"] for e in events] == uuids
    assert [r["operation"] for r in sandbox.requests()[before:]] == ["list_posts"] * 3


def test_posts_that_lists_do_not_pay_for_are_got(sandbox: Sandbox) -> None:
    uuids = publish(sandbox, 120)
    few_and_old = uuids[:10]

    async def wait() -> Any:
        return await first_event(PostBoostPostTrigger(post_uuids=few_and_old))

    before = len(sandbox.requests())
    event = asyncio.run(wait())
    assert [post["uuid"] for post in event["posts"]] == few_and_old
    operations = [r["operation"] for r in sandbox.requests()[before:]]
    assert operations == ["list_posts"] + ["get_post"] * 10


def test_one_post_that_is_gone_fails_its_own_wait_and_no_other(sandbox: Sandbox) -> None:
    good, bad = publish(sandbox, 2)
    with client(sandbox) as api:
        api.call("delete_post", parameters={"post_uuid": bad}, body={"trash": False})

    async def both() -> Any:
        return await asyncio.gather(*(first_event(PostBoostPostTrigger(post_uuids=[u])) for u in (good, bad)))

    first, second = asyncio.run(both())
    assert first["status"] == "settled"
    assert (second["status"], second["can_retry"]) == ("error", False)
    assert bad in second["message"]


def test_a_wait_that_is_cancelled_takes_no_other_with_it(sandbox: Sandbox) -> None:
    one, two = publish(sandbox, 2)

    async def go() -> Any:
        doomed = asyncio.create_task(first_event(PostBoostPostTrigger(post_uuids=[one])))
        other = asyncio.create_task(first_event(PostBoostPostTrigger(post_uuids=[one, two])))
        await asyncio.sleep(0)
        doomed.cancel()
        return await other

    assert asyncio.run(go())["status"] == "settled"


def test_clients_are_closed_with_the_last_wait(sandbox: Sandbox) -> None:
    (uuid,) = publish(sandbox, 1)

    async def go() -> int:
        await first_event(PostBoostPostTrigger(post_uuids=[uuid]))
        return len(shared_poller._POLLERS.get(asyncio.get_running_loop(), {}))

    assert asyncio.run(go()) == 0


def test_an_expired_token_ends_the_wait_without_a_retry(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    (uuid,) = publish(sandbox, 1)
    use_connection(monkeypatch, sandbox, token="expired")
    event = asyncio.run(first_event(PostBoostPostTrigger(post_uuids=uuid)))
    assert (event["status"], event["can_retry"]) == ("error", False)
    assert "401" in event["message"]
    assert not any(secret in event["message"] for secret in sandbox.tokens.values())


ERRORS = [{"status": "error", "message": "No.", "can_retry": can_retry} for can_retry in (False, True)]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (ERRORS[0], PostBoostError),
        (ERRORS[1], UnreachableError),
        ({"status": "excellent"}, PostBoostError),
        ({"status": "settled", "posts": [{}]}, PostBoostError),
        ({"status": "settled", "posts": None}, PostBoostError),
        ({"status": "settled"}, PostBoostError),
        (None, PostBoostError),
        ("settled", PostBoostError),
    ],
)
def test_an_event_that_is_not_a_success_is_an_error(event: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        error = read_event(event).error
        assert error is not None
        raise error
    assert type(caught.value) is kind
    assert (caught.value.code == "unknown_event") is (kind is PostBoostError and event != ERRORS[0])


@pytest.mark.parametrize("name", sorted(errors.__all__))
def test_an_error_survives_its_way_through_an_event(name: str) -> None:
    kind = getattr(errors, name)
    known = {"status": 429, "retry_after": 7.0} if issubclass(kind, errors.PostBoostRequestError) else {}
    sent = kind("No.", code="c", field="f", **known)
    payload = json.loads(json.dumps({"status": "error", **describe_error(sent)}))
    got = read_event(payload).error
    assert got is not None
    assert type(got) is kind
    assert (str(got), got.code, got.field) == ("No.", "c", "f")
    assert {name: getattr(got, name) for name in known} == known
    assert errors.is_retryable(got) is errors.is_retryable(sent)


@pytest.mark.parametrize("kind", ["Exception", "no_such_error", None, 7])
def test_an_error_of_a_type_that_is_not_known_tells_whether_a_retry_can_help(kind: Any) -> None:
    event = {"status": "error", "message": "No.", "can_retry": True, "type": kind, "details": {}}
    assert type(read_event(event).error) is UnreachableError


def test_an_outcome_survives_its_way_through_an_event() -> None:
    outcome = PostOutcome("u", "published", datetime(2026, 10, 16, 7, 30, tzinfo=UTC), None, False, ())
    event = read_event(json.loads(json.dumps({"status": "settled", "posts": [outcome.as_dict()]})))
    assert (event.status, event.result) == ("settled", [outcome])


def test_an_outage_when_the_post_is_due_ends_no_wait(sandbox: Sandbox, mocker: Any) -> None:
    """The trigger has not read the post yet, and does not know that its time is later than the start of the wait."""
    (uuid,) = publish(sandbox, 1)
    pass_at_once(mocker, lambda _: None)
    mocker.patch("postboost_provider.api.client.asyncio", SimpleNamespace(sleep=mocker.AsyncMock()))
    # Each poll sends ten times before it counts as failed.
    sandbox.faults({"operation": "get_post", "kind": "server_error", "count": 10 * 4})
    long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    event = asyncio.run(first_event(PostBoostPostTrigger(post_uuids=uuid, timeout=3600, started_at=long_ago)))
    assert (event["status"], event["posts"][0]["uuid"]) == ("settled", uuid)


def test_a_task_that_an_earlier_version_deferred_resumes() -> None:
    """The names of 0.1.0, which are stored with a deferred task."""
    own = {"post_uuids": ["a"], "next_look_at": None, "due_at": None, "carried": {"done": {}}}
    wait = {"postboost_conn_id": "other", "timeout": 5.0, "poll_interval": 3.0, "started_at": None}
    trigger = import_string("postboost_provider.triggers.posts.PostBoostPostTrigger")(**own, **wait)
    assert trigger.serialize()[1] == {**own, **wait, "when_killed": "keep", "trash_label": None}
    for name, arguments in {
        "ai.PostBoostRepurposeTrigger": {"run_id": 1},
        "accounts.PostBoostAccountHealthTrigger": {
            "account_ids": [1], "publish_at": None, "posts_per_account": 1
        },
        "expiry.PostBoostTokenTrigger": {"postboost_conn_ids": ["a"]},
    }.items():  # fmt: skip
        path = f"postboost_provider.triggers.{name}"
        assert import_string(path)(**arguments, **wait).serialize() == (path, {**arguments, **wait})


@pytest.mark.parametrize("uuids", [[], "[]", ""])
def test_nothing_to_wait_for_is_settled_at_once(sandbox: Sandbox, uuids: Any) -> None:
    event = asyncio.run(first_event(PostBoostPostTrigger(post_uuids=uuids)))
    assert event == {"status": "settled", "posts": []}
    assert sandbox.requests() == []


def test_the_text_of_a_list_is_a_list_and_other_text_is_an_error_that_no_retry_fixes(
    sandbox: Sandbox,
) -> None:
    uuids = publish(sandbox, 2)
    event = asyncio.run(first_event(PostBoostPostTrigger(post_uuids=str([[uuids[0]], [uuids[1]]]))))
    assert [post["uuid"] for post in event["posts"]] == uuids
    event = asyncio.run(first_event(PostBoostPostTrigger(post_uuids="None")))
    assert (event["status"], event["can_retry"]) == ("error", False)
    assert "'None'" in event["message"]
