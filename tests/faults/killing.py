"""A process that is killed at one of its requests, as far as PostBoost can tell."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

MOST = 80


class Killed(BaseException):
    """Stands for ``kill -9``: nothing in the package may handle it."""


def kill_at_each_request(
    monkeypatch: pytest.MonkeyPatch, moment: str, act: Callable[[], Any]
) -> tuple[Any, int]:
    """Kill the first attempt at its first request, the next at its second, until one finishes.

    :param moment: ``before`` the request is sent, or ``after`` its response has arrived. Nothing is sent later.
    :return: what the last attempt returned, and how many were killed.
    """
    for kill_at in range(1, MOST):
        with monkeypatch.context() as patch:
            patch.setattr(httpx.Client, "send", _killing(kill_at, moment))
            try:
                return act(), kill_at - 1
            except Killed:
                continue
    raise AssertionError(f"{MOST - 1} attempts did not finish")


def _killing(kill_at: int, moment: str) -> Any:
    send, numbers = httpx.Client.send, itertools.count(1)

    def send_and_kill(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        number = next(numbers)
        if number > kill_at or (number == kill_at and moment == "before"):
            raise Killed
        response = send(self, request, **options)
        if number == kill_at:
            raise Killed
        return response

    return send_and_kill
