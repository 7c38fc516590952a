"""Posts that only the task's own memory knows: the log that would show another attempt may be late."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.clients import posts
from tests.publishing.journeys import Journey


class Remembered:
    """A task's memory, shared by its attempts."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def begin(self) -> None:
        return None

    def done(self) -> dict[str, Any]:
        return self.kept

    def remember(self, done: dict[str, Any]) -> None:
        self.kept = dict(done)


@pytest.mark.parametrize("hidden", [{"activity_delay": 3600.0}, {"activity_log": "off"}], ids=["late", "off"])
def test_an_edit_that_the_log_does_not_show_is_green_only_where_its_author_accepts_that(
    sandbox: Sandbox, mocker: Any, hidden: dict[str, Any]
) -> None:
    sandbox.reset(**hidden)
    journey, memory = Journey(sandbox, mocker), Remembered()
    assert journey.publish("One", memory=memory) == "created"
    assert journey.publish("Two", memory=memory) == "UnconfirmedError blind_log"
    assert journey.publish("Two", memory=memory, on_unknown="publish") == "updated"
    assert journey.publish("Two", memory=memory) == "adopted"
    assert [p["text"] for p in posts(sandbox)] == ["Two"]


def test_an_edit_of_a_post_that_the_log_has_forgotten_is_green(sandbox: Sandbox, mocker: Any) -> None:
    journey, memory = Journey(sandbox, mocker), Remembered()
    assert journey.publish("One", mode="draft", memory=memory) == "created"
    journey.later(days=100)
    assert journey.publish("Two", mode="draft", memory=memory) == "updated"
