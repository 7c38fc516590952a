"""What each kind of operation does in a second attempt: nothing takes effect twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostConfigError,
    PostBoostError,
    ServerError,
    UnconfirmedError,
    ValidationError,
)
from postboost_provider.idempotency.identity import Actor
from postboost_provider.idempotency.perform import perform_operation
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import VARIANTS, client, make_key, posts, variant_name
from tests.failures import fails

TAG = {"name": "autumn", "hex_color": "#f59e0b"}
GROUP = {"name": "Berlin", "accounts": [1, 2]}


def post(text: str) -> dict[str, Any]:
    return {
        "versions": [{"account_id": 0, "is_original": True, "content": [{"body": text, "media": []}]}],
        "accounts": [1],
    }


@pytest.fixture(autouse=True, params=VARIANTS, ids=variant_name)
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> Sandbox:
    sandbox.reset(**request.param)
    use_connection(monkeypatch, sandbox)
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    mocker.patch("postboost_provider.idempotency.log_check.longest_request", return_value=0.01)
    return sandbox


def run(operation: str, body: Any = None, *, try_number: int = 1, max_tries: int = 0, **options: Any) -> Any:
    ctx = context(dag_run=SimpleNamespace(run_after=datetime.now(UTC) - timedelta(hours=1)))
    ctx["ti"].try_number, ctx["ti"].max_tries = try_number, max_tries
    operator = PostBoostOperator(task_id="task", operation=operation, body=body, **options)
    return operator.execute(ctx)  # type: ignore[arg-type]


@contextmanager
def failing(kind: type[PostBoostError], code: str | None = None) -> Iterator[None]:
    """Expect that the task fails, and without a retry, for such an error."""
    with pytest.raises(PostBoostFailException) as caught:
        yield
    cause = caught.value.error
    assert isinstance(cause, kind)
    assert cause.code == code


def names(sandbox: Sandbox, operation: str) -> list[str]:
    with client(sandbox) as api:
        return [item["name"] for item in api.pages(operation)]


def lose(sandbox: Sandbox, operation: str, count: int = 1) -> None:
    """Let that many responses to it be lost on their way: it has happened each time."""
    sandbox.faults({"kind": "drop_after", "operation": operation, "count": count})


def test_an_attempt_that_comes_when_the_first_key_is_free_again_makes_no_second_post(
    sandbox: Sandbox,
) -> None:
    """The post was created under a later revision of the key, since an earlier attempt was refused."""
    start = time.time()
    with failing(ValidationError):
        run("create_post", {**post("Hello"), "accounts": [999], "allow_duplicate": True})
    sandbox.advance(23 * 3600)
    with time_machine.travel(start + 23 * 3600, tick=True):
        made = run("create_post", {**post("Hello"), "allow_duplicate": True}, try_number=2, max_tries=3)
    sandbox.advance(2 * 3600)
    with time_machine.travel(start + 25 * 3600, tick=True):
        again = run("create_post", {**post("Hello"), "allow_duplicate": True}, try_number=3, max_tries=3)
    assert again["uuid"] == made["uuid"]
    assert len(posts(sandbox)) == 1


def test_an_error_of_yesterday_keeps_no_response_from_an_attempt_of_today(sandbox: Sandbox) -> None:
    start = time.time()
    sandbox.faults({"kind": "server_error", "operation": "create_tag", "count": 99})
    with pytest.raises(ServerError):
        run("create_tag", TAG)
    sandbox.faults()
    sandbox.advance(25 * 3600)
    with time_machine.travel(start + 25 * 3600, tick=True):
        lose(sandbox, "create_tag", 99)
        with pytest.raises(UnconfirmedError):
            run("create_tag", TAG)
        sandbox.faults()
        assert run("create_tag", TAG)["name"] == "autumn"
    assert names(sandbox, "list_tags").count("autumn") == 1


def test_a_token_that_may_not_read_the_log_says_how_long_a_retry_is_safe(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    with caplog.at_level("WARNING"):
        run("create_post", post("Hello"))
    assert "only for 24 hours" in caplog.text


def test_what_takes_a_key_gives_every_attempt_the_same_response(sandbox: Sandbox) -> None:
    first = run("create_tag", TAG)
    assert run("create_tag", TAG, try_number=2) == first
    assert names(sandbox, "list_tags").count("autumn") == 1


def test_what_takes_a_key_is_sent_again_at_once_when_its_response_is_lost(sandbox: Sandbox) -> None:
    lose(sandbox, "create_tag", count=2)
    assert run("create_tag", TAG)["name"] == "autumn"
    assert names(sandbox, "list_tags").count("autumn") == 1


def test_other_tasks_other_salts_and_other_targets_are_acts_of_their_own(sandbox: Sandbox) -> None:
    run("create_tag", TAG)
    run("create_tag", {**TAG, "name": "winter"}, idempotency_salt="again")
    assert {"autumn", "winter"} <= set(names(sandbox, "list_tags"))
    uuids = [run("create_post", post(salt), idempotency_salt=salt)["uuid"] for salt in "ab"]
    for uuid in uuids:
        run("schedule_post", {"postNow": True}, parameters={"post_uuid": uuid})
    assert "draft" not in [post["status"] for post in posts(sandbox)]


def test_what_was_refused_and_fixed_is_sent_again(sandbox: Sandbox) -> None:
    with failing(ValidationError):
        run("create_tag", {**TAG, "hex_color": "orange"})
    assert run("create_tag", TAG, try_number=2)["name"] == "autumn"
    assert run("create_tag", TAG, try_number=3)["name"] == "autumn"
    assert names(sandbox, "list_tags").count("autumn") == 1


def test_what_was_refused_and_not_fixed_is_refused_again(sandbox: Sandbox) -> None:
    for number in (1, 2, 3):
        with failing(ValidationError):
            run("create_tag", {**TAG, "hex_color": "orange"}, try_number=number)


def test_a_body_that_was_changed_after_it_was_done_is_told_and_not_sent(sandbox: Sandbox) -> None:
    run("create_tag", TAG)
    with failing(PostBoostConfigError, "other_body"):
        run("create_tag", {**TAG, "name": "winter"}, try_number=2)
    assert "winter" not in names(sandbox, "list_tags")


def test_without_the_log_a_changed_body_is_not_sent_either(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write"))
    run("create_tag", TAG)
    with failing(PostBoostConfigError, "other_body"):
        run("create_tag", {**TAG, "name": "winter"}, try_number=2)
    assert "winter" not in names(sandbox, "list_tags")


def test_a_day_later_the_key_is_forgotten_and_the_log_still_knows(sandbox: Sandbox) -> None:
    run("create_tag", TAG)
    made = run("create_post", post("Hello"))
    sandbox.advance(timedelta(hours=25).total_seconds())
    with time_machine.travel(time.time() + 25 * 3600, tick=True):
        with failing(PostBoostConfigError, "already_done"):
            run("create_tag", TAG)
        assert run("create_post", post("Hello"))["uuid"] == made["uuid"]
    assert names(sandbox, "list_tags").count("autumn") == 1
    assert len(posts(sandbox)) == 1


def test_the_given_clock_decides_whether_the_key_is_still_stored(sandbox: Sandbox) -> None:
    actor = Actor("dag.tag~e04ded12", ("task", "dag", "run", "tag", "", ""))
    with client(sandbox) as api:
        made = perform_operation(api, actor, "create_tag", body=TAG)
        assert perform_operation(api, actor, "create_tag", body=TAG) == made
        with pytest.raises(PostBoostConfigError) as caught:
            perform_operation(
                api, actor, "create_tag", body=TAG, clock=lambda: datetime.now(UTC) + timedelta(days=1)
            )
    assert caught.value.code == "already_done"


def test_an_operation_without_a_key_is_searched_for_before_it_is_sent_again(sandbox: Sandbox) -> None:
    lose(sandbox, "create_account_group")
    with pytest.raises(UnconfirmedError, match="list_account_groups"):
        run("create_account_group", GROUP, max_tries=2, retries=2)
    with failing(PostBoostConfigError, "already_done"):
        run("create_account_group", GROUP, try_number=2, max_tries=2, retries=2)
    assert names(sandbox, "list_account_groups").count("Berlin") == 1


def test_what_never_arrived_is_sent_by_the_next_attempt(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "drop_before", "operation": "create_account_group"})
    with pytest.raises(UnconfirmedError):
        run("create_account_group", GROUP, max_tries=2, retries=2)
    assert (
        run("create_account_group", GROUP, try_number=2, max_tries=2, retries=2)["data"]["name"] == "Berlin"
    )
    assert names(sandbox, "list_account_groups").count("Berlin") == 1


def test_where_nothing_tells_a_lost_response_is_final(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write"))
    lose(sandbox, "create_account_group")
    with failing(UnconfirmedError, "unknown_outcome"):
        run("create_account_group", GROUP)


def test_an_operation_that_cannot_be_confirmed_is_not_sent_again_until_a_person_has_checked(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write"))
    with failing(PostBoostConfigError, "unknown_outcome"):
        run("create_account_group", GROUP, try_number=2, max_tries=2, retries=2)
    assert "Berlin" not in names(sandbox, "list_account_groups")
    # Nor after a clear: whoever clears a run has not looked at each of its tasks.
    with failing(PostBoostConfigError, "unknown_outcome"):
        run("create_account_group", GROUP, try_number=3, max_tries=4, retries=2)
    found = run("create_account_group", GROUP, try_number=4, max_tries=4, on_unknown="send")
    assert found["data"]["name"] == "Berlin"


def test_a_changed_thing_is_changed_again_without_harm(sandbox: Sandbox) -> None:
    tag = run("create_tag", TAG)
    lose(sandbox, "update_tag")
    for number in (1, 2):
        run("update_tag", {**TAG, "name": "winter"}, parameters={"tag_uuid": tag["uuid"]}, try_number=number)
    assert names(sandbox, "list_tags").count("winter") == 1


def test_what_the_task_itself_has_deleted_is_deleted(sandbox: Sandbox) -> None:
    where = {"tag_uuid": run("create_tag", TAG)["uuid"]}
    lose(sandbox, "delete_tag")
    assert run("delete_tag", parameters=where) is None
    assert run("delete_tag", parameters=where, try_number=2) is None


def test_what_was_never_there_can_not_be_deleted(sandbox: Sandbox) -> None:
    with failing(NotFoundError):
        run("delete_tag", parameters={"tag_uuid": "00000000-0000-4000-8000-000000000000"})


def test_a_secret_whose_response_was_lost_is_to_be_deleted(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, "admin")
    kept: list[str] = []
    key: dict[str, Any] = {
        "body": {"name": "ci", "abilities": ["read"]},
        "secret_sink": lambda secret, _: kept.append(secret),
        "retries": 1,
        "max_tries": 1,
    }
    lose(sandbox, "create_api_key")
    with pytest.raises(UnconfirmedError, match="list_api_keys"):
        run("create_api_key", **key)
    with fails(code="already_done"):
        run("create_api_key", **key, try_number=2)
    run("create_api_key", **key, idempotency_salt="2")
    assert len(kept) == 1
