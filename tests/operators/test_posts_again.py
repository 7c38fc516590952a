"""Later attempts of a task: after a kill, an edit of a live post, a year, and a change of a mapped list."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.errors import ServerError
from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.airflow_support.test_task_memory import Store
from tests.clients import client, make_key, posts
from tests.operators.posting import SOON, texts

LATE = {"publish": "schedule", "publish_at": SOON, "timezone": "UTC"}


@pytest.fixture(autouse=True, params=[{}, {"store_4xx": False}, {"conflict_code": True}], ids=str)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Sandbox:
    sandbox.reset(**request.param)
    use_connection(monkeypatch, sandbox)
    return sandbox


def attempt(number: int = 1, ctx: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    ctx = ctx or context()
    ctx["ti"].try_number, ctx["ti"].max_tries = number, 9
    operator = PostBoostCreatePostOperator(
        **{"task_id": "post", "text": "Hello", "accounts": [1], **LATE, **changes}
    )
    done: dict[str, Any] = operator.execute(ctx)  # type: ignore[arg-type]
    attempt.operator = operator  # type: ignore[attr-defined]
    return done


def kill() -> None:
    attempt.operator.on_kill()  # type: ignore[attr-defined]


def refused(code: str, field: str | None, **options: Any) -> None:
    with pytest.raises(PostBoostFailException) as caught:
        attempt(**options)
    assert (caught.value.error.code, caught.value.error.field) == (code, field)


@pytest.mark.parametrize("text", ["Hello", "Goodbye"])
@pytest.mark.parametrize("hours", [0, 25])
def test_what_the_task_trashed_itself_it_publishes_again_once(
    sandbox: Sandbox, text: str, hours: int
) -> None:
    first = attempt(on_kill="trash")
    kill()
    sandbox.advance(hours * 3600)
    second = attempt(2, text=text, on_kill="trash")
    assert (second["result"], second["uuid"] != first["uuid"]) == ("created", True)
    assert attempt(3, text=text)["uuid"] == second["uuid"]
    kept = [post for post in posts(sandbox) if not post["trashed"]]
    assert [post["uuid"] for post in kept] == [second["uuid"]]
    assert texts(sandbox, second["uuid"])[0] == [text]


def test_a_task_may_be_killed_again_and_again(sandbox: Sandbox) -> None:
    for number in range(1, 4):
        assert attempt(number, on_kill="trash")["result"] == "created"
        kill()
    assert [post["trashed"] for post in posts(sandbox)] == [True] * 3


def test_what_a_person_trashed_stays_in_the_trash(sandbox: Sandbox) -> None:
    uuid = attempt()["uuid"]
    with client(sandbox) as api:
        api.call("delete_post", parameters={"post_uuid": uuid}, body={"trash": True})
    assert attempt(2)["result"] == "skipped"
    assert len(posts(sandbox)) == 1


def test_what_a_person_restored_is_used(sandbox: Sandbox) -> None:
    uuid = attempt(on_kill="trash")["uuid"]
    kill()
    for workspace in sandbox._service.store.workspaces.values():
        for post in workspace.posts.values():
            post.trashed = False
    assert attempt(2)["uuid"] == uuid
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize(("keep", "result"), [("fail", None), ("keep", "adopted")])
def test_an_edit_after_the_post_went_live(sandbox: Sandbox, keep: Any, result: str | None) -> None:
    options = {"publish": "now", "publish_at": None, "on_edit_after_live": keep}
    uuid = attempt(**options)["uuid"]
    sandbox.advance(60)
    if result is None:
        refused("too_late", None, number=2, text="Goodbye", **options)
    else:
        done = attempt(2, text="Goodbye", **options)
        assert (done["result"], done["uuid"]) == (result, uuid)
    assert texts(sandbox, uuid)[0] == ["Hello"]
    assert len(posts(sandbox)) == 1


def test_a_row_that_was_edited_after_it_went_live_is_kept(sandbox: Sandbox) -> None:
    for text, keep in (("Hello", "fail"), ("Goodbye", "keep")):
        rows = [{"key": "a", "accounts": "1", "text": text, "mode": "now"}]
        run = PostBoostPublishCalendarOperator(
            task_id="c", rows=[{**rows[0], "publish_at": SOON, "mode": "schedule"}], timezone="UTC",
            on_edit_after_live=keep,
        )  # fmt: skip
        done = run.execute(context())  # type: ignore[arg-type]
        sandbox.advance(3 * 86400)
    assert done["counts"]["adopted"] == 1


def old_run() -> dict[str, Any]:
    return context(dag_run=SimpleNamespace(run_after=datetime(2025, 1, 1, tzinfo=UTC)))


def remembering(store: Store) -> dict[str, Any]:
    return context(task_state_store=store)


@pytest.mark.parametrize("mode", ["draft", "now"])
def test_a_task_remembers_its_post_for_ever(sandbox: Sandbox, mode: str) -> None:
    store, options = Store(), {"publish": mode, "publish_at": None}
    uuid = attempt(1, remembering(store), **options)["uuid"]
    sandbox.advance(400 * 86400)
    assert attempt(2, remembering(store), **options)["uuid"] == uuid
    assert len(posts(sandbox)) == 1
    # Without it, nobody can tell.
    refused("beyond_memory", "on_unknown", number=2, ctx=old_run(), **options)


def test_a_key_that_may_not_read_remembers_its_post(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    store = Store()
    uuid = attempt(1, remembering(store))["uuid"]
    sandbox.advance(25 * 3600)
    done = attempt(2, remembering(store))
    assert (done["result"], done["uuid"]) == ("adopted", uuid)
    assert len(posts(sandbox)) == 1


def test_a_retry_of_an_old_run_whose_first_attempt_was_recent_goes_on(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    quick = SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    mocker.patch("postboost_provider.api.client.time", quick)
    run, store = old_run(), Store()
    sandbox.faults({"kind": "server_error", "operation": "create_post", "count": 50, "status": 503})
    with pytest.raises(ServerError):
        attempt(1, {**run, "task_state_store": store})
    sandbox.faults()
    refused("beyond_memory", "on_unknown", number=2, ctx=run)
    assert attempt(2, {**run, "task_state_store": store})["result"] == "created"


class Mapped:
    """A mapped task whose list is expanded as Airflow does it."""

    def __init__(self, sandbox: Sandbox, *, tells: bool = True) -> None:
        self.sandbox, self.tells = sandbox, tells
        self.cleared = itertools.count()

    def run(self, texts: list[str], **options: Any) -> list[Any]:
        """Let each place of the list publish; the list was cleared before, unless it is the first time."""
        options = {"accounts": [1], "publish": "draft", **options}
        clears, results = next(self.cleared), []
        operators = [PostBoostCreatePostOperator(task_id="post", text=text, **options) for text in texts]

        def render(of_other: dict[str, Any]) -> None:
            of_other["task"] = operators[of_other["ti"].map_index]

        for index, operator in enumerate(operators):
            ctx = context()
            ctx["ti"].map_index, ctx["ti"].try_number = index, 1
            ctx["dag_run"] = SimpleNamespace(
                run_after=datetime.now(UTC) - timedelta(hours=1), clear_number=clears
            )
            if self.tells:
                states = {f"task_{i}": "queued" for i in range(len(texts))}
                states[f"task_{len(texts)}"] = "removed"
                ctx["ti"].get_task_states = lambda states=states, **_: {"run": states}
                ctx["dag"] = SimpleNamespace(
                    get_task=lambda _: SimpleNamespace(render_template_fields=render)
                )
            try:
                results.append(operator.execute(ctx)["result"])  # type: ignore[arg-type]
            except PostBoostFailException as error:
                results.append(error.error.code)
        return results

    def published(self) -> list[str]:
        return sorted(texts(self.sandbox, post["uuid"])[0][0] for post in posts(self.sandbox))


@pytest.mark.parametrize("hours", [1, 25])
def test_a_mapped_list_that_shifts_publishes_what_is_new_and_nothing_twice(
    sandbox: Sandbox, hours: int
) -> None:
    mapped = Mapped(sandbox)
    assert mapped.run(["A", "B", "C"]) == ["created"] * 3
    for _ in range(2):
        sandbox.advance(hours * 3600)
        assert "list_changed" not in mapped.run(["X", "A", "B", "C"])
        assert mapped.published() == ["A", "B", "C", "X"]


def test_an_edit_in_a_mapped_list_is_an_update(sandbox: Sandbox) -> None:
    mapped = Mapped(sandbox)
    mapped.run(["A", "B"])
    assert mapped.run(["A", "b"]) == ["adopted", "updated"]
    assert mapped.published() == ["A", "b"]


def test_where_it_cannot_be_told_nothing_is_sent(sandbox: Sandbox) -> None:
    mapped = Mapped(sandbox, tells=False)
    mapped.run(["A", "B"])
    assert mapped.run(["X", "A", "B"]) == ["list_changed"] * 3
    assert mapped.run(["A", "B"]) == ["adopted"] * 2
    assert mapped.published() == ["A", "B"]


def test_equal_words_in_a_list_that_shifts_are_refused(sandbox: Sandbox) -> None:
    mapped = Mapped(sandbox)
    mapped.run(["A", "B"], on_duplicate="allow")
    after = mapped.run(["B", "X", "B"], on_duplicate="allow")
    assert after == ["list_changed", "created", "list_changed"]
    assert mapped.published() == ["A", "B", "X"]
