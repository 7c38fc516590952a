"""Actions on a post: each is done once, however often the task is retried."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.errors import (
    DuplicatePostError,
    NotFinishedError,
    PermissionDeniedError,
    PostBoostConfigError,
    PublishError,
)
from postboost_provider.operators.post_actions import (
    PostBoostDeletePostOperator,
    PostBoostRetryPostOperator,
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import VARIANTS, client, make_key, posts, variant_name
from tests.failures import fails
from tests.naps import pass_at_once

AT = (datetime.now(UTC) + timedelta(days=2)).replace(second=0, microsecond=0)


@pytest.fixture(autouse=True, params=VARIANTS, ids=variant_name)
def server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any
) -> Sandbox:
    sandbox.reset(**request.param)
    use_connection(monkeypatch, sandbox)
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    return sandbox


def make(sandbox: Sandbox, *accounts: int, **body: Any) -> str:
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
    with client(sandbox) as api:
        post = api.call("create_post", body={"versions": versions, "accounts": list(accounts) or [1], **body})
    return str(post["uuid"])


def schedule(uuid: str, **options: Any) -> dict[str, Any]:
    return PostBoostSchedulePostOperator(task_id="act", post_uuid=uuid, **options).execute(context())  # type: ignore[arg-type]


def retry(uuid: str) -> list[str]:
    return PostBoostRetryPostOperator(task_id="act", post_uuid=uuid).execute(context())  # type: ignore[arg-type]


def writes(sandbox: Sandbox, operation: str) -> list[dict[str, Any]]:
    return [r for r in sandbox.requests() if r["operation"] == operation]


def test_a_draft_is_scheduled_once_and_moved_when_asked(sandbox: Sandbox) -> None:
    uuid = make(sandbox)
    assert schedule(uuid, publish_at=AT)["scheduled_at"] == AT.isoformat()
    assert schedule(uuid, publish_at=AT)["scheduled_at"] == AT.isoformat()
    assert len(writes(sandbox, "schedule_post")) == 1
    later = AT + timedelta(days=1)
    assert (
        schedule(uuid, publish_at=f"{later:%Y-%m-%d %H:%M}", timezone="UTC")["scheduled_at"]
        == later.isoformat()
    )
    # And back again within 24 hours: a new action, which must not get the stored response of the first.
    assert schedule(uuid, publish_at=AT)["scheduled_at"] == AT.isoformat()


@pytest.mark.parametrize("how", ["now", "queue"])
def test_a_draft_is_sent_or_queued_once(sandbox: Sandbox, how: Any) -> None:
    uuid = make(sandbox)
    first = schedule(uuid, how=how)
    assert first["status"] == ("publishing" if how == "now" else "scheduled")
    assert schedule(uuid, how=how)["scheduled_at"] == first["scheduled_at"]
    assert len(writes(sandbox, "schedule_post") + writes(sandbox, "add_post_to_queue")) == 1


def test_a_post_is_approved_once(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    sandbox.reset(approval_required_for=["member"])
    uuid = make(sandbox, schedule=True, date=f"{AT:%Y-%m-%d}", time=f"{AT:%H:%M}", timezone="UTC")
    use_connection(monkeypatch, sandbox, token="admin")
    assert schedule(uuid, how="approve")["status"] == "scheduled"
    assert schedule(uuid, how="approve")["status"] == "scheduled"
    assert len(writes(sandbox, "approve_post")) == 1


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "server_error"])
def test_an_action_is_done_once_after_a_lost_response(sandbox: Sandbox, kind: str) -> None:
    uuid = make(sandbox)
    sandbox.faults({"operation": "schedule_post", "kind": kind})
    assert schedule(uuid, publish_at=AT)["status"] == "scheduled"


def test_only_the_accounts_that_failed_are_sent_to_again(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 2, "count": 2})
    uuid = make(sandbox, 1, 2, schedule_now=True)
    sandbox.advance(60)
    assert retry(uuid) == ["threads:northwind"]
    assert retry(uuid) == []
    sandbox.advance(60)
    # It failed again: a second retry of the same task, which must not get the stored response of the first.
    assert retry(uuid) == ["threads:northwind"]
    sandbox.advance(60)
    assert [p["status"] for p in posts(sandbox)] == ["published"]
    assert retry(uuid) == []


def test_accounts_are_sent_to_one_after_another(sandbox: Sandbox, mocker: Any) -> None:
    pass_at_once(mocker, sandbox.advance)
    sandbox.faults(*({"kind": "fail_account", "account_id": n} for n in (1, 2)))
    uuid = make(sandbox, 1, 2, 5, schedule_now=True)
    sandbox.advance(60)
    assert retry(uuid) == ["twitter:northwind", "threads:northwind"]
    sandbox.advance(60)
    assert [p["status"] for p in posts(sandbox)] == ["published"]
    assert len(writes(sandbox, "retry_post_account")) == 2


def test_a_post_in_trash_is_not_sent_again(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = make(sandbox, 1, schedule_now=True)
    sandbox.advance(60)
    PostBoostDeletePostOperator(task_id="act", post_uuids=uuid).execute(context())  # type: ignore[arg-type]
    with fails(word="trash"):
        retry(uuid)
    assert writes(sandbox, "retry_post_account") == []


def test_an_account_that_is_not_through_in_time_is_left_to_a_retry_of_the_task(
    sandbox: Sandbox, mocker: Any
) -> None:
    pass_at_once(mocker, lambda _: None)
    sandbox.faults(*({"kind": "fail_account", "account_id": n} for n in (1, 2)))
    uuid = make(sandbox, 1, 2, schedule_now=True)
    sandbox.advance(60)
    with pytest.raises(NotFinishedError, match="600 s") as caught:
        retry(uuid)
    assert caught.value.code == "timeout"
    sandbox.advance(60)
    assert retry(uuid) == ["threads:northwind"]


@pytest.mark.parametrize("how", ["now", "at", "queue"])
def test_a_duplicate_is_scheduled_where_it_is_allowed(sandbox: Sandbox, how: Any) -> None:
    make(sandbox, schedule_now=True)
    with client(sandbox) as api:
        versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
        body = {"versions": versions, "accounts": [1], "allow_duplicate": True}
        uuid = api.call("create_post", body=body)["uuid"]
    with fails(DuplicatePostError):
        schedule(uuid, how=how, publish_at=AT)
    assert schedule(uuid, how=how, publish_at=AT, allow_duplicate=True)["status"] in (
        "publishing",
        "scheduled",
    )


@pytest.mark.parametrize("how", ["queue", "approve"])
def test_what_failed_or_is_in_trash_is_neither_queued_nor_approved(sandbox: Sandbox, how: Any) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    failed = make(sandbox, schedule_now=True)
    sandbox.advance(60)
    trashed = make(sandbox, 2)
    PostBoostDeletePostOperator(task_id="act", post_uuids=trashed).execute(context())  # type: ignore[arg-type]
    for uuid, why in ((failed, "PostBoostRetryPostOperator"), (trashed, "trash")):
        with fails(word=why):
            schedule(uuid, how=how)


def test_words_are_changed_and_the_plan_is_kept(sandbox: Sandbox) -> None:
    uuid = make(
        sandbox, 1, 2, schedule=True, date=f"{AT:%Y-%m-%d}", time=f"{AT:%H:%M}", timezone="UTC", tags=[1]
    )
    update = PostBoostUpdatePostOperator(task_id="act", post_uuid=uuid, changes="{'text': 'Changed'}")
    for _ in range(2):
        outcome = update.execute(context())  # type: ignore[arg-type]
    assert (outcome["status"], outcome["scheduled_at"]) == ("scheduled", AT.isoformat())
    with client(sandbox) as api:
        post = api.call("get_post", parameters={"post_uuid": uuid})
    assert [item["body"] for item in post["versions"][0]["content"]] == ["Changed"]
    assert [tag["id"] for tag in post["tags"]] == [1]
    assert len(post["accounts"]) == 2


def test_an_update_reads_the_post_once_before_and_once_after(sandbox: Sandbox) -> None:
    uuid = make(sandbox)
    PostBoostUpdatePostOperator(task_id="act", post_uuid=uuid, changes={"text": "Changed"}).execute(context())  # type: ignore[arg-type]
    wanted = ["create_post", "get_post", "update_post", "get_post"]
    # What earlier edits did to its approval is in the log.
    names = [r["operation"] for r in sandbox.requests()]
    assert [name for name in names if name != "list_api_activity"] == wanted


@pytest.mark.parametrize("trash", [True, False])
def test_deleting_again_is_not_an_error(sandbox: Sandbox, trash: bool) -> None:
    uuids = [make(sandbox, 1), make(sandbox, 2)]
    delete = PostBoostDeletePostOperator(task_id="act", post_uuids=uuids, trash=trash)
    assert delete.execute(context()) == uuids  # type: ignore[arg-type]
    delete.execute(context())  # type: ignore[arg-type]
    assert [p for p in posts(sandbox) if not p["trashed"]] == []


def test_the_text_of_a_list_is_the_list(sandbox: Sandbox) -> None:
    uuids = [make(sandbox, 1), make(sandbox, 2)]
    assert PostBoostDeletePostOperator(task_id="act", post_uuids=str(uuids)).execute(context()) == uuids  # type: ignore[arg-type]
    assert [p for p in posts(sandbox) if not p["trashed"]] == []


@pytest.mark.parametrize(
    ("operator", "kind", "code", "field"),
    [
        (
            lambda u: PostBoostDeletePostOperator(task_id="a", post_uuids="None"),
            PostBoostConfigError,
            "rendered_from_nothing",
            "post_uuids",
        ),
        (
            lambda u: PostBoostDeletePostOperator(task_id="a", post_uuids=f"{u}, {u}"),
            PostBoostConfigError,
            "not_a_uuid",
            "post_uuids",
        ),
        (
            lambda u: PostBoostSchedulePostOperator(task_id="a", post_uuid=u),
            PostBoostConfigError,
            None,
            "publish_at",
        ),
        (
            lambda u: PostBoostSchedulePostOperator(task_id="a", post_uuid=u, how="soon"),
            PostBoostConfigError,
            "not_a_choice",
            "how",
        ),
        (
            lambda u: PostBoostSchedulePostOperator(task_id="a", post_uuid=u, publish_at="9 am"),
            PostBoostConfigError,
            None,
            "publish_at",
        ),
        (
            lambda u: PostBoostSchedulePostOperator(task_id="a", post_uuid="gone", how="now"),
            PublishError,
            None,
            None,
        ),
        (
            lambda u: PostBoostUpdatePostOperator(task_id="a", post_uuid=u, changes={}),
            PostBoostConfigError,
            None,
            "changes",
        ),
        (
            lambda u: PostBoostUpdatePostOperator(task_id="a", post_uuid=u, changes={"txt": "x"}),
            PostBoostConfigError,
            None,
            None,
        ),
        *(
            (
                lambda u, text=text: PostBoostUpdatePostOperator(
                    task_id="a", post_uuid=u, changes={"text": text}
                ),
                PostBoostConfigError,
                None,
                None,
            )
            for text in (None, "", "None", ["Hello"])
        ),
        (lambda u: PostBoostRetryPostOperator(task_id="a", post_uuid="gone"), PublishError, None, None),
        (
            lambda u: PostBoostDeletePostOperator(task_id="a", post_uuids=u, delete_mode="all"),
            PostBoostConfigError,
            "not_a_choice",
            "delete_mode",
        ),
    ],
)
def test_a_wrong_argument_is_one_clear_error(
    sandbox: Sandbox, operator: Any, kind: Any, code: str | None, field: str | None
) -> None:
    uuid = make(sandbox)
    with fails(kind, code=code, field=field):
        operator(uuid).execute(context())


def test_a_post_that_is_out_can_not_be_moved_or_changed(sandbox: Sandbox) -> None:
    uuid = make(sandbox, schedule_now=True)
    sandbox.advance(60)
    with fails(word=uuid):
        schedule(uuid, publish_at=AT)
    with fails(word=uuid):
        PostBoostUpdatePostOperator(task_id="a", post_uuid=uuid, changes={"text": "x"}).execute(context())  # type: ignore[arg-type]


def test_an_action_that_was_done_before_the_post_was_published_may_run_again(sandbox: Sandbox) -> None:
    uuid = make(sandbox)
    change = PostBoostUpdatePostOperator(task_id="act", post_uuid=uuid, changes={"text": "Changed"})
    schedule(uuid, publish_at=AT)
    change.execute(context())  # type: ignore[arg-type]
    sandbox.advance(3 * 86400)
    assert schedule(uuid, publish_at=AT)["status"] == "published"
    assert change.execute(context())["status"] == "published"  # type: ignore[arg-type]
    assert len(writes(sandbox, "update_post") + writes(sandbox, "schedule_post")) == 2
    change.changes = {"text": "Changed again"}
    with fails(word=uuid):
        change.execute(context())  # type: ignore[arg-type]


def test_a_post_that_failed_is_sent_again_by_another_operator(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1})
    uuid = make(sandbox, schedule_now=True)
    sandbox.advance(60)
    with fails(word="PostBoostRetryPostOperator"):
        schedule(uuid, how="now")


def test_a_key_that_may_write_changes_drafts_and_no_scheduled_post(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "read", "write"))
    uuid = make(sandbox)
    change = PostBoostUpdatePostOperator(task_id="act", post_uuid=uuid, changes={"text": "Changed"})
    change.execute(context())  # type: ignore[arg-type]
    at = {"date": str(AT.date()), "time": "10:00", "timezone": "UTC", "schedule": True}
    planned = make(sandbox, **at)
    change = PostBoostUpdatePostOperator(task_id="act", post_uuid=planned, changes={"text": "Changed"})
    with fails(PermissionDeniedError, code="insufficient_scope"):
        change.execute(context())  # type: ignore[arg-type]
