"""A process that dies at one of its requests, as far as PostBoost can tell."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

MOST = 80


class Killed(BaseException):
    """What stands for ``kill -9``: nothing in the package may handle it."""


def die_at_each_request(
    monkeypatch: pytest.MonkeyPatch, moment: str, act: Callable[[], Any]
) -> tuple[Any, int]:
    """Let the first try die at its first request, the next at its second, until one comes to its end.

    :param moment: ``before`` or ``after`` the request has gone out and was answered. Nothing goes out later.
    :return: what the last try returned, and how many died.
    """
    for die_at in range(1, MOST):
        with monkeypatch.context() as patch:
            patch.setattr(httpx.Client, "send", _dying(die_at, moment))
            try:
                return act(), die_at - 1
            except Killed:
                continue
    raise AssertionError(f"{MOST - 1} tries have not come to an end")


def _dying(die_at: int, moment: str) -> Any:
    send, numbers = httpx.Client.send, itertools.count(1)

    def send_and_die(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        number = next(numbers)
        if number > die_at or (number == die_at and moment == "before"):
            raise Killed
        response = send(self, request, **options)
        if number == die_at:
            raise Killed
        return response

    return send_and_die
