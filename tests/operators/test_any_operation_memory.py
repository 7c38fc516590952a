"""What a later attempt does where PostBoost may have forgotten, or not seen yet, what an earlier one did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.errors import RateLimitedError, UnconfirmedError, ValidationError
from postboost_provider.idempotency.log_check import LONGEST_REQUEST_SECONDS
from postboost_provider.operators.ai import PostBoostRepurposeOperator
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client, make_key
from tests.failures import fails
from tests.naps import Naps, passing_at_once

GROUP = {"name": "Berlin", "accounts": [1, 2]}
TEXT = "Coffee is roasted in drums of steel, in small batches. " * 4


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    sandbox.reset()
    use_connection(monkeypatch, sandbox)


@pytest.fixture
def naps(mocker: Any, sandbox: Sandbox) -> Iterator[Naps]:
    with passing_at_once(mocker) as naps:
        yield naps


def attempt(number: int, days: float = 0) -> dict[str, Any]:
    """Return the context of an attempt of a run that is so old."""
    ctx = context(dag_run=SimpleNamespace(run_after=datetime.now(UTC) - timedelta(days=days, minutes=1)))
    ctx["ti"].try_number = number
    return ctx


def group(number: int = 1, days: float = 0, body: Any = GROUP, **options: Any) -> Any:
    options = {"operation": "create_account_group", "body": body, **options}
    return PostBoostOperator(task_id="task", **options).execute(attempt(number, days))  # type: ignore[arg-type]


def repurpose(number: int = 1, days: float = 0, **options: Any) -> Any:
    options = {"text": TEXT, "title": "How we roast", "accounts": [1, 8], "deferrable": False, **options}
    return PostBoostRepurposeOperator(task_id="task", **options).execute(attempt(number, days))  # type: ignore[arg-type]


ACTS = {"create_account_group": group, "repurpose_content": repurpose}


def sent(sandbox: Sandbox, operation: str) -> int:
    return sum(request["operation"] == operation for request in sandbox.requests())


def groups(sandbox: Sandbox) -> int:
    with client(sandbox) as api:
        return sum(item["name"] == "Berlin" for item in api.pages("list_account_groups"))


@pytest.mark.parametrize("operation", ACTS)
def test_what_the_log_has_forgotten_is_sent_again_only_where_that_is_allowed(
    naps: Naps, sandbox: Sandbox, operation: str
) -> None:
    act = ACTS[operation]
    with fails(code="beyond_memory", field="on_unknown"):
        act(2, days=91)
    # Nothing tells an old salt from a new one.
    with fails(code="beyond_memory", field="on_unknown"):
        act(2, days=91, idempotency_salt="again")
    assert sent(sandbox, operation) == 0
    act(2, days=91, on_unknown="send")
    assert sent(sandbox, operation) == 1


@pytest.mark.parametrize("operation", ACTS)
def test_a_log_that_is_blind_proves_nothing(naps: Naps, sandbox: Sandbox, operation: str) -> None:
    sandbox.change(activity_log="off")
    with fails(code="blind_log", field="on_unknown"):
        ACTS[operation](2, days=2)
    assert sent(sandbox, operation) == 0


def test_without_the_log_a_run_is_started_again_for_a_day_only(
    naps: Naps, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "ai", "publish", "write"))
    with fails(code="beyond_memory", field="on_unknown"):
        repurpose(2, days=1)
    assert sent(sandbox, "repurpose_content") == 0


@pytest.mark.parametrize("earlier", ["nothing", "a refusal"])
def test_what_arrives_after_its_attempt_has_ended_is_waited_for(
    naps: Naps, sandbox: Sandbox, earlier: str
) -> None:
    if earlier == "a refusal":
        with fails(ValidationError):
            group(body={"name": "", "accounts": []})
    sandbox.faults({"kind": "drop_before", "operation": "create_account_group"})
    with pytest.raises(UnconfirmedError):
        group(2, days=0.01)
    sandbox.faults()
    naps.taken.clear()
    # The request of the second attempt arrives while the third one waits.
    naps.during.append(group)
    with fails(code="already_done"):
        group(3, days=0.01)
    assert groups(sandbox) == 1
    assert max(naps.taken) >= LONGEST_REQUEST_SECONDS


def test_a_log_that_lags_is_waited_for(naps: Naps, sandbox: Sandbox) -> None:
    sandbox.change(activity_delay=60.0)
    group()
    with fails(code="blind_log", field="on_unknown"):
        group(2)
    assert groups(sandbox) == 1


def test_the_workspace_of_the_operation_is_the_one_that_must_be_seen(
    naps: Naps, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, "admin", workspace_uuid="")
    group(2, parameters={"workspace_uuid": sandbox.workspaces[0]["uuid"]})
    assert groups(sandbox) == 1


@pytest.mark.parametrize("operation", ACTS)
def test_a_first_attempt_is_sent_at_once(naps: Naps, sandbox: Sandbox, operation: str) -> None:
    options = {} if operation == "create_account_group" else {"wait_for_completion": False}
    ACTS[operation](1, days=400, **options)
    assert sent(sandbox, operation) == 1
    assert not naps.taken


@pytest.mark.parametrize("operation", ACTS)
def test_only_the_words_that_are_known_are_accepted(sandbox: Sandbox, operation: str) -> None:
    with fails(field="on_unknown"):
        ACTS[operation](on_unknown="publish")


def test_a_throttled_operation_without_a_key_is_retried_where_the_log_tells_or_where_that_is_allowed(
    naps: Naps, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.faults({"kind": "throttle", "operation": "create_account_group", "count": 3})
    with pytest.raises(RateLimitedError):
        group()
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write"))
    with fails(UnconfirmedError, code="unknown_outcome", field="on_unknown"):
        group(idempotency_salt="blind")
    with pytest.raises(RateLimitedError):
        group(idempotency_salt="blind", on_unknown="send")
    group(2, idempotency_salt="blind", on_unknown="send")
    assert (groups(sandbox), sent(sandbox, "create_account_group")) == (1, 4)


@pytest.mark.parametrize("may_read", [True, False])
def test_a_key_that_was_found_not_to_be_kept_protects_nothing(
    naps: Naps, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, may_read: bool
) -> None:
    key = make_key(sandbox, "write", *(["read"] if may_read else []))
    use_connection(monkeypatch, sandbox, key, observed={"replay": False})
    sandbox.faults({"kind": "drop_after", "operation": "create_tag"})
    tag = {"operation": "create_tag", "body": {"name": "autumn", "hex_color": "#f59e0b"}}
    with pytest.raises(UnconfirmedError):
        group(**tag)
    with fails(code="already_done" if may_read else "beyond_memory"):
        group(2, **tag)
    assert sent(sandbox, "create_tag") == 1
    # What the log has is used, and not the key.
    use_connection(monkeypatch, sandbox, observed={"replay": False})
    if may_read:
        group(2, **tag, idempotency_salt="other")
        with fails(code="already_done"):
            group(3, **tag, idempotency_salt="other")
        assert sent(sandbox, "create_tag") == 2


def test_a_post_is_not_sent_again_for_a_key_that_was_found_not_to_be_kept(
    naps: Naps, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write"), observed={"replay": False})
    sandbox.faults({"kind": "drop_after", "operation": "create_post"})
    post = PostBoostCreatePostOperator(task_id="task", text="Hello", accounts=[1], publish="draft")
    with pytest.raises(UnconfirmedError):
        post.execute(attempt(1))  # type: ignore[arg-type]
    with fails(code="beyond_memory", field="on_unknown"):
        post.execute(attempt(2))  # type: ignore[arg-type]
    assert sent(sandbox, "create_post") == 1
