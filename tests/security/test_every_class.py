"""Whatever a server does with a token, no class of the package shows it: not in a result, an event, an error or a log."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseHook, BaseOperator, Connection
from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.exceptions import TaskDeferred

from postboost_provider.api import client as client_module
from postboost_provider.cli.parser import get_cli_commands, main
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.security.cases import CASES, World, classes, make, short
from tests.security.hostile_server import FAILURES, WITHOUT_ECHO, HostileServer, hostile_server
from tests.security.leaking import LEAKING
from tests.security.tokens import find_token, make_token, shown, variables

CLASSES = {short(name): kind for name, kind in classes().items()}
EACH = [(name, index) for name, cases in CASES.items() for index in range(len(cases))]
MOST_STEPS = 9

Connect = Callable[..., None]


ANSWER = {
    "params_input": {"expires_on": f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"},
    "responded_at": datetime.now(UTC),
    "responded_by_user": {"id": "1", "name": "Ada"},
}


class Asked(Exception):
    """Airflow's signal that the task waits for a person."""


@pytest.fixture(autouse=True)
def _at_once(mocker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for, and two attempts are enough."""

    async def sleep(seconds: float) -> None: ...

    quiet = SimpleNamespace(sleep=lambda seconds: None, monotonic=time.monotonic, time=time.time)
    mocker.patch("postboost_provider.api.client.time", quiet)
    mocker.patch("postboost_provider.api.client.asyncio", SimpleNamespace(sleep=sleep))
    mocker.patch("postboost_provider.polling.poller.time", Hurried())
    mocker.patch("airflow.sdk.bases.sensor.time", quiet)
    mocker.patch("postboost_provider.polling.poller.asyncio", SimpleNamespace(sleep=sleep))
    mocker.patch("postboost_provider.triggers.shared_poller.GATHER_SECONDS", 0)
    monkeypatch.setitem(client_module._Client.__init__.__kwdefaults__, "attempts", 2)
    mocker.patch("airflow.providers.standard.operators.hitl.upsert_hitl_detail")
    mocker.patch("airflow.providers.standard.operators.hitl.TaskAwaitingInput", return_value=Asked())


class Hurried:
    """A clock in which every reading is a minute later, so that a wait comes to its end."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        self.now += 60
        return self.now

    def sleep(self, seconds: float) -> None: ...

    def monotonic(self) -> float:
        return self.time()


class Witness:
    """Everything that Airflow would store or print of one task."""

    def __init__(self, when_asked: Callable[[], object] = lambda: None) -> None:
        self.when_asked = when_asked
        self.seen: list[str] = []
        self.variables: list[str] = []

    def note(self, *values: Any) -> None:
        self.seen += [f"{value!s} {value!r}" for value in values]

    def run(self, thing: Any) -> BaseException | None:
        """Run it to its end, through its deferrals, and return the error it ended with."""
        ctx = context(ti_id="ti")
        ctx["task_instance"] = SimpleNamespace(id="ti")
        try:
            try:
                self._run(thing, ctx)
            except Asked:
                self.note(vars(thing))
                self.when_asked()
                self.note(thing.execute_complete(ctx, {**ANSWER, "chosen_options": thing.options[:1]}))
        except Exception as error:  # noqa: BLE001
            self.seen += [*shown(error), "".join(traceback.format_exception(error))]
            self.variables += variables(error)
            return error
        finally:
            self.note(ctx["pushed"], vars(thing))
        return None

    def _run(self, thing: Any, ctx: dict[str, Any]) -> None:
        if isinstance(thing, BaseHook):
            self.note(thing.test_connection(), thing.get_conn(), thing.settings())  # type: ignore[attr-defined]
            with thing.get_conn() as api:
                self.note(api.call("list_tags"))
            return
        if not isinstance(thing, BaseOperator):
            self.note(thing.serialize(), asyncio.run(self._events(thing)))
            return
        step = lambda: thing.execute(ctx)
        for _ in range(MOST_STEPS):
            try:
                self.note(step())
                return
            except TaskDeferred as deferred:
                name, arguments = deferred.trigger.serialize()
                self.note(name, arguments, deferred.kwargs)
                payload = asyncio.run(self._events(import_string(name)(**json.loads(json.dumps(arguments)))))
                event = {"event": json.loads(json.dumps(payload))}
                step = lambda m=deferred.method_name, e=event: thing.resume_execution(m, e, ctx)
        raise AssertionError("it defers for ever")

    async def _events(self, trigger: Any) -> Any:
        events = trigger.run()
        try:
            payload = (await asyncio.wait_for(anext(events), 20)).payload
        finally:
            await events.aclose()
            await asyncio.sleep(0)
        self.note(payload)
        return payload

    def find(self, token: str, log: str) -> list[str]:
        return find_token(token, "\n".join([*self.seen, log]))


@pytest.fixture
def world(sandbox: Sandbox, tmp_path: Path) -> World:
    sandbox.reset(publish_seconds=0)
    return World(sandbox, tmp_path)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, world: World) -> Connect:
    """Have every connection id lead to the world's sandbox, with its token, or wherever the test says."""

    def connect(admin: str = world.sandbox.tokens["admin"], **changes: Any) -> None:
        def get(conn_id: str) -> Connection:
            token = admin if conn_id == "admin" else world.token
            known = {"host": world.sandbox.base_url, "password": token, "extra": world.extras, **changes}
            return Connection(
                conn_id=conn_id,
                conn_type="postboost",
                **{**known, "extra": json.dumps(known["extra"], default=str)},
            )

        async def aget(conn_id: str) -> Connection:
            return get(conn_id)

        monkeypatch.setattr(BaseHook, "get_connection", staticmethod(get))
        monkeypatch.setattr(BaseHook, "aget_connection", staticmethod(aget))

    return connect


def test_every_class_has_a_case() -> None:
    assert set(CLASSES) == set(CASES)


@pytest.mark.parametrize(("name", "index"), EACH)
def test_nothing_shows_the_token_when_all_is_well(
    name: str, index: int, world: World, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    arguments = CASES[name][index](world)
    connect()
    before = len(world.sandbox.requests())
    witness = Witness(world.replace_token)
    error = witness.run(make(CLASSES[name], arguments))
    assert error is None
    assert len(world.sandbox.requests()) > before
    for token in {*world.sandbox.tokens.values(), world.token, *world.stored}:
        assert witness.find(token, caplog.text) == []


@pytest.fixture
def server(world: World) -> Iterator[HostileServer]:
    with hostile_server(make_token()) as server:
        yield server


@pytest.mark.parametrize(("name", "index"), EACH)
def test_nothing_shows_the_token_whatever_the_server_sends(
    name: str,
    index: int,
    world: World,
    server: HostileServer,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    arguments = CASES[name][index](world)
    extras = world.extras
    held = world.token if name == "RotateTokenOperator" else server.token
    connect(host=f"{server.origin}/app/api", admin=server.token)
    hits: dict[str, list[str]] = {}
    for failure, server.answer in FAILURES.items():
        caplog.clear()
        world.token, world.extras = held, dict(extras)
        witness = Witness(lambda: setattr(world, "token", server.token))
        before = len(server.seen)
        witness.run(make(CLASSES[name], arguments))
        assert len(server.seen) > before, failure
        assert server.token.encode() in server.seen[-1]
        hits[failure] = witness.find(server.token, caplog.text)
        if failure in WITHOUT_ECHO:
            hits[failure] += find_token(server.token, "\n".join(witness.variables))
    caplog.clear()
    # asyncio logs errors that nobody retrieved.
    gc.collect()
    hits["asyncio"] = find_token(server.token, caplog.text)
    assert {failure: found for failure, found in hits.items() if found} == {}


@pytest.mark.parametrize("how", ["refused", "silent", "not TLS"])
@pytest.mark.parametrize(("name", "index"), EACH)
def test_nothing_shows_the_token_without_a_response(
    name: str,
    index: int,
    how: str,
    world: World,
    server: HostileServer,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    arguments = CASES[name][index](world)
    host = f"{server.origin}/app/api"
    if how == "refused":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            host = f"http://127.0.0.1:{closed.getsockname()[1]}/app/api"
    elif how == "not TLS":
        server.answer = FAILURES["401"]
        host = host.replace("http:", "https:")
    world.token = server.token
    connect(host=host, admin=server.token, extra={**world.extras, "timeout_seconds": 0.05})
    witness = Witness()
    witness.run(make(CLASSES[name], arguments))
    assert witness.find(server.token, caplog.text + "\n".join(witness.variables)) == []


@pytest.mark.parametrize("kind", LEAKING)
def test_a_class_that_leaks_is_found(
    kind: type[Any], world: World, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connect()
    witness = Witness()
    witness.run(kind(task_id="task", operation="list_tags"))
    assert witness.find(world.token, caplog.text) != []


# What a command needs beside its name. A command with options that make other requests is here twice.
ARGUMENTS = {"post": ["p"], "check": ["", "--prove --account twitter:northwind"]}
COMMANDS = [
    f"{command.name} {arguments}{flag}"
    for command in get_cli_commands()[0].subcommands
    for arguments in ARGUMENTS.get(command.name, [""])
    for flag in ("", " --json")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_shows_the_token(
    command: str,
    world: World,
    server: HostileServer,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    world.token = server.token
    connect(host=f"{server.origin}/app/api")
    for server.answer in FAILURES.values():
        with suppress(SystemExit):
            main(command.split())
    assert server.seen
    said = capfd.readouterr()
    assert said.out + said.err
    assert find_token(server.token, said.out + said.err + caplog.text) == []
