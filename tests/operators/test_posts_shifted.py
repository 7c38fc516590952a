"""A mapped list that shifts before a later attempt, where PostBoost tells little: nothing is published twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from postboost_provider.api.errors import PostBoostError
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.airflow_support.test_task_memory import Store
from tests.clients import make_key, posts

BEGAN = datetime.now(UTC)


class Mapped:
    """A mapped task of one run, at any later hour."""

    def __init__(self, **options: Any) -> None:
        self.options = {"accounts": [1], **options}
        self.began = BEGAN
        self.clears = 0
        self.tries: dict[int, int] = {}
        self.stores: dict[int, Store] | None = None

    def run(self, texts: str, hours: float = 0, **options: Any) -> list[str]:
        """Let each place publish; return what was done, or the code of the error."""
        options = {**self.options, **options}
        with time_machine.travel(BEGAN + timedelta(hours=hours), tick=True):
            done = [self._attempt(index, texts, options) for index in range(len(texts))]
        self.clears += 1
        return done

    def expand(self, before: str, after: str, rendered: str | None = None, **options: Any) -> list[str]:
        """Let the places that are new in a list publish, in a run that was not cleared.

        :param rendered: the list as these attempts had read it.
        """
        options = {**self.options, **options}
        return [
            self._attempt(index, after, options, rendered)
            for index in range(len(after))
            if index >= len(before)
        ]

    def _attempt(self, index: int, texts: str, options: dict[str, Any], rendered: str | None = None) -> str:
        operators = [PostBoostCreatePostOperator(task_id="post", text=f"Text {t}", **options) for t in texts]

        def render(of_other: dict[str, Any]) -> None:
            of_other["task"] = operators[of_other["ti"].map_index]

        self.tries[index] = self.tries.get(index, 0) + 1
        ctx = context(dag=SimpleNamespace(get_task=lambda _: SimpleNamespace(render_template_fields=render)))
        if self.stores is not None:
            ctx["task_state_store"] = self.stores.setdefault(index, Store())
        states = {f"task_{i}": "queued" for i in range(len(texts))}
        ctx["ti"].map_index, ctx["ti"].try_number = index, self.tries[index]
        ctx["ti"].get_task_states = lambda **_: {"run": states}
        ctx["dag_run"] = SimpleNamespace(
            run_after=self.began, start_date=datetime.now(UTC), clear_number=self.clears
        )
        mine = operators[index]
        if rendered:
            mine = PostBoostCreatePostOperator(task_id="post", text=f"Text {rendered[index]}", **options)
        try:
            return str(mine.execute(ctx)["result"])  # type: ignore[arg-type]
        except PostBoostFailException as error:
            return str(error.error.code)
        except PostBoostError as error:
            return str(error.code or type(error).__name__)


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> Sandbox:
    use_connection(monkeypatch, sandbox)
    mocker.patch("postboost_provider.idempotency.log_check.PROOF_SECONDS", 0.1)
    return sandbox


def may_not_read(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))


@pytest.mark.parametrize(
    ("log", "hours", "code"),
    [
        ({"activity_log": "off"}, 25, "blind_log"),
        ({"activity_delay": 3 * 86400.0}, 25, "blind_log"),
        ({}, 91 * 24, "beyond_memory"),
    ],
    ids=["off", "late", "forgotten"],
)
@pytest.mark.parametrize("remembers", [False, True])
def test_a_log_that_is_silent_proves_nothing_about_another_place(
    sandbox: Sandbox, log: dict[str, Any], hours: int, code: str, remembers: bool
) -> None:
    sandbox.reset(**log)
    mapped = Mapped()
    mapped.stores = {} if remembers else None
    assert mapped.run("ABC") == ["created"] * 3
    after = mapped.run("XABC", hours)
    assert after == (["list_changed"] * 3 if remembers else [code] * 3) + [code]
    assert len(posts(sandbox)) == 3


def test_without_the_log_a_new_place_may_be_an_old_post(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    may_not_read(monkeypatch, sandbox)
    mapped = Mapped()
    assert mapped.run("ABC") == ["created"] * 3
    assert mapped.run("XABC", 25) == ["beyond_memory"] * 4
    assert len(posts(sandbox)) == 3
    assert mapped.run("XABC", 25, on_unknown="publish") == ["created"] * 4


def test_without_the_log_and_the_guard_nothing_tells_at_once(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    may_not_read(monkeypatch, sandbox)
    mapped = Mapped(on_duplicate="allow")
    assert mapped.run("ABC") == ["created"] * 3
    assert mapped.run("XABC", 1) == ["list_changed"] * 4
    assert len(posts(sandbox)) == 3


def test_without_the_guard_a_blind_log_proves_nothing_at_once(sandbox: Sandbox) -> None:
    sandbox.reset(activity_log="off")
    mapped = Mapped(on_duplicate="allow")
    assert mapped.run("ABC") == ["created"] * 3
    assert mapped.run("XABC", 1) == ["blind_log"] * 4
    assert len(posts(sandbox)) == 3


def test_a_log_that_is_late_by_a_moment_is_read_again(sandbox: Sandbox, mocker: Any) -> None:
    """It shows the request of the proof, and by then also what the places were found without."""
    mapped = Mapped(on_duplicate="allow")
    sandbox.reset(activity_delay=60.0)
    assert mapped.run("ABC") == ["created"] * 3
    mocker.patch(
        "postboost_provider.publishing.publish.require_sight", side_effect=lambda *_: sandbox.advance(120)
    )
    assert mapped.run("XABC")[0] == "blind_log"
    assert mapped.run("XABC", 1) == ["created", *["adopted"] * 3]
    assert len(posts(sandbox)) == 4


def test_what_a_place_remembers_of_a_post_that_has_moved_is_no_obstacle(sandbox: Sandbox) -> None:
    mapped = Mapped()
    mapped.stores = {}
    assert mapped.run("ABC") == ["created"] * 3
    assert mapped.run("XABC", 25) == ["created", *["adopted"] * 3]
    assert mapped.run("XABC", 26) == ["adopted"] * 4
    assert len(posts(sandbox)) == 4


@pytest.mark.parametrize("reads", [False, True])
def test_the_first_run_of_an_old_date_costs_and_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, reads: bool
) -> None:
    """Airflow catches up: the run was due a year ago, and nothing was cleared."""
    if not reads:
        may_not_read(monkeypatch, sandbox)
    mapped = Mapped(on_duplicate="allow", validate=False)
    mapped.began -= timedelta(days=365)
    before = len(sandbox.requests())
    assert mapped.run("AB") == ["created"] * 2
    asked = [r["operation"] for r in sandbox.requests()[before:]]
    assert asked.count("create_post") == 2
    assert "validate_post" not in asked


@pytest.mark.parametrize(
    ("on_unknown", "after"), [("fail", ["log_unreadable"] * 2), ("publish", ["replayed", "created"])]
)
def test_a_log_that_is_refused_can_be_done_without(
    sandbox: Sandbox, on_unknown: str, after: list[str]
) -> None:
    mapped = Mapped()
    mapped.run("A")
    sandbox.faults({"kind": "server_error", "operation": "list_api_activity", "count": 99, "status": 404})
    assert mapped.run("AB", 1, on_unknown=on_unknown) == after


@pytest.mark.parametrize("guard", ["fail", "allow"])
def test_a_place_that_is_new_in_a_run_that_was_never_cleared_may_have_an_old_post(
    sandbox: Sandbox, guard: str
) -> None:
    mapped = Mapped(on_duplicate=guard)
    assert mapped.run("AB") == ["created"] * 2
    mapped.clears = 0
    # The task before it has run again, and the list is expanded once more.
    assert mapped.expand("AB", "XAB") == ["adopted"]
    assert mapped.expand("XAB", "XABC") == ["created"]
    assert sorted(p["text"] for p in posts(sandbox)) == ["Text A", "Text B", "Text C"]


def test_places_with_the_same_words_are_posts_of_their_own(sandbox: Sandbox) -> None:
    mapped = Mapped(on_duplicate="allow")
    assert mapped.expand("", "AAA") == ["created"] * 3


def test_a_first_attempt_needs_no_log(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    may_not_read(monkeypatch, sandbox)
    assert Mapped(on_duplicate="allow").run("AB") == ["created"] * 2


def test_an_attempt_that_read_an_older_list_is_left_to_a_retry(sandbox: Sandbox) -> None:
    mapped = Mapped()
    assert mapped.run("ABC") == ["created"] * 3
    # The places have moved on since the attempt of C began, as it read the list.
    assert mapped.expand("AB", "XABC", "ABCX")[0] == "adopted"
    assert mapped.expand("ABC", "XABC", "ABCA") == ["overtaken"]
    assert len(posts(sandbox)) == 3
    assert mapped.expand("ABC", "XABC") == ["adopted"]
