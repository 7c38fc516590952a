"""Repurposing: one run and one draft however often the task is retried, the wait for it, and its costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import (
    NotFinishedError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    PublishError,
    QuotaExceededError,
    ServerError,
    ValidationError,
)
from postboost_provider.operators.ai import PostBoostRepurposeOperator
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.repurpose import RunIsOver
from tests.airflow_stubs import context, use_connection
from tests.clients import client, make_key, posts
from tests.deferrals import run_to_end
from tests.failures import fails
from tests.naps import Naps, passing_at_once

URL = "https://northwind.example/blog/how-we-roast.html"
TEXT = "Coffee is roasted in drums of steel, in small batches. " * 4


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.reset(repurpose_seconds=60)


@pytest.fixture
def naps(mocker: Any, sandbox: Sandbox) -> Iterator[Naps]:
    with passing_at_once(mocker) as naps:
        yield naps


@pytest.fixture(params=["worker", "deferrable"])
def run(request: pytest.FixtureRequest, naps: Naps) -> Callable[..., Any]:
    """Run the operator to its end in one of its modes: both must say and return the same."""

    def run(ctx: dict[str, Any] | None = None, **options: Any) -> Any:
        given = {"accounts": [1, 3, 9], "deferrable": request.param == "deferrable", **options}
        if not {"video_url", "pdf_url", "text"} & set(given):
            given.setdefault("url", URL)
        return run_to_end(lambda: PostBoostRepurposeOperator(task_id="repurpose", **given), ctx)

    return run


def sent(sandbox: Sandbox) -> int:
    return sum(r["operation"] == "repurpose_content" for r in sandbox.requests())


def drafts(sandbox: Sandbox) -> list[str]:
    return [post["uuid"] for post in posts(sandbox)]


def test_a_queued_run_is_waited_for_and_its_draft_returned(run: Any, naps: Naps, sandbox: Sandbox) -> None:
    ctx = context()
    result = run(ctx, options={"slide_count": 3, "tone": "formal"})
    assert (result["status"], result["run_id"], result["credits_used"]) == ("ok", 1, 4)
    assert [(c["account_id"], c["error"]) for c in result["captions"]] == [(1, None), (3, None), (9, None)]
    assert (len(result["slides"]), result["warnings"]) == (3, ["youtube gets no carousel."])
    assert drafts(sandbox) == [result["post_uuid"]]
    assert ctx["pushed"]["run_id"] == 1
    assert sum(naps.taken) == pytest.approx(60, abs=10)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"url": URL}, "url"),
        ({"video_url": "https://video.example/watch?v=1", "transcript": "Well, coffee."}, "youtube"),
        ({"pdf_url": "https://northwind.example/a.pdf"}, "pdf"),
        ({"text": TEXT, "title": "Roasting"}, "text"),
    ],
)
def test_every_kind_of_source(run: Any, sandbox: Sandbox, source: dict[str, Any], kind: str) -> None:
    result = run(**source)
    with client(sandbox) as api:
        response = api.call("get_repurpose_run", parameters={"run_id": result["run_id"]})
    assert response["data"]["result"]["source"]["type"] == kind


def test_a_task_that_is_cleared_finds_its_run_and_makes_no_second_draft(run: Any, sandbox: Sandbox) -> None:
    first = run()
    assert run() == first
    assert len(drafts(sandbox)) == 1
    # The result is available for an hour; the draft stays.
    sandbox.advance(2 * 3600)
    later = run()
    assert (later["post_uuid"], later["captions"]) == (first["post_uuid"], None)
    assert len(drafts(sandbox)) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "server_error", "throttle"])
def test_a_lost_response_makes_no_second_draft(run: Any, sandbox: Sandbox, kind: str) -> None:
    sandbox.faults({"kind": kind, "operation": "repurpose_content", "count": 2})
    assert run()["status"] == "ok"
    assert len(drafts(sandbox)) == 1


def test_an_attempt_that_is_killed_after_the_request_is_continued(
    run: Any, sandbox: Sandbox, mocker: Any
) -> None:
    mocker.patch("postboost_provider.services.repurpose.started", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        run()
    mocker.stopall()
    sandbox.advance(60)
    operator = PostBoostRepurposeOperator(task_id="repurpose", url=URL, accounts=[1, 3, 9])
    assert operator.execute(context())["run_id"] == 1  # type: ignore[arg-type]
    assert len(drafts(sandbox)) == 1


def test_after_a_day_the_activity_log_keeps_it_from_being_made_again(
    run: Any, naps: Naps, sandbox: Sandbox
) -> None:
    run()
    naps.nap(2 * 86400)
    with fails():
        run()
    assert len(drafts(sandbox)) == 1
    assert run(idempotency_salt="once more")["status"] == "ok"
    assert len(drafts(sandbox)) == 2


def test_a_changed_source_does_not_make_a_second_draft_by_accident(run: Any, sandbox: Sandbox) -> None:
    run()
    with fails(word="idempotency_salt"):
        run(options={"tone": "formal"})
    assert len(drafts(sandbox)) == 1


@pytest.mark.parametrize("members", [[1, 3, 9], [1]], ids=["joined", "left"])
def test_a_cleared_task_finds_its_run_when_its_group_has_changed(
    run: Any, sandbox: Sandbox, members: list[int]
) -> None:
    with client(sandbox) as api:
        group = api.call("create_account_group", body={"name": "Berlin", "accounts": [1, 3]})["data"]
        first = run(accounts="Berlin")
        where = {"account_group_uuid": group["uuid"]}
        api.call("update_account_group", parameters=where, body={"name": "Berlin", "accounts": members})
    assert run(accounts="Berlin") == first
    assert len(drafts(sandbox)) == 1
    # What is written differently is still another source.
    with fails():
        run(accounts=["Berlin", "@northwind"])
    assert len(drafts(sandbox)) == 1
    assert [c["account_id"] for c in run(accounts="Berlin", idempotency_salt="2")["captions"]] == members


def test_a_run_is_found_though_its_label_had_no_room_for_the_accounts(
    run: Any, sandbox: Sandbox, mocker: Any
) -> None:
    with client(sandbox) as api:
        api.call("create_account_group", body={"name": "Berlin", "accounts": [1, 3]})
    mocker.patch("postboost_provider.idempotency.label.LONGEST_NOTE", 0)
    first = run(accounts="Berlin")
    mocker.patch("postboost_provider.idempotency.label.LONGEST_NOTE", 15)
    assert run(accounts="Berlin") == first
    assert len(drafts(sandbox)) == 1


def test_a_run_that_failed_is_worth_a_retry_which_starts_another(run: Any, sandbox: Sandbox) -> None:
    sandbox.change(repurpose_result="failed")
    with pytest.raises(NotFinishedError) as caught:
        run()
    assert caught.value.code == "run_failed"
    assert drafts(sandbox) == []
    sandbox.change(repurpose_result="ok")
    assert (run()["run_id"], len(drafts(sandbox))) == (2, 1)
    # And that one is found again.
    assert (run()["run_id"], len(drafts(sandbox))) == (2, 1)


def test_a_run_that_fails_within_a_call_is_not_paid_for_again(sandbox: Sandbox, mocker: Any) -> None:
    sandbox.change(repurpose_seconds=0, repurpose_result="failed")
    mocker.patch("postboost_provider.api.client.time.sleep")
    body = {"source_type": "url", "url": URL, "account_ids": [1]}
    with client(sandbox) as api, pytest.raises(ServerError):
        api.call("repurpose_content", body=body, idempotency_key="k")
    assert sent(sandbox) == 1


@pytest.mark.parametrize("on_partial", ["fail", "succeed"])
def test_a_partial_run_does_what_was_said(run: Any, sandbox: Sandbox, on_partial: Any) -> None:
    sandbox.change(repurpose_result="partial")
    ctx = context()
    if on_partial == "succeed":
        result = run(ctx, on_partial=on_partial)
    else:
        with fails(PublishError, "youtube (account 9)"):
            run(ctx, on_partial=on_partial)
        result = ctx["pushed"]["return_value"]
    assert (result["status"], [result["post_uuid"]]) == ("partial", drafts(sandbox))


def test_a_wait_that_is_over_says_so_and_a_retry_goes_on_with_the_same_run(
    run: Any, sandbox: Sandbox
) -> None:
    with pytest.raises(NotFinishedError) as caught:
        run(timeout=20)
    assert caught.value.code == "timeout"
    assert run()["run_id"] == 1
    assert len(drafts(sandbox)) == 1


def test_a_failed_poll_does_not_end_the_wait(run: Any, naps: Naps, sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "server_error", "operation": "get_repurpose_run", "count": 1000})
    naps.during = [lambda: None, sandbox.faults]
    assert run()["status"] == "ok"


def test_without_a_wait_the_run_is_returned(run: Any, sandbox: Sandbox) -> None:
    assert run(wait_for_completion=False) == {"run_id": 1, "status": "queued", "post_uuid": None}


@pytest.mark.parametrize("ai_codes", [True, False])
def test_used_up_credits_are_not_retryable_and_the_error_says_when_they_renew(
    run: Any, sandbox: Sandbox, ai_codes: bool
) -> None:
    sandbox.change(ai_text_credits=2, ai_codes=ai_codes)
    with fails(QuotaExceededError, "0 of 2 text credits", code="ai_credits_exhausted"):
        run()
    assert (sent(sandbox), drafts(sandbox)) == (1, [])


def test_used_up_image_credits_say_the_instant(run: Any, sandbox: Sandbox) -> None:
    sandbox.change(ai_image_credits=0)
    tomorrow = datetime.now(UTC)
    end = (tomorrow.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    with fails(QuotaExceededError, f"{end:%Y-%m-%d}T23:59:59Z"):
        run()
    assert run(options={"carousel": False})["status"] == "ok"


def test_credits_are_checked_first_where_that_is_asked_for(run: Any, sandbox: Sandbox) -> None:
    sandbox.change(ai_text_credits=3)
    with fails(word="4 text credits", code="ai_credits_exhausted"):
        run(check_credits=True)
    assert sent(sandbox) == 0
    with fails(word="12 text credits", code="ai_credits_exhausted"):
        run(check_credits=True, accounts=None)
    assert run(check_credits=True, options={"carousel": False})["credits_used"] == 3
    # The credits that its own run has spent don't prevent it from finding that run.
    assert run(check_credits=True, options={"carousel": False})["credits_used"] == 3
    sandbox.change(ai_unlimited=True)
    assert run(check_credits=True, idempotency_salt="another")["status"] == "ok"


@pytest.mark.parametrize(
    ("options", "kind", "word"),
    [
        ({"url": None}, PostBoostConfigError, "pdf_url"),
        ({"url": URL, "text": TEXT}, PostBoostConfigError, "url and text"),
        ({"url": "how-we-roast.html"}, PostBoostConfigError, "how-we-roast.html"),
        ({"text": TEXT}, PostBoostConfigError, "title"),
        ({"text": "short", "title": "A"}, PostBoostConfigError, "5 characters"),
        ({"url": URL, "transcript": "A"}, PostBoostConfigError, "transcript"),
        ({"url": URL, "options": {"tome": "formal"}}, PostBoostConfigError, "'tome'"),
        ({"url": URL, "options": {"account_ids": [1]}}, PostBoostConfigError, "account_ids"),
        ({"url": URL, "options": {"tone": "rude"}}, ValidationError, "tone"),
        ({"url": URL, "on_partial": "skip"}, PostBoostConfigError, "on_partial"),
        ({"url": URL, "accounts": "@nobody"}, PostBoostConfigError, "'@nobody'"),
    ],
)
def test_an_error_that_is_not_retryable_fails_at_once(
    sandbox: Sandbox, options: dict[str, Any], kind: Any, word: str
) -> None:
    operator = PostBoostRepurposeOperator(task_id="repurpose", **{"accounts": 1, **options})
    with fails(kind, word):
        operator.execute(context())  # type: ignore[arg-type]
    assert drafts(sandbox) == []


def test_a_key_without_the_ability_fails_at_once(
    run: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, token=make_key(sandbox, "read", "write"))
    with fails(PermissionDeniedError, code="insufficient_scope"):
        run()


def test_a_status_that_is_new_is_an_error_that_names_it() -> None:
    response = {"data": {"run_id": 1, "status": "paused"}}
    with pytest.raises(PostBoostError, match="'paused'"):
        RunIsOver(1).read([response], datetime.now(UTC))
