"""The safety mode: what reaches PostBoost in each, through both clients."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from postboost_provider.api import safety
from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient
from postboost_provider.api.errors import ModeError, PostBoostError
from postboost_provider.api.mode import read_mode, strictest
from postboost_provider.api.operations import Operation, load_operations
from postboost_provider.api.requests import FilePart, prepare
from postboost_provider.api.safety import BY_BODY, HARMLESS, PUBLISHING, publishes
from postboost_provider.api.settings import ClientSettings
from postboost_provider.sandbox.server import Sandbox
from tests.clients import posts, settings
from tests.failures import raises

OPERATIONS = load_operations()
WRITES = {name: op for name, op in OPERATIONS.items() if not op.is_read}
OF_WORKSPACES = {name for name, op in WRITES.items() if op.tier == "workspace"}
PASS_IN_CHECK = {n for n, op in OPERATIONS.items() if op.is_read or (op.tier == "tools" and op.retryable)}
VERSION = {"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}
POST = {"versions": [VERSION], "accounts": [1], "tags": []}


def call_of(op: Operation) -> dict[str, Any]:
    """Return arguments that fit an operation."""
    call: dict[str, Any] = {"parameters": {p.name: "1" for p in op.parameters if p.place == "path"}}
    if op.tier == "workspace":
        del call["parameters"]["workspace_uuid"]
    if op.files:
        call["files"] = {name: FilePart("a.png", "image/png", lambda: io.BytesIO(b"x")) for name in op.files}
    if op.body != "none":
        call["body"] = {name: "1" for name in op.required_fields if name not in op.files}
    return call


def send_all(given: ClientSettings, names: Any, kind: str) -> dict[str, PostBoostError | None]:
    """Send operations with a client of either kind, and return the errors."""

    def block() -> dict[str, PostBoostError | None]:
        found: dict[str, PostBoostError | None] = {}
        with PostBoostClient(given, attempts=1) as api:
            for name in names:
                try:
                    api.send(name, **call_of(OPERATIONS[name]))
                    found[name] = None
                except PostBoostError as error:
                    found[name] = error
        return found

    async def awaited() -> dict[str, PostBoostError | None]:
        found: dict[str, PostBoostError | None] = {}
        async with AsyncPostBoostClient(given, attempts=1) as api:
            for name in names:
                try:
                    await api.send(name, **call_of(OPERATIONS[name]))
                    found[name] = None
                except PostBoostError as error:
                    found[name] = error
        return found

    return block() if kind == "blocking" else asyncio.run(awaited())


def seen(sandbox: Sandbox) -> set[str]:
    return {str(r["operation"]) for r in sandbox.requests()}


def test_every_write_of_a_workspace_is_classified_once() -> None:
    """A new operation may publish: somebody has to decide."""
    sets = (PUBLISHING, BY_BODY, HARMLESS)
    assert set().union(*sets) == OF_WORKSPACES
    assert sum(map(len, sets)) == len(OF_WORKSPACES)


def test_an_operation_that_is_not_classified_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ClientSettings("token", workspace_uuid="w", mode="draft")
    request = prepare(mine, "create_tag", body={"name": "a", "hex_color": "#112233"})
    safety.check_mode(request, mine)
    monkeypatch.setattr(safety, "HARMLESS", HARMLESS - {"create_tag"})
    with raises(ModeError, code="mode", field="mode"):
        safety.check_mode(request, mine)


@pytest.mark.parametrize("kind", ["blocking", "awaited"])
def test_in_check_mode_no_write_reaches_postboost(sandbox: Sandbox, kind: str) -> None:
    mine = settings(sandbox, "admin", mode="check")
    found = send_all(mine, WRITES, kind)
    refused = {name for name, error in found.items() if isinstance(error, ModeError)}
    assert refused == WRITES.keys() - PASS_IN_CHECK - {"validate_post"}
    assert seen(sandbox) & WRITES.keys() == WRITES.keys() - refused
    assert posts(sandbox) == []
    assert not isinstance(send_all(mine, ["list_tags"], kind)["list_tags"], ModeError)


@pytest.mark.parametrize("kind", ["blocking", "awaited"])
def test_in_draft_mode_nothing_that_publishes_reaches_postboost(sandbox: Sandbox, kind: str) -> None:
    found = send_all(settings(sandbox, "admin", mode="draft"), WRITES, kind)
    refused = {name for name, error in found.items() if isinstance(error, ModeError)}
    # It is not known whether the post is a draft.
    assert refused == PUBLISHING | {"update_post"}
    assert seen(sandbox) & WRITES.keys() == WRITES.keys() - refused


@pytest.mark.parametrize("field", ["schedule", "schedule_now", "queue"])
def test_in_draft_mode_a_new_post_is_a_draft(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    planned = {"date": "2030-01-01", "time": "10:00", "timezone": "UTC"} if field == "schedule" else {}
    with PostBoostClient(settings(sandbox, mode="draft")) as api:
        made = api.call("create_post", body={**POST, field: True, **planned})
        assert made["status"] == "draft"
        where = {"post_uuid": made["uuid"]}
        with raises(ModeError):
            api.call("update_post", parameters=where, body={**POST, field: True, **planned})
        with raises(ModeError):
            api.send("update_post", parameters=where, body={**POST, field: True, **planned}, of_draft=True)
        api.send("update_post", parameters=where, body=POST, of_draft=True)
    assert [p["status"] for p in posts(sandbox)] == ["draft"]
    assert field in caplog.text


@pytest.mark.parametrize(
    "mode, is_sent", [("app_only", True), ("app_and_social", False), ("social_only", False)]
)
def test_in_draft_mode_what_is_public_is_not_deleted_there(
    sandbox: Sandbox, mode: str, is_sent: bool
) -> None:
    with PostBoostClient(settings(sandbox)) as api:
        uuid = api.call("create_post", body=POST)["uuid"]
    body = {"trash": False, "delete_mode": mode}
    with PostBoostClient(settings(sandbox, mode="draft")) as api:
        if is_sent:
            api.call("delete_post", parameters={"post_uuid": uuid}, body=body)
        else:
            with raises(ModeError):
                api.call("delete_post", parameters={"post_uuid": uuid}, body=body)
            with raises(ModeError):
                api.call("delete_posts_bulk", body={"posts": [uuid], **body})
    assert bool(posts(sandbox)) is not is_sent


def test_a_connection_that_became_stricter_is_obeyed_when_it_is_read_again(sandbox: Sandbox) -> None:
    """A client reads it again when its token is refused. What it has prepared may be forbidden by then."""
    stale = settings(sandbox, "expired-token-that-nobody-has")
    for mode in ("draft", "check"):
        fresh = settings(sandbox, mode=mode)
        with PostBoostClient(stale, refresh=lambda fresh=fresh: fresh) as api, raises(ModeError):
            api.call("create_post", body={**POST, "schedule_now": True})
    assert posts(sandbox) == []


def test_the_error_names_the_mode_its_source_and_what_was_not_sent() -> None:
    mine = ClientSettings("token", workspace_uuid="w", name="connection 'mine'", mode="check")
    for given, source in ((mine, "'mine'"), (replace(mine, mode_source="POSTBOOST_MODE"), "POSTBOOST_MODE")):
        with raises(ModeError, code="mode", field="mode") as caught:
            safety.check_mode(prepare(given, "create_post", body=POST), given)
        for word in ("create_post", "'check'", source):
            assert word in str(caught.value)


def test_the_strictest_mode_wins() -> None:
    assert strictest("live", "check", "draft") == "check"
    assert strictest("draft", "live") == "draft"
    assert read_mode(" Check ") == "check"
    with pytest.raises(ValueError, match="live, draft or check"):
        read_mode("dry")


@pytest.mark.parametrize(
    "name, body, how",
    [
        ("create_post", {}, "draft"),
        ("create_post", {"schedule": True}, "schedule"),
        ("create_post", {"queue": True}, "now"),
        ("update_post", {"schedule_now": True}, "now"),
        ("schedule_post", {"postNow": False, "date": "2030-01-01"}, "schedule"),
        ("schedule_post", {"postNow": True}, "now"),
        ("approve_post", {}, "now"),
        ("create_tag", {"hex_color": "#112233"}, "draft"),
    ],
)
def test_what_a_request_publishes(name: str, body: dict[str, Any], how: str) -> None:
    op, call = OPERATIONS[name], call_of(OPERATIONS[name])
    request = prepare(
        ClientSettings("", workspace_uuid="w"), name, **{**call, "body": {**call["body"], **body}}
    )
    assert publishes(request) == how
    assert json.loads(request.content or b"{}").items() >= body.items()
    assert op.operation == name
