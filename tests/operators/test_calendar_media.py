"""The media cells of a calendar: they reach only the files of the places that the operator allows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client, posts
from tests.failures import fails

PNG = (Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png").read_bytes()


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> None:
    use_connection(monkeypatch, sandbox)
    mocker.patch("postboost_provider.api.client.time.sleep")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the calendar's folder: beside it, a secret; in it, links to the secret and to a file of its own."""
    (tmp_path / "week" / "images").mkdir(parents=True)
    (tmp_path / "week" / "images" / "one.png").write_bytes(PNG)
    (tmp_path / "week-2").mkdir()
    for secret in ("secret.png", "week-2/secret.png"):
        (tmp_path / secret).write_bytes(PNG + b"secret")
    (tmp_path / "week" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "week" / "up").symlink_to(tmp_path)
    (tmp_path / "week" / "own.png").symlink_to("images/one.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "week"


def rows(media: str) -> list[dict[str, Any]]:
    return [{"key": "a", "mode": "draft", "accounts": "instagram:*", "text": "Hello", "media": media}]


def publish(folder: Path | str, media: str, **options: Any) -> dict[str, Any]:
    """Return the report's only row, of a task that may fail."""
    ctx = context()
    task = PostBoostPublishCalendarOperator(
        task_id="publish", rows=rows(media), media_root=str(folder), on_row_error="ignore", **options
    )
    return dict(task.execute(ctx)["rows"][0])  # type: ignore[arg-type]


def uploaded(sandbox: Sandbox) -> list[str]:
    with client(sandbox) as api:
        return [item["name"] for item in api.pages("list_media")]


@pytest.mark.parametrize(
    "cell",
    [
        "../secret.png",
        "images/../../secret.png",
        "../week-2/secret.png",
        "{tmp}/secret.png",
        "link.png",
        "up/secret.png",
        "file://{tmp}/secret.png",
        "FILE://{tmp}/secret.png",
        "local://{tmp}/secret.png",
        "file://secret.png",
        "file://localhost{tmp}/secret.png",
        "file://other_conn@{tmp}/secret.png",
        "file://@{tmp}/secret.png",
        "file://other_conn@{tmp}/week/images/one.png",
        "memory://bucket/secret.png",
        "memory://conn@bucket/secret.png",
        "simplecache::file://{tmp}/secret.png",
        "nonsense://bucket/secret.png",
        "images/one\0.png",
        "memory://buc\tket/secret.png",
        "\ud800.png",
    ],
)
def test_a_cell_does_not_reach_files_outside_the_calendars_folder(
    sandbox: Sandbox, folder: Path, cell: str
) -> None:
    attach("memory", fs=MemoryFileSystem())
    ObjectStoragePath("memory://bucket/secret.png").write_bytes(PNG)
    row = publish(folder, cell.format(tmp=folder.parent))
    assert (row["result"], row["why"].split()[0].strip(":")) == ("invalid", "media")
    assert "unexpected" not in row["why"]
    assert (uploaded(sandbox), posts(sandbox)) == ([], [])


@pytest.mark.parametrize(
    "cell",
    [
        "images/one.png",
        "images/../images/one.png",
        "own.png",
        "{root}/images/one.png",
        "file://{root}/own.png",
    ],
)
def test_a_cell_reaches_every_file_inside_it(sandbox: Sandbox, folder: Path, cell: str) -> None:
    assert publish(folder, cell.format(root=folder))["result"] == "created"
    assert len(uploaded(sandbox)) == 1


def test_the_folder_of_the_calendar_file_is_the_default(sandbox: Sandbox, folder: Path) -> None:
    (folder / "calendar.csv").write_text(
        "key,mode,accounts,text,media\na,draft,1,Hello,images/one.png\nb,draft,1,World,../secret.png\n"
    )
    task = PostBoostPublishCalendarOperator(
        task_id="publish", rows=str(folder / "calendar.csv"), on_row_error="ignore"
    )
    result = task.execute(context())  # type: ignore[arg-type]
    assert [row["result"] for row in result["rows"]] == ["created", "invalid"]
    assert uploaded(sandbox) == ["one.png"]


def test_rows_of_a_list_have_no_folder_and_reach_nothing(sandbox: Sandbox, folder: Path) -> None:
    assert publish("", f"{folder}/images/one.png")["result"] == "invalid"
    assert uploaded(sandbox) == []


@pytest.mark.parametrize(
    ("allowed", "cell", "result"),
    [
        ("{tmp}", "../secret.png", "created"),
        ("{tmp}", "{tmp}/secret.png", "created"),
        ("{tmp}/secret.png", "link.png", "created"),
        ("file://{tmp}", "file://{tmp}/secret.png", "created"),
        ("{tmp}/wee", "../week-2/secret.png", "invalid"),
        ("memory://bucket/shared", "memory://bucket/shared/one.png", "created"),
        ("memory://bucket/shared/", "memory://bucket/shared/one.png", "created"),
        ("memory://conn@bucket/shared", "memory://bucket/shared/one.png", "created"),
        ("memory://conn@bucket/shared", "memory://conn@bucket/shared/one.png", "invalid"),
        ("memory://bucket/shared", "memory://bucket/shared-2/one.png", "invalid"),
        ("memory://bucket/shared", "memory://bucket/shared/../shared-2/one.png", "invalid"),
        ("memory://bucket/shared", "memory://bucket/shared/%2e%2e/shared-2/one.png", "invalid"),
        ("memory://bucket/shared", "memory://other/shared/one.png", "invalid"),
        ("nonsense://bucket", "nonsense://bucket/one.png", "invalid"),
    ],
)
def test_media_allow_opens_other_places(
    sandbox: Sandbox, folder: Path, allowed: str, cell: str, result: str
) -> None:
    for conn_id in (None, "conn"):
        attach("memory", conn_id, fs=MemoryFileSystem())
    for place in ("bucket/shared", "bucket/shared-2", "other/shared"):
        ObjectStoragePath(f"memory://{place}/one.png").write_bytes(PNG)
    names = [name.format(tmp=folder.parent) for name in (allowed, cell)]
    assert publish(folder, names[1], media_allow=[names[0]])["result"] == result
    assert len(uploaded(sandbox)) == (result == "created")


def test_a_relative_cell_stays_in_a_root_on_object_storage(sandbox: Sandbox) -> None:
    attach("memory", fs=MemoryFileSystem())
    for name in ("week/one.png", "secret.png"):
        ObjectStoragePath(f"memory://bucket/{name}").write_bytes(PNG)
    assert publish("memory://bucket/week", "../secret.png")["result"] == "invalid"
    assert publish("memory://", "conn@bucket/secret.png")["result"] == "invalid"
    assert publish("memory://bucket/week", "one.png")["result"] == "created"


def test_the_connection_of_an_allowed_place_is_taken(folder: Path, mocker: Any) -> None:
    locate = mocker.patch("postboost_provider.airflow_support.confinement.locate")
    task = PostBoostPublishCalendarOperator(
        task_id="publish",
        rows=[],
        media_allow=["s3://shared_conn@shared/images"],
        object_storage_conn_id=None,
    )
    task._find_media("s3://shared/images/one.png").open()
    locate.assert_called_once_with("s3://shared_conn@shared/images/one.png", None)


def test_a_link_that_is_turned_around_after_the_check_is_found_out(folder: Path) -> None:
    task = PostBoostPublishCalendarOperator(task_id="publish", rows=[], media_root=str(folder))
    file = task._find_media("own.png")
    (folder / "own.png").unlink()
    (folder / "own.png").symlink_to(os.path.abspath("secret.png"))
    with pytest.raises(PostBoostConfigError) as caught:
        file.open()
    assert caught.value.code == "outside_media_root"


def test_a_connection_in_a_cell_is_not_repeated() -> None:
    task = PostBoostPublishCalendarOperator(task_id="publish", rows=[], media_root="/")
    with pytest.raises(PostBoostConfigError) as caught:
        task._find_media("s3://key:secret@bucket/one.png")
    assert (caught.value.code, caught.value.field) == ("connection_in_uri", "media")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["None", "", [""], [" "], [None], {"/a": 1}, 3])
def test_a_media_allow_that_names_no_places_is_refused(wrong: Any) -> None:
    task = PostBoostPublishCalendarOperator(task_id="publish", rows=[], media_allow=wrong)
    with fails(field="media_allow"):
        task.execute(context())  # type: ignore[arg-type]


def test_media_allow_is_taken_as_a_template_renders_it(sandbox: Sandbox, folder: Path) -> None:
    assert "media_allow" in PostBoostPublishCalendarOperator.template_fields
    assert publish(folder, "../secret.png", media_allow=str([str(folder.parent)]))["result"] == "created"


def test_the_author_of_a_dag_names_any_file_for_a_single_post(sandbox: Sandbox, folder: Path) -> None:
    task = PostBoostCreatePostOperator(
        task_id="post",
        text="Hello",
        accounts="instagram:*",
        publish="draft",
        media=["../secret.png", f"file://{folder}/link.png"],
        media_root=str(folder),
    )
    task.execute(context())  # type: ignore[arg-type]
    assert sorted(uploaded(sandbox)) == ["link.png", "secret.png"]
