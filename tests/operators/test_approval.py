"""The approval by a person: what the form shows is what is published."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from postboost_provider.api.errors import PostBoostError, PublishError
from postboost_provider.idempotency.identity import digest
from postboost_provider.operators.approval import PostBoostApprovePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.api.support import Upload
from tests.clients import client, posts
from tests.failures import fails
from tests.markdown import blocks
from tests.remote_files import PNG

AT = (datetime.now(UTC) + timedelta(days=2)).replace(second=0, microsecond=0)


class Asked(Exception):
    """Airflow's signal that the task waits for a person."""


@pytest.fixture(autouse=True)
def forms(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> list[dict[str, Any]]:
    """The forms that were shown."""
    use_connection(monkeypatch, sandbox)
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    shown: list[dict[str, Any]] = []
    mocker.patch(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **form: shown.append(form)
    )
    mocker.patch("airflow.providers.standard.operators.hitl.TaskAwaitingInput", return_value=Asked())
    return shown


def draft(sandbox: Sandbox, text: str = "We are moving\nto the harbour") -> str:
    versions = [
        {"account_id": 0, "is_original": True, "content": [{"body": text, "media": []}]},
        {"account_id": 2, "is_original": False, "content": [{"body": "In other words", "media": []}]},
    ]
    with client(sandbox) as api:
        return str(api.call("create_post", body={"versions": versions, "accounts": [1, 2]})["uuid"])


def edit(sandbox: Sandbox, uuid: str, text: str) -> None:
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": text, "media": []}]}]
    with client(sandbox) as api:
        api.call(
            "update_post", parameters={"post_uuid": uuid}, body={"versions": versions, "accounts": [1, 2]}
        )


def ask(uuid: str, **options: Any) -> None:
    ctx = context()
    ctx["task_instance"] = SimpleNamespace(id="ti")
    with pytest.raises(Asked):
        PostBoostApprovePostOperator(task_id="approve", post_uuid=uuid, **options).execute(ctx)  # type: ignore[arg-type]


def respond(uuid: str, option: str, **options: Any) -> Any:
    """Respond in another process than the one that asked."""
    event = {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "1", "name": "Ada"},
    }
    operator = PostBoostApprovePostOperator(task_id="approve", post_uuid=uuid, **options)
    return operator.execute_complete(context(), event)  # type: ignore[arg-type]


def test_the_form_shows_what_else_is_published(sandbox: Sandbox, forms: list[dict[str, Any]]) -> None:
    options = {"youtube": {"title": "A *film*", "status": "private"}, "tiktok": {"privacy": "x"}}
    content = [{"body": "Look", "media": [], "url": "https://northwind.example/film"}]
    versions = [{"account_id": 0, "is_original": True, "content": content, "options": options}]
    with client(sandbox) as api:
        accounts = {a["provider"]: int(a["id"]) for a in api.pages("list_accounts")}
        body = {"versions": versions, "accounts": [accounts["youtube"]]}
        ask(str(api.call("create_post", body=body)["uuid"]))
    assert "**Link:**\n\n```text\nhttps://northwind.example/film\n```" in forms[0]["body"]
    shown = json.loads(blocks(forms[0]["body"])[-1])
    assert shown == {"youtube": {"title": "A *film*", "status": "private"}}


def test_the_form_shows_text_accounts_and_time(sandbox: Sandbox, forms: list[dict[str, Any]]) -> None:
    ask(draft(sandbox), publish_at=AT)
    (form,) = forms
    assert blocks(form["body"]) == [
        "twitter:northwind\nthreads:northwind",
        "We are moving\nto the harbour",
        "threads:northwind",
        "In other words",
    ]
    assert f"**Time:** {AT:%Y-%m-%d %H:%M} UTC" in form["body"]
    assert [option.partition(" ")[0] for option in form["options"]] == ["Approve", "Reject"]


@pytest.mark.parametrize("publish_at", [None, AT])
def test_approving_publishes_what_was_seen_once(
    sandbox: Sandbox, forms: list[dict[str, Any]], publish_at: datetime | None
) -> None:
    uuid = draft(sandbox)
    ask(uuid, publish_at=publish_at)
    status = "scheduled" if publish_at else "publishing"
    for _ in range(2):
        assert respond(uuid, forms[0]["options"][0], publish_at=publish_at)["status"] == status
    assert sum(r["operation"] == "schedule_post" for r in sandbox.requests()) == 1


def test_the_draft_is_fetched_once_to_be_shown(sandbox: Sandbox, forms: list[dict[str, Any]]) -> None:
    uuid = draft(sandbox)
    before = len(sandbox.requests())
    ask(uuid)
    assert [r["operation"] for r in sandbox.requests()[before:]].count("get_post") == 1


def test_an_edit_in_between_is_not_published_and_no_retry_is_burned_on_it(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    uuid = draft(sandbox)
    ask(uuid)
    edit(sandbox, uuid, "Something else")
    with fails(PostBoostError, "Ada", code="edited"):
        respond(uuid, forms[0]["options"][0])
    assert [p["status"] for p in posts(sandbox)] == ["draft"]


def test_an_edit_in_between_is_left_to_the_next_task_that_asks_about_the_same_post(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    uuid = draft(sandbox)
    ask(uuid)
    edit(sandbox, uuid, "Something else")
    event = {"chosen_options": [forms[0]["options"][0]], "params_input": {}}
    with DAG("approvals", schedule=None):
        first, other, same = (
            PostBoostApprovePostOperator(task_id=task_id, post_uuid=post)
            for task_id, post in (("first", uuid), ("other", "another"), ("same", uuid))
        )
    first >> other
    with pytest.raises(AirflowFailException):
        first.execute_complete(context(), event)  # type: ignore[arg-type]
    first >> same
    assert first.execute_complete(context(), event)["status"] == "draft"  # type: ignore[arg-type]
    ask(uuid)
    assert forms[0]["options"][0] != forms[1]["options"][0]
    assert respond(uuid, forms[1]["options"][0])["status"] == "publishing"


def test_an_edit_that_was_scheduled_elsewhere_is_not_sent_by_an_older_approval(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    uuid = draft(sandbox)
    ask(uuid)
    edit(sandbox, uuid, "Something else")
    with client(sandbox) as api:
        body = {"postNow": False, "date": f"{AT:%Y-%m-%d}", "time": f"{AT:%H:%M}", "timezone": "UTC"}
        api.call("schedule_post", parameters={"post_uuid": uuid}, body=body)
    with fails(PostBoostError, code="edited"):
        respond(uuid, forms[0]["options"][0])
    assert [p["status"] for p in posts(sandbox)] == ["scheduled"]


def test_another_time_than_the_one_that_was_seen_is_not_approved(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    uuid = draft(sandbox)
    ask(uuid, publish_at=AT)
    with fails(PostBoostError, code="edited"):
        respond(uuid, forms[0]["options"][0], publish_at=AT + timedelta(hours=1))


def test_rejecting_trashes_the_draft_and_skips_the_downstream_tasks_also_after_a_retry(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    uuid = draft(sandbox)
    ask(uuid)
    for _ in range(2):
        with pytest.raises(AirflowSkipException, match=uuid):
            respond(uuid, forms[0]["options"][1])
    assert [p["trashed"] for p in posts(sandbox)] == [True]
    with fails(code="trashed"):
        respond(uuid, forms[0]["options"][0])
    # A worker that was killed right after it: Airflow runs the task again.
    with pytest.raises(AirflowSkipException, match="rejected"):
        PostBoostApprovePostOperator(task_id="approve", post_uuid=uuid).execute(context())  # type: ignore[arg-type]


def test_a_draft_that_was_corrected_meanwhile_is_not_trashed(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    uuid = draft(sandbox)
    ask(uuid)
    edit(sandbox, uuid, "Something better")
    with fails(PostBoostError, "Ada", code="edited"):
        respond(uuid, forms[0]["options"][1])
    assert [p["trashed"] for p in posts(sandbox)] == [False]


@pytest.mark.parametrize(
    ("edited", "option", "code"),
    [
        (False, 1, "published"),
        (True, 0, "edited"),
        (True, 1, "edited"),
    ],
)
def test_a_post_that_was_published_by_hand_meanwhile_is_not_changed_and_reported(
    sandbox: Sandbox, forms: list[dict[str, Any]], edited: bool, option: int, code: str
) -> None:
    uuid = draft(sandbox)
    ask(uuid)
    if edited:
        edit(sandbox, uuid, "Something else")
    with client(sandbox) as api:
        api.call("schedule_post", parameters={"post_uuid": uuid}, body={"postNow": True})
    sandbox.advance(60)
    with fails(code=code):
        respond(uuid, forms[0]["options"][option])
    assert [(p["status"], p["trashed"]) for p in posts(sandbox)] == [("published", False)]


def test_another_alt_text_than_the_one_that_was_seen_is_not_approved(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    with client(sandbox) as api:
        media = api.call("upload_media", files=Upload(PNG).part("sign.png"), body={"alt_text": "The sign"})
        content = [{"body": "Look", "media": [int(media["id"])]}]
        versions = [{"account_id": 0, "is_original": True, "content": content}]
        uuid = str(api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"])
        ask(uuid)
        api.call("update_media", parameters={"media_uuid": media["uuid"]}, body={"alt_text": "Rubbish"})
    with fails(PostBoostError, code="edited"):
        respond(uuid, forms[0]["options"][0])


def test_all_accounts_are_published_at_the_time_that_was_shown(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    when = {"date": f"{AT:%Y-%m-%d}", "time": f"{AT:%H:%M}", "timezone": "UTC"}
    later = {"account_id": 2, "date": f"{AT + timedelta(days=3):%Y-%m-%d}", "time": "10:00"}
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
    with client(sandbox) as api:
        body = {"versions": versions, "accounts": [1, 2], **when, "accounts_schedule": [later]}
        uuid = str(api.call("create_post", body=body)["uuid"])
    ask(uuid, publish_at=AT)
    respond(uuid, forms[0]["options"][0], publish_at=AT)
    sandbox.advance(2 * 86400 + 3600)
    assert [p["status"] for p in posts(sandbox)] == ["published"]


@pytest.mark.parametrize("on_late", ["fail", "now", "later"])
def test_what_is_approved_after_its_time(
    sandbox: Sandbox, forms: list[dict[str, Any]], mocker: Any, on_late: Any
) -> None:
    uuid = draft(sandbox)
    ask(uuid, publish_at=AT)
    clock = mocker.patch("postboost_provider.operators.approval.datetime", wraps=datetime)
    clock.now.return_value = AT + timedelta(minutes=5)
    sandbox.advance(2 * 86400 + 300)
    if on_late == "now":
        assert respond(uuid, forms[0]["options"][0], publish_at=AT, on_late="now")["status"] == "publishing"
        return
    if on_late == "later":
        with fails(code="not_a_choice", field="on_late"):
            PostBoostApprovePostOperator(task_id="approve", post_uuid=uuid, on_late=on_late).execute(
                context()
            )  # type: ignore[arg-type]
        return
    with fails(code="late", field="publish_at"):
        respond(uuid, forms[0]["options"][0], publish_at=AT)
    assert [p["status"] for p in posts(sandbox)] == ["draft"]


def test_a_draft_that_is_gone_is_one_clear_error(sandbox: Sandbox) -> None:
    operator = PostBoostApprovePostOperator(task_id="approve", post_uuid="gone")
    with fails(PublishError, "gone"):
        operator.execute(context())  # type: ignore[arg-type]


def test_a_post_that_is_planned_already_needs_no_person(
    sandbox: Sandbox, forms: list[dict[str, Any]]
) -> None:
    uuid = draft(sandbox)
    with client(sandbox) as api:
        api.call("schedule_post", parameters={"post_uuid": uuid}, body={"postNow": True})
    operator = PostBoostApprovePostOperator(task_id="approve", post_uuid=uuid)
    assert operator.execute(context())["status"] == "publishing"  # type: ignore[arg-type]
    assert forms == []


def test_an_approval_of_one_text_never_publishes_another_whose_hash_begins_alike(
    sandbox: Sandbox, forms: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def alike(*parts: Any) -> str:
        return "0" * 8 + digest(*parts)[8:]

    monkeypatch.setattr("postboost_provider.idempotency.identity.digest", alike)
    uuid = draft(sandbox, "We open at nine.")
    ask(uuid)
    edit(sandbox, uuid, "Our CEO resigns today.")
    with fails(PostBoostError, code="edited"):
        respond(uuid, forms[0]["options"][0])
    assert [p["status"] for p in posts(sandbox)] == ["draft"]


@pytest.mark.parametrize("choice", ["Approve", "Reject"])
@pytest.mark.parametrize("digits", ["", " 0a1b2c3d"])
def test_a_form_without_the_whole_hash_is_refused(sandbox: Sandbox, choice: str, digits: str) -> None:
    uuid = draft(sandbox)
    with fails(PostBoostError, "0.1.0", code="old_form"):
        respond(uuid, choice + digits)
    assert [(p["status"], p["trashed"]) for p in posts(sandbox)] == [("draft", False)]


def test_media_are_shown_as_far_as_they_are_found(
    sandbox: Sandbox, forms: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with client(sandbox) as api:
        media = api.call("upload_media", files=Upload(PNG).part("sign_1.png"), body={"alt_text": "The sign"})
        content = [{"body": "Look", "media": [int(media["id"])]}]
        versions = [{"account_id": 0, "is_original": True, "content": content}]
        uuid = str(api.call("create_post", body={"versions": versions, "accounts": [1]})["uuid"])
    ask(uuid)
    url = media["url"]
    assert f"**Media:** [open]({url}) ![]({url})" in forms[0]["body"]
    assert blocks(forms[0]["body"])[-2:] == ["sign_1.png", "The sign"]
    monkeypatch.setattr("postboost_provider.operators.approval.MOST_MEDIA", 0)
    ask(uuid)
    assert f"**Media:** number {media['id']} of the library" in forms[1]["body"]
