"""A TCP proxy between a client and PostBoost, which does to each request what a schedule says.

Each lane is a port of its own, and serves one attempt of a task at a time. Overlapping attempts take turns, request by
request, in an order that is drawn from a seed, so that each race can be repeated.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.faults.http_bytes import END, GoneError, Message, receive
from tests.faults.schedule import AFTER, BEFORE, CALM, Fault
from tests.faults.turns import Turns

TIMEOUT = 20.0


class Kill:
    """Ends a process at one of its requests, without warning."""

    def __init__(self, pid: int, at: int, moment: str) -> None:
        self._pid, self._left, self._moment = pid, at, moment
        self.done = False

    def strike(self, moment: str) -> bool:
        if moment == BEFORE:
            self._left -= 1
        if self._left == 0 and moment == self._moment and not self.done:
            os.kill(self._pid, signal.SIGKILL)
            self.done = True
        return self.done


class Lane:
    """One port, and what happens to the requests that come to it."""

    def __init__(self, proxy: Proxy, number: int) -> None:
        self.number = number
        self.schedule = CALM
        self.kill: Kill | None = None
        self._proxy = proxy
        self._refusals = 0
        self._listener = _listen(0)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def refuse(self, naps: int) -> None:
        """Refuse connections until a client has paused so often."""
        self._refusals = naps
        self._close()

    def nap(self) -> None:
        """A client has paused."""
        self._refusals -= 1
        if self._refusals <= 0:
            self.open()

    def open(self) -> None:
        self._refusals = 0
        if self._listener.fileno() < 0:
            self._listener = _listen(self.port)
            threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.settimeout(TIMEOUT)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        with client, suppress(GoneError, OSError):
            while True:
                request = receive(client)
                with self._proxy.turns.turn(self.number):
                    goes_on = self._proxy.handle(self, client, request)
                if not goes_on or request.wants_close:
                    return


class Proxy:
    """All lanes.

    :param upstream: PostBoost's port on this machine.
    :param pass_time: lets so many seconds pass without waiting for them.
    """

    def __init__(self, upstream: int, pass_time: Callable[[float], None], lanes: int = 3) -> None:
        self._upstream = upstream
        self._pass_time = pass_time
        self.turns = Turns()
        self.log: list[str] = []
        self.faults: list[Fault] = []
        self.files: dict[str, bytes] = {}
        self._held: list[tuple[int, Message]] = []
        self.lanes = [Lane(self, number) for number in range(lanes)]

    def reset(self) -> None:
        self.log, self.faults, self._held = [], [], []
        for lane in self.lanes:
            lane.open()
            lane.schedule, lane.kill = CALM, None

    def deliver_held(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, []
        for _, request in held:
            self._note("held", request, self._exchange(request), None)

    def handle(self, lane: Lane, client: socket.socket, request: Message) -> bool:
        """Do to one request what the schedule says. Returns whether the connection is still of use."""
        self._deliver_due()
        if (file := self.files.get(request.path)) is not None:
            client.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: %d\r\n\r\n" % len(file) + file
            )
            return True
        fault = lane.schedule.next(request)
        if fault:
            self.faults.append(fault)
        if lane.kill and lane.kill.strike(BEFORE):
            self._note(lane.number, request, None, "killed before")
            return False
        if fault and fault.moment == BEFORE:
            answer = self._before(lane, request, fault)
            if answer is None or fault.kind != "delay":
                self._note(lane.number, request, None, fault)
                return _finish(client, fault, answer)
        try:
            answer = self._send_upstream(request, fault)
        except GoneError:
            # A request of a killed process: PostBoost's connection ended as well.
            return False
        self._note(lane.number, request, answer, fault)
        if lane.kill and lane.kill.strike(AFTER):
            self._note(lane.number, request, None, "killed after")
            return False
        if fault and fault.moment == AFTER:
            return _finish(client, fault, self._after(fault, answer))
        client.sendall(answer)
        return True

    def _before(self, lane: Lane, request: Message, fault: Fault) -> bytes | None:
        """Return what to send to the client in place of a response, if anything."""
        if fault.kind == "refuse":
            lane.refuse(fault.number)
        elif fault.kind == "delay":
            self._pass_time(fault.number)
            return b""
        elif fault.kind == "cut request":
            with suppress(OSError), self._connect() as server:
                server.sendall(request.raw[: min(fault.number, len(request.raw) - 1)])
        elif fault.kind == "late":
            self._held.append((fault.number, request))
        return fault.canned or None

    def _after(self, fault: Fault, answer: bytes) -> bytes | None:
        if fault.kind == "delay":
            self._pass_time(fault.number)
            return answer
        if fault.kind == "cut response":
            return answer[: min(fault.number, len(answer) - 1)]
        if fault.kind == "truncate":
            head, _, body = answer.partition(END)
            body = body[: max(0, len(body) - fault.number)]
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
            return b"\r\n".join([*lines, b"content-length: %d" % len(body)]) + END + body
        if fault.kind in ("drip", "twice", "together"):
            return answer
        return fault.canned or None

    def _send_upstream(self, request: Message, fault: Fault | None) -> bytes:
        kind = fault.kind if fault else ""
        if kind == "twice":
            answers = [self._exchange(request), self._exchange(request)]
            return answers[fault.number] if fault else b""
        if kind == "together":
            found: list[bytes] = []
            threads = [
                threading.Thread(target=lambda: found.append(self._exchange(request))) for _ in range(2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if not found:
                raise GoneError
            return found[min(fault.number if fault else 0, len(found) - 1)]
        return self._exchange(request)

    def _exchange(self, request: Message) -> bytes:
        with self._connect() as server:
            try:
                server.sendall(request.raw)
            except OSError as error:
                raise GoneError from error
            return receive(server, has_body=request.method != "HEAD").raw

    def _connect(self) -> socket.socket:
        server = socket.create_connection(("127.0.0.1", self._upstream), timeout=TIMEOUT)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    def _deliver_due(self) -> None:
        self._held = [(left - 1, request) for left, request in self._held]
        for left, request in list(self._held):
            if left <= 0:
                self._held.remove((left, request))
                self._note("held", request, self._exchange(request), None)

    def _note(self, lane: Any, request: Message, answer: bytes | None, fault: Any) -> None:
        status = answer.split(b" ", 2)[1].decode("latin-1") if answer and answer.count(b" ") > 1 else "-"
        replayed = (
            " replayed" if answer and b"idempotent-replayed" in answer.lower().partition(END)[0] else ""
        )
        key = request.headers.get("idempotency-key", "")[:6]
        label = request.headers.get("x-postboost-client", "")
        path = request.path.split("/app/api")[-1]
        parts = path.split("/", 2)
        path = parts[2] if len(parts) > 2 and len(parts[1]) == 36 else path
        self.log.append(
            f"    [{lane}] {request.method:6} {path[:90]:60} {status}{replayed}"
            + (f"  key {key}" if key else "")
            + (f"  {label}" if request.method != "GET" else "")
            + (f"  <== {fault}" if fault else "")
        )


def _finish(client: socket.socket, fault: Fault, answer: bytes | None) -> bool:
    """Give the client what the fault leaves of the response, and return whether the connection is still of use."""
    if answer and fault.kind == "drip":
        step = len(answer) // fault.number + 1
        for start in range(0, len(answer), step):
            client.sendall(answer[start : start + step])
            time.sleep(0.002)
        return True
    if answer:
        client.sendall(answer)
    if fault.kind in ("delay", "twice", "together", "truncate"):
        return True
    if fault.kind in ("reset", "late", "refuse"):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    return listener
