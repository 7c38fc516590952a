"""The media operator: what it takes, what it returns, how it ends."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import NotFinishedError, ValidationError
from postboost_provider.operators.media import PostBoostUploadMediaOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.failures import fails
from tests.remote_files import CLIP, serving

PNG = (Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png").read_bytes()
LARGE = bytes(range(256)) * (11 * 4096)


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> Any:
    use_connection(monkeypatch, sandbox)
    return mocker.patch("time.sleep")


def upload(media: Any, ctx: dict[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
    operator = PostBoostUploadMediaOperator(task_id="upload", media=media, **options)
    return operator.execute(ctx or context())  # type: ignore[arg-type]


def library(sandbox: Sandbox) -> list[tuple[str, int, str]]:
    return [(item["name"], item["size"], item["sha256"]) for item in sandbox.state()["media"]]


def whole(name: str, content: bytes) -> tuple[str, int, str]:
    return (name, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture
def png(tmp_path: Path) -> str:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    return str(path)


@pytest.fixture
def mp4(tmp_path: Path) -> str:
    path = tmp_path / "a.mp4"
    path.write_bytes(LARGE)
    return str(path)


def test_files_of_every_kind_come_in_by_the_way_that_fits_them(
    sandbox: Sandbox, tmp_path: Path, png: str, mp4: str
) -> None:
    attach("memory", fs=MemoryFileSystem())
    deck = ObjectStoragePath("memory://bucket/deck.pdf")
    deck.parent.mkdir(parents=True, exist_ok=True)
    deck.write_bytes(b"%PDF-1.7")
    with serving() as source:
        result = upload([png, mp4, "memory://bucket/deck.pdf", f"file://{png}", f"{source.url}/clip.mp4"])
    assert [item["name"] for item in result] == ["a.png", "a.mp4", "deck.pdf", "a.png", "clip.mp4"]
    assert library(sandbox) == [
        whole("a.png", PNG),
        whole("a.mp4", LARGE),
        whole("deck.pdf", b"%PDF-1.7"),
        whole("clip.mp4", CLIP),
    ]
    assert result[0]["id"] == result[3]["id"]
    ways = {request["operation"] for request in sandbox.requests() if request["operation"].startswith("init")}
    assert ways == {"initiate_chunked_upload", "initiate_remote_upload"}


def test_the_result_can_be_posted(sandbox: Sandbox, png: str) -> None:
    (item,) = upload(png, alt_text="A cup", folder="Campaigns/Autumn")
    assert set(item) == {"id", "uuid", "name", "type", "mime_type", "size", "url"}
    assert isinstance(item["id"], int)
    assert (item["type"], item["mime_type"], item["size"]) == ("image", "image/png", len(PNG))
    with client(sandbox) as api:
        body = {
            "accounts": [1],
            "versions": [
                {"account_id": 0, "is_original": True, "content": [{"body": "Hi", "media": [item["id"]]}]}
            ],
        }
        api.call("create_post", body=body)
        media = api.call("get_media", parameters={"media_uuid": item["uuid"]})
    assert (media["alt_text"], media["folder"]["name"]) == ("A cup", "Autumn")


def test_a_second_attempt_uploads_nothing_twice(sandbox: Sandbox, png: str, mp4: str) -> None:
    with serving() as source:
        media = [png, mp4, f"{source.url}/bean.png"]
        assert upload(media) == upload(media)
    assert len(library(sandbox)) == 3


def test_a_url_is_fetched_again_in_another_run(sandbox: Sandbox) -> None:
    other = context()
    other["ti"].run_id = "another"
    with serving() as source:
        upload(f"{source.url}/bean.png")
        upload(f"{source.url}/bean.png", other)
    assert len(library(sandbox)) == 2


def test_the_salt_keeps_mapped_tasks_with_one_url_apart(sandbox: Sandbox) -> None:
    mapped = context()
    mapped["ti"].map_index = 1
    with serving() as source:
        assert upload(f"{source.url}/bean.png") != upload(f"{source.url}/bean.png", mapped)


def test_each_file_has_its_own_alt_text(sandbox: Sandbox, png: str) -> None:
    one, two, three = upload([png, png, png], alt_text=["One", None, " "])
    with client(sandbox) as api:
        texts = [
            api.call("get_media", parameters={"media_uuid": i["uuid"]})["alt_text"] for i in (one, two, three)
        ]
    assert texts == ["One", None, None]


def test_a_video_is_waited_for(sandbox: Sandbox, mp4: str, connection: Any) -> None:
    sandbox.change(video_processing_seconds=100)
    connection.side_effect = sandbox.advance
    (item,) = upload(mp4)
    with client(sandbox) as api:
        assert api.call("get_media", parameters={"media_uuid": item["uuid"]})["is_processing"] is False


def test_a_video_is_not_waited_for_when_told_so(sandbox: Sandbox, mp4: str) -> None:
    sandbox.change(video_processing_seconds=100)
    (item,) = upload(mp4, wait_for_processing=False)
    with client(sandbox) as api:
        assert api.call("get_media", parameters={"media_uuid": item["uuid"]})["is_processing"] is True


def test_a_video_that_is_not_ready_in_time_is_left_to_a_retry_which_uploads_nothing(
    sandbox: Sandbox, mp4: str
) -> None:
    sandbox.change(video_processing_seconds=100)
    with pytest.raises(NotFinishedError, match="a.mp4"):
        upload(mp4, timeout=timedelta(0))
    sandbox.advance(101)
    upload(mp4, timeout=timedelta(0))
    assert library(sandbox) == [whole("a.mp4", LARGE)]


def test_an_item_of_the_library_is_found_and_changed_as_told(sandbox: Sandbox, png: str) -> None:
    (item,) = upload(png)
    assert upload(item["uuid"]) == [item]
    upload(item["uuid"], alt_text="A cup")
    with client(sandbox) as api:
        assert api.call("get_media", parameters={"media_uuid": item["uuid"]})["alt_text"] == "A cup"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"media": ""}, "media"),
        ({"media": None}, "media"),
        ({"media": ["a.png", None]}, "media"),
        ({"media": {"path": "a.png"}}, "media"),
        ({"media": "['gone.png', 'b.png']"}, "gone.png"),
        ({"media": "gone.png"}, "gone.png"),
        ({"media": "notes.txt"}, "notes.txt"),
        ({"media": "nosuch://bucket/a.png"}, "nosuch://bucket/a.png"),
        ({"media": "https://"}, "https://"),
        ({"alt_text": ["One", "Two"]}, "alt_text"),
        ({"alt_text": "a" * 501}, "501"),
        ({"folder": "A//B"}, "A//B"),
        ({"timeout": "60"}, "timeout"),
        ({"timeout": timedelta(-1)}, "timeout"),
        ({"postboost_conn_id": "nosuch"}, "'nosuch'"),
    ],
)
def test_what_can_not_be_meant_fails_without_a_retry_and_without_an_upload(
    sandbox: Sandbox, png: str, changes: dict[str, Any], word: str
) -> None:
    with fails(word=word):
        upload(**{"media": png, **changes})
    assert [r for r in sandbox.requests() if r["operation"] != "list_media_folders"] == []


def test_no_media_are_no_media(sandbox: Sandbox) -> None:
    assert upload([]) == []
    assert sandbox.requests() == []


def test_nothing_is_sent_when_one_of_the_files_is_bad(sandbox: Sandbox, png: str) -> None:
    with fails(word="gone.png", field="media"):
        upload([png, "gone.png"])
    assert sandbox.requests() == []


def test_a_refused_file_fails_without_a_retry(sandbox: Sandbox, mp4: str) -> None:
    sandbox.change(video_bytes=1000)
    with fails(ValidationError, "1000 bytes"):
        upload(mp4)


def test_it_can_be_mapped_over_media(png: str) -> None:
    with DAG("d", schedule=None) as dag:
        PostBoostUploadMediaOperator.partial(task_id="upload", folder="A").expand(media=[png, "b.png"])
    assert dag.get_task("upload").is_mapped


def test_templates_are_rendered(png: str) -> None:
    operator = PostBoostUploadMediaOperator(
        task_id="upload", media=["{{ dir }}/a.png"], alt_text="{{ what }}", folder="{{ what }}s"
    )
    operator.render_template_fields({"dir": str(Path(png).parent), "what": "Cup"})  # type: ignore[arg-type]
    assert (operator.media, operator.alt_text, operator.folder) == ([png], "Cup", "Cups")
