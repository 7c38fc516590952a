"""What goes wrong, drawn from a seed: the faults of each request of an attempt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.http_bytes import Message, page, response

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one request.

    :param kind: its name in the table.
    :param moment: ``before`` the server got the request, or ``after`` the server had done it.
    :param number: bytes, seconds or requests, by kind.
    :param canned: the bytes that the client gets in place of the response.
    """

    kind: str
    moment: str
    number: int = 0
    canned: bytes = b""

    def __str__(self) -> str:
        return f"{self.kind} {self.moment}" + (f" ({self.number})" if self.number else "")


def _canned(kind: str, make: Callable[[random.Random], bytes]) -> Callable[[random.Random, str], Fault]:
    return lambda rng, moment: Fault(kind, moment, canned=make(rng))


def _throttled(rng: random.Random) -> bytes:
    after = {"retry_after": str(rng.choice([1, 7, 90]))} if rng.random() < 0.5 else {}
    return response(429, {"message": "Too Many Attempts."}, **after)


GARBAGE = [
    b"\x00\xff\x13\x37" * 8,
    b"HTTP/1.1 banana\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}",
]

# Each of these can strike before and after.
_ANYWHERE: dict[str, Callable[[random.Random, str], Fault]] = {
    "reset": lambda rng, moment: Fault("reset", moment),
    "close": lambda rng, moment: Fault("close", moment),
    "delay": lambda rng, moment: Fault("delay", moment, rng.choice([2, 45, 130, 400])),
    "garbage": _canned("garbage", lambda rng: rng.choice(GARBAGE)),
    "page 200": _canned("page 200", lambda rng: page(200)),
    "page 403": _canned("page 403", lambda rng: page(403)),
    "page 404": _canned("page 404", lambda rng: page(404)),
    "page 408": _canned("page 408", lambda rng: page(408)),
    "page 5xx": _canned("page 5xx", lambda rng: page(rng.choice([500, 502, 503, 504]))),
    "json 5xx": _canned(
        "json 5xx", lambda rng: response(rng.choice([500, 503]), {"message": "Server Error"})
    ),
    "429": _canned("429", _throttled),
    "success false": _canned("success false", lambda rng: response(200, {"success": False})),
    "junk json": _canned(
        "junk json", lambda rng: response(200, rng.choice([b"null", b"[]", b'"ok"', b"{}", b"3"]))
    ),
}
_BEFORE: dict[str, Callable[[random.Random], Fault]] = {
    "refuse": lambda rng: Fault("refuse", BEFORE, rng.choice([1, 3, 8, 12])),
    "cut request": lambda rng: Fault("cut request", BEFORE, rng.randrange(1, 400)),
}
_AFTER: dict[str, Callable[[random.Random], Fault]] = {
    "cut response": lambda rng: Fault("cut response", AFTER, rng.randrange(1, 500)),
    "truncate": lambda rng: Fault("truncate", AFTER, rng.randrange(1, 60)),
    "drip": lambda rng: Fault("drip", AFTER, rng.randrange(3, 7)),
}
# A proxy that repeats or holds back an unkeyed write makes two of it, whatever a client does. These faults are for the others.
_REPEATS: dict[str, Callable[[random.Random], Fault]] = {
    "twice": lambda rng: Fault("twice", AFTER, rng.randrange(2)),
    "together": lambda rng: Fault("together", AFTER, rng.randrange(2)),
    "late": lambda rng: Fault("late", BEFORE, rng.randrange(1, 6)),
}
KINDS = (*_ANYWHERE, *_BEFORE, *_AFTER, *_REPEATS)


def draw(rng: random.Random, request: Message) -> Fault:
    """Draw a fault that can strike this request."""
    kind = rng.choice(KINDS)
    if kind in _REPEATS and not (request.is_keyed or request.method == "GET"):
        kind = "close"
    if kind in _ANYWHERE:
        return _ANYWHERE[kind](rng, rng.choice([BEFORE, AFTER]))
    return {**_BEFORE, **_AFTER, **_REPEATS}[kind](rng)


class Schedule:
    """The faults of one attempt, and the request at which its process is killed.

    :param rate: how many of the requests have a fault, from 0 to 1.
    :param most: after so many faults, the rest is well.
    """

    def __init__(self, seed: str, rate: float = 0.0, most: int = 99) -> None:
        self._rng = random.Random(seed)
        self._rate, self._left = rate, most
        self.drawn: list[Fault] = []

    def next(self, request: Message) -> Fault | None:
        if self._left <= 0 or self._rng.random() >= self._rate:
            return None
        self._left -= 1
        self.drawn.append(draw(self._rng, request))
        return self.drawn[-1]


CALM = Schedule("calm")
