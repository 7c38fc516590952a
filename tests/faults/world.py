"""A PostBoost, a network that fails, and a clock; and how one attempt of a task runs in them."""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

import structlog
from airflow.providers.common.compat.sdk import BaseHook, Connection
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from asgiref.sync import SyncToAsync

from postboost_provider.api import transport
from postboost_provider.api.errors import PostBoostError, is_retryable
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.media import upload
from tests.faults.airflow_side import TaskInstance, run_to_end
from tests.faults.checker import Seen
from tests.faults.proxy import Kill, Proxy
from tests.faults.schedule import CALM, Schedule
from tests.faults.virtual_time import START, VirtualTime

LANES = 3
# The user whose posts these are, and the token of each connection.
CONNECTIONS = {"": "member", "admin_": "admin"}
# Files above it go in chunks: a limit that a fast test reaches.
MULTIPART_LIMIT = 60_000
CHILD_SECONDS = 60.0
# The code of a task that skips itself, as there was nothing to do: to be judged as a green one.
SKIPPED = "AirflowSkipException/"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: ``green``, ``soft`` (retried), ``hard`` (fails for good), ``killed`` or ``crash`` (an error that is
    not the package's).
    """

    kind: str
    result: Any = None
    code: str = ""
    message: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.code} {self.message[:600] or str(self.result)[:300]}".rstrip()


def read_error(error: BaseException) -> Outcome:
    is_final = isinstance(error, AirflowFailException)
    cause = (getattr(error, "error", None) or error.__cause__ or error) if is_final else error
    code = f"{type(cause).__name__}/{getattr(cause, 'code', None) or ''}"
    if isinstance(error, AirflowSkipException):
        return Outcome("green", code=SKIPPED, message=str(error))
    if isinstance(error, AirflowSensorTimeout):
        return Outcome("soft", code="AirflowSensorTimeout/", message=str(error))
    if is_final:
        return Outcome("hard", code=code, message=str(error))
    if isinstance(error, PostBoostError):
        return Outcome("soft" if is_retryable(error) else "hard", code=code, message=str(error))
    return Outcome("crash", code=code, message=str(error))


class World:
    """Everything but the tasks. ``reset`` makes it new for the next sequence.

    ``anchor`` is when the run of the DAG was due.
    """

    anchor: datetime
    skew: timedelta

    def __enter__(self) -> Self:
        logging.disable(logging.CRITICAL)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        # A task is run without a task runner here, on purpose: without a warning for each.
        ExecutorSafeguard.test_mode = True
        self.time = VirtualTime()
        self.time.install()
        self.sandbox = Sandbox().__enter__()
        self.proxy = Proxy(self.sandbox._socket.getsockname()[1], self.time.pass_time, LANES)
        self.time.on_nap = self._nap
        self.time.before_long = self.proxy.deliver_held
        context = ssl.create_default_context()
        transport._tls = lambda given: context
        upload.MULTIPART_LIMIT_BYTES = MULTIPART_LIMIT
        self.connections: dict[str, Connection] = {}
        BaseHook.get_connection = self._get_connection  # type: ignore[method-assign,assignment]
        self._thread = threading.local()
        for prefix, token in CONNECTIONS.items():
            for lane in self.proxy.lanes:
                extras = {"workspace_uuid": self.workspace}
                self.connect(f"{prefix}lane_{lane.number}", self.sandbox.tokens[token], extras, lane.number)
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.__exit__(None, None, None)
        self.time.stop()

    def reset(self, switches: dict[str, Any], skew: timedelta = timedelta(), start: datetime = START) -> None:
        """Start over.

        :param skew: how far PostBoost's clock is ahead of this one.
        :param start: what time it is.
        """
        self.time.reset(start)
        self.proxy.reset()
        self.sandbox.reset(**{"publish_seconds": 2.0, "chunk_size": 25_000, **switches})
        self.skew = skew
        self.in_server(lambda store: setattr(store.clock, "_offset", skew))
        self.in_server(_add_guest)

    def pass_time(self, seconds: float) -> None:
        self.time.pass_time(seconds)
        self.sandbox.advance(0)

    def _nap(self) -> None:
        for lane in self.proxy.lanes:
            lane.nap()

    def in_server(self, act: Callable[[Any], Any]) -> Any:
        return self.sandbox._run_in_server(lambda: act(self.sandbox._service.store))

    def server_now(self) -> datetime:
        return self.time.now() + self.skew

    def call(self, method: str, path: str, body: Any, token: str = "member") -> Any:
        """Let somebody else use PostBoost, past the proxy."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.sandbox._socket.getsockname()[1], timeout=20
        )
        headers = {
            "Authorization": f"Bearer {self.sandbox.tokens[token]}",
            "Content-Type": "application/json",
        }
        connection.request(method, f"/app/api/{self.workspace}/{path}", json.dumps(body), headers)
        response = connection.getresponse()
        payload = response.read()
        connection.close()
        assert response.status < 300, payload
        return json.loads(payload)

    def connect_blind(self) -> None:
        """Set the connections of a key that may write and publish, and not read."""
        body = {"name": "Blind", "abilities": ["write", "publish"], "account_ids": None}
        key = self.call("POST", "api-keys", body, token="admin")["data"]
        for lane in self.proxy.lanes:
            extras = {"workspace_uuid": self.workspace}
            self.connect(f"blind_lane_{lane.number}", key["token"], extras, lane.number)

    def serve(self, name: str, content: bytes) -> str:
        """Serve a file, and return its URL."""
        self.proxy.files[f"/files/{name}"] = content
        return f"http://127.0.0.1:{self.proxy.lanes[-1].port}/files/{name}"

    def connect(self, conn_id: str, token: str, extras: Mapping[str, Any], lane: int) -> None:
        """Set one of Airflow's connections, through a lane."""
        connection = {
            "conn_type": "postboost",
            "host": f"http://127.0.0.1:{self.proxy.lanes[lane].port}/app/api",
            "password": token,
            "extra": {"timeout_seconds": 15, **extras},
        }
        self.connections[conn_id] = Connection.from_json(json.dumps(connection), conn_id=conn_id)

    def _get_connection(self, conn_id: str) -> Connection:
        """Return a connection. One that is not a lane's own leads through the lane of the attempt that asks."""
        lane = getattr(self._thread, "lane", 0)
        return self.connections.get(f"{conn_id}@{lane}") or self.connections[conn_id]

    @property
    def workspace(self) -> str:
        return str(self.sandbox.workspaces[0]["uuid"])

    def look(self, read: Callable[[Any], Any]) -> Any:
        """Read the sandbox's state: ``read`` is given its workspace."""
        return self.in_server(lambda store: read(store.workspaces[self.workspace]))

    def posts(self) -> list[Seen]:
        """Return every post, as PostBoost has it."""

        def read(workspace: Any) -> list[Seen]:
            self.sandbox._service.advance_to_now()
            names = {tag.id: tag.name for tag in workspace.tags.values()}
            return [_seen(post, names, workspace.media) for post in workspace.posts.values()]

        return list(self.look(read))

    def attempt(
        self,
        make: Callable[[str], Any],
        context: dict[str, Any],
        *,
        lane: int = 0,
        schedule: Schedule = CALM,
    ) -> Outcome:
        """Run a task to its end, in this process.

        :param make: returns the task for a lane's connection.
        """
        here = self.proxy.lanes[lane]
        here.schedule, self._thread.lane = schedule, lane
        self.time.forget_naps()
        try:
            return Outcome("green", run_to_end(lambda: make(f"lane_{lane}"), context, self.time.pass_time))
        except Exception as error:  # noqa: BLE001 - a task may end with any
            return read_error(error)
        finally:
            here.schedule = CALM
            here.open()

    def attempt_in_child(
        self,
        make: Callable[[str], Any],
        ti: TaskInstance,
        *,
        lane: int = 0,
        schedule: Schedule = CALM,
        kill_at: tuple[int, str] | None = None,
        kill_after: float | None = None,
    ) -> Outcome:
        """Run a task to its end in a process of its own, which is killed.

        :param kill_at: at which of its requests, and whether ``before`` or ``after`` it.
        :param kill_after: or after how many seconds.
        """
        ours, theirs = socket.socketpair()
        context = ti.context()
        here = self.proxy.lanes[lane]
        here.schedule = schedule
        pid = os.fork()
        if pid == 0:
            self._be_child(theirs, make, ti, context, lane)
        theirs.close()
        # Whatever keeps a child for so long, it is killed.
        limit = threading.Timer(CHILD_SECONDS, lambda: os.kill(pid, signal.SIGKILL))
        limit.start()
        if kill_at is not None:
            here.kill = Kill(pid, *kill_at)
        timer = (
            threading.Timer(kill_after, lambda: os.kill(pid, signal.SIGKILL))
            if kill_after is not None
            else None
        )
        if timer:
            timer.start()
        outcome = None
        # A socket whose other end was killed before it read everything is reset, and not at its end.
        with ours, ours.makefile("r") as lines, suppress(ConnectionResetError, BrokenPipeError):
            for line in lines:
                said = json.loads(line)
                if "pass" in said:
                    self.time.pass_time(said["pass"])
                    self._nap()
                elif "store" in said:
                    key, value, forever = said["store"]
                    ti.store.set(key, value, retention="forever" if forever else None)
                else:
                    outcome = Outcome(**said)
                ours.sendall(b"\n")
        if timer:
            timer.cancel()
        limit.cancel()
        os.waitpid(pid, 0)
        here.schedule, here.kill = CALM, None
        here.open()
        return outcome or Outcome("killed")

    def _be_child(
        self,
        parent: socket.socket,
        make: Callable[[str], Any],
        ti: TaskInstance,
        context: dict[str, Any],
        lane: int,
    ) -> None:
        """Never returns."""

        def tell(**said: Any) -> None:
            parent.sendall(json.dumps(said, default=str).encode() + b"\n")
            parent.recv(1)

        try:
            # The threads of the parent's executors do not exist here.
            SyncToAsync.single_thread_executor = ThreadPoolExecutor(max_workers=1)
            self.time.tell = lambda seconds: tell(**{"pass": seconds})
            self.time.on_nap = self.time.before_long = lambda: None
            ti.store.tell = lambda key, value, forever: tell(store=[key, value, forever])
            try:
                outcome = Outcome(
                    "green", run_to_end(lambda: make(f"lane_{lane}"), context, self.time.pass_time)
                )
            except Exception as error:  # noqa: BLE001 - a task may end with any
                outcome = read_error(error)
            tell(kind=outcome.kind, result=outcome.result, code=outcome.code, message=outcome.message)
        finally:
            os._exit(0)


def _add_guest(store: Any) -> None:
    """Add a user who is not a member of any workspace."""
    member = next(iter(store.users.values()))
    guest = replace(
        member, id=store.next_id("user"), name="Gus Guest", email="guest@northwind.example", is_admin=False
    )
    store.users[guest.id] = guest


def _seen(post: Any, tags: dict[int, str], library: dict[str, Any]) -> Seen:
    files = {item.id: item.content.sha256 for item in library.values()}
    contents = {target.account.id: post.content_for(target.account) for target in post.targets}
    return Seen(
        uuid=post.uuid,
        status=str(post.status),
        trashed=post.trashed,
        approved=post.approved,
        texts={account: tuple(part["body"] for part in parts) for account, parts in contents.items()},
        media={
            account: tuple(files.get(each, "?") for each in parts[0]["media"])
            for account, parts in contents.items()
        },
        states={target.account.id: target.status for target in post.targets},
        tags=frozenset(tags.get(each, "?") for each in post.tag_ids),
        scheduled_at=post.scheduled_at,
    )
