"""What PostBoost refuses names the argument or column that its author wrote."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, ServerError, ValidationError
from postboost_provider.api.field_errors import map_fields
from postboost_provider.calendar.csv import read_rows
from postboost_provider.operators.base import PanelOperator
from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.media import PostBoostUploadMediaOperator
from postboost_provider.operators.post_actions import (
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.publishing.error_mapping import ErrorMapping, read_problems
from postboost_provider.publishing.post import Post, Variant
from postboost_provider.retry_policy import PostBoostFailException
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client

LONG = "x" * 281
SOON = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")
PNG = (Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png").read_bytes()

ACCOUNTS = [
    {"id": 1, "provider": "twitter", "username": "northwind", "name": "N"},
    {"id": 5, "provider": "youtube", "username": None, "name": "Films"},
]
BODY = {
    "versions": [
        {"account_id": 0, "content": [{"body": "Hello", "media": [1, 2]}, {"body": "Two"}, {"body": "Hi"}]},
        {"account_id": 5, "content": [{"body": "A film", "media": [3]}]},
        {"account_id": 1, "content": [{"body": "Hello X", "media": [1]}]},
    ],
    "accounts": [1, 5],
    "accounts_schedule": [{"account_id": 5, "date": "2026-12-01", "time": "10:00"}],
}


def find(names: Any) -> list[dict[str, Any]]:
    (name,) = names
    found = [
        a for a in ACCOUNTS if str(name) in (str(a["id"]), f"{a['provider']}:*", f"twitter:{a['username']}")
    ]
    if not found:
        raise PostBoostConfigError(f"no account {name}")
    return found


def make_post(*, is_row: bool = False) -> Post:
    variants = (
        Variant("youtube", text="A film", media=("film.mp4",), options={"title": "x"}),
        Variant("twitter:northwind", text="Hello X"),
        Variant("mastodon", text="not one of this post's"),
    )
    return Post(
        "Hello",
        (),
        "schedule",
        media=("a.png", "b.png"),
        first_comment="Hi",
        thread=("Two",),
        variants=variants,
        is_row=is_row,
    )


@pytest.mark.parametrize(
    ("field", "argument", "column"),
    [
        ("versions.0.content.0.body", "text", "text"),
        ("versions.0.content", "text", "text"),
        ("versions", "text", "text"),
        ("versions.0.content.1.body", "thread", "thread"),
        ("versions.0.content.2.body", "first_comment", "first_comment"),
        ("versions.0.content.0.media", "media", "media"),
        ("versions.0.content.0.media.1", "media (b.png)", "media (b.png)"),
        ("versions.0.content.0.media.9", "media", "media"),
        ("versions.1.content.0.body", "variants['youtube']['text']", "text:youtube"),
        (
            "versions.1.content.0.media.0",
            "variants['youtube']['media'] (film.mp4)",
            "media:youtube (film.mp4)",
        ),
        ("versions.1.options.youtube.title", "variants['youtube']['options']", "options:youtube"),
        ("versions.2.content.0.body", "variants['twitter:northwind']['text']", "text:twitter:northwind"),
        ("versions.2.content.0.media.0", "media (a.png)", "media (a.png)"),
        ("versions.9.content.0.body", "text", "text"),
        ("accounts", "accounts", "accounts"),
        ("accounts.0", "accounts (twitter:northwind)", "accounts (twitter:northwind)"),
        ("accounts.1", "accounts (youtube:Films)", "accounts (youtube:Films)"),
        ("accounts.7", "accounts", "accounts"),
        ("accounts_schedule", "account_times", "account_times"),
        ("accounts_schedule.0.date", "account_times (youtube:Films)", "account_times (youtube:Films)"),
        ("tags.0", "tags", "tags"),
        ("date", "publish_at", "publish_at"),
        ("time", "publish_at", "publish_at"),
        ("timezone", "publish_at", "publish_at"),
        ("schedule_now", "publish", "mode"),
        ("queue", "publish", "mode"),
        ("allow_duplicate", "on_duplicate", "on_duplicate"),
        ("ai_generated", "ai_generated", "ai_generated"),
    ],
)
def test_every_field_of_a_post_has_its_authors_name(field: str, argument: str, column: str) -> None:
    assert ErrorMapping(make_post(), BODY, find).field(field) == argument
    assert ErrorMapping(make_post(is_row=True), BODY, find).field(field) == column


def test_a_path_inside_a_message_is_renamed_too() -> None:
    message = "The versions.1.content.0.body field must not be greater than 280 characters."
    (problem,) = read_problems(
        {"versions.1.content.0.body": [message]}, ErrorMapping(make_post(), BODY, find).field
    )
    assert problem.field == "variants['youtube']['text']"
    assert problem.message == message.replace("versions.1.content.0.body", problem.field)


@pytest.mark.parametrize("field", ["accounts.0", "versions.1.content.0.body"])
def test_an_error_while_names_are_looked_up_does_not_replace_the_refusal(field: str) -> None:
    def fail(names: Any) -> list[dict[str, Any]]:
        raise ServerError("PostBoost is down", status=503)

    (problem,) = read_problems({field: ["Is wrong."]}, ErrorMapping(make_post(), BODY, fail).field)
    assert problem.field == {"accounts.0": "accounts (account 1)"}.get(field, "text")


def refusal(errors: dict[str, list[str]]) -> ValidationError:
    message = "create_tag in w: PostBoost responded 422: Validation errors."
    return ValidationError(message, status=422, code="c", body={"errors": errors}, replayed=True)


def test_a_mapped_refusal_keeps_all_but_its_field_and_message() -> None:
    with (
        pytest.raises(ValidationError, match="tags .autumn.: Is taken") as caught,
        map_fields("tags (autumn)"),
    ):
        raise refusal({"name": ["Is taken.", "Is long."]})
    error = caught.value
    assert (error.status, error.code, error.replayed) == (422, "c", True)
    assert (error.field, error.is_mapped) == ("tags (autumn)", True)
    assert error.errors == {"name": ["Is taken.", "Is long."]}


def test_a_refusal_is_mapped_once_by_who_is_nearest() -> None:
    with (
        pytest.raises(ValidationError) as caught,
        map_fields("the post"),
        map_fields("tags (autumn)"),
    ):
        raise refusal({"name": ["Is taken."]})
    assert caught.value.field == "tags (autumn)"


def test_a_refusal_that_names_no_field_stays_as_it_is() -> None:
    error = refusal({})
    with pytest.raises(ValidationError) as caught, map_fields("tags"):
        raise error
    assert caught.value is error


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> Sandbox:
    use_connection(monkeypatch, sandbox)
    mocker.patch(
        "postboost_provider.api.client.time", SimpleNamespace(sleep=lambda _: None, monotonic=time.monotonic)
    )
    return sandbox


def refused(execute: Callable[[Any], Any]) -> PostBoostError:
    """Return the error that failed a task; its message must not have a field of the API's."""
    with pytest.raises(PostBoostFailException) as failed:
        execute(context())
    message = str(failed.value)
    assert not re.search(r"versions|content\.|accounts_schedule|total_size|total size|hex.color", message), (
        message
    )
    assert isinstance(failed.value.error, PostBoostError)
    return failed.value.error


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize(
    ("options", "field", "word"),
    [
        ({"text": LONG}, "text", "280"),
        ({"variants": {"twitter": {"text": LONG}}}, "variants['twitter']['text']", "280"),
        ({"thread": [LONG]}, "thread", "280"),
        ({"accounts": "instagram:northwind.coffee"}, "media", "instagram"),
        (
            {
                "accounts": "youtube:northwindvideo",
                "variants": {"youtube": {"options": {"title": "x" * 101}}},
            },
            None,
            "variants['youtube']['options']: ",
        ),
        ({"account_times": {"twitter": "2020-01-01 10:00"}}, "account_times", "past"),
        ({"tags": ["x" * 256]}, f"tags ({'x' * 256})", ""),
    ],
)
def test_a_single_posts_refusal_names_its_arguments(
    connection: Sandbox, options: dict[str, Any], field: str | None, word: str, validate: bool
) -> None:
    arguments: dict[str, Any] = {"text": "Hello", "accounts": ["twitter:northwind"], **options}
    operator = PostBoostCreatePostOperator(
        task_id="post", publish="schedule", publish_at=SOON, timezone="UTC", validate=validate, **arguments
    )
    error = refused(operator.execute)
    assert field is None or error.field == field
    assert word in str(error)


def test_a_calendars_refusal_names_its_columns(connection: Sandbox) -> None:
    rows = [
        {
            "key": "a",
            "text": "Hello",
            "text:twitter": LONG,
            "accounts": "twitter:northwind;threads:northwind",
        },
        {"key": "b", "text": "Hello", "accounts": "instagram:northwind.coffee"},
    ]
    rows = [{**row, "publish_at": SOON, "mode": "schedule", "timezone": "UTC"} for row in rows]
    assert not [row.problems for row in read_rows([("row", r) for r in rows], None) if row.problems]
    message = str(refused(PostBoostPublishCalendarOperator(task_id="publish", rows=rows).execute))
    assert "text:twitter: " in message
    assert "media: instagram" in message


def create_post(sandbox: Sandbox, **body: Any) -> str:
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}]
    with client(sandbox) as api:
        return str(api.call("create_post", body={"versions": versions, "accounts": [1], **body})["uuid"])


def test_a_post_that_can_not_be_scheduled_says_what_is_wrong_with_publish_at(connection: Sandbox) -> None:
    operator = PostBoostSchedulePostOperator(
        task_id="act", post_uuid=create_post(connection), publish_at="2020-01-01 10:00", timezone="UTC"
    )
    assert refused(operator.execute).field == "publish_at"


def test_an_update_names_what_was_to_be_changed_or_what_was_there(connection: Sandbox) -> None:
    planned = {"schedule": True, "date": SOON[:10], "time": SOON[11:], "timezone": "UTC"}
    uuid = create_post(connection, **planned)
    text = PostBoostUpdatePostOperator(task_id="act", post_uuid=uuid, changes={"text": LONG})
    assert refused(text.execute).field == "text"
    accounts = PostBoostUpdatePostOperator(task_id="act", post_uuid=uuid, changes={"accounts": [99]})
    assert refused(accounts.execute).field == "accounts.0"


@pytest.mark.parametrize("size", [len(PNG), 11 * 1024 * 1024])
def test_a_file_that_is_refused_is_named(connection: Sandbox, tmp_path: Path, size: int) -> None:
    connection.change(image_bytes=1000)
    path = tmp_path / "a.png"
    path.write_bytes(PNG + bytes(size - len(PNG)))
    assert refused(PostBoostUploadMediaOperator(task_id="up", media=str(path)).execute).field == str(path)


def test_a_folder_that_is_refused_is_named(connection: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    name = "y" * 256
    operator = PostBoostUploadMediaOperator(task_id="up", media=str(path), folder=f"Autumn/{name}")
    assert refused(operator.execute).field == f"folder ({name})"


def test_the_panel_names_user_where_the_api_names_user_id(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, "admin")

    class Refused(PanelOperator):
        def prepare(self, context: Any) -> Callable[[PostBoostClient], Any]:
            where = {"workspace_uuid": sandbox.workspaces[0]["uuid"]}
            place = {"user_id": 999, "role": "king", "can_approve": False, "is_owner": False}
            return lambda api: api.call("add_user_to_workspace", parameters=where, body=place)

    message = str(refused(Refused(task_id="add").execute))
    assert "user: " in message
    assert "role: " in message
    assert "user_id" not in message
