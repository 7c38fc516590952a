"""Uploads in chunks, against the sandbox: with every fault at every step, and under every switch."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.api.errors import (
    NotFinishedError,
    PostBoostConfigError,
    ServerError,
    UnconfirmedError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.services.media import (
    chunked_upload as uploads,
    file_content as content_module,
    upload as media_module,
)
from postboost_provider.services.media.library import media_id
from postboost_provider.services.media.upload import MediaFile, read_file, upload_media
from tests.clients import client
from tests.services.media.chunked import CHUNK, CHUNKS, CONTENT, library, picture, sent, video, whole

pytestmark = pytest.mark.usefixtures("small_chunks")

SWITCHES = [
    {},
    {"resend_chunk": "refuse"},
    {"complete_twice": 201},
    {"resend_chunk": "refuse", "complete_twice": 201, "idempotency_fingerprint": "parsed"},
]
STEPS = [
    ("initiate_chunked_upload", 0),
    *(("upload_chunk", index) for index in range(CHUNKS)),
    ("complete_chunked_upload", 0),
    ("list_media", 0),
]


@pytest.fixture
def api(sandbox):
    with client(sandbox) as api:
        yield api


@pytest.mark.parametrize("size", [101, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_file_of_any_size_arrives_as_it_is(sandbox, api, size):
    media = upload_media(api, video(CONTENT[:size]), alt_text="A clip")
    assert library(sandbox) == [whole(CONTENT[:size])]
    assert (media["size"], media["alt_text"], media["mime_type"]) == (size, "A clip", "video/mp4")
    assert sent(sandbox)["upload_chunk"] == -(-size // CHUNK)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "server_error", "throttle"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[0]}-{step[1]}")
def test_a_fault_at_any_step_makes_no_second_item_and_loses_nothing(sandbox, api, switches, kind, step):
    sandbox.reset(chunk_size=CHUNK, **switches)
    sandbox.faults({"operation": step[0], "kind": kind, "after": step[1]})
    media = upload_media(api, video())
    assert library(sandbox) == [whole()]
    assert media["uuid"] == sandbox.state()["media"][0]["uuid"]
    assert sandbox.state()["faults"] == []


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_every_response_may_be_lost_twice(sandbox, api, switches, kind):
    sandbox.reset(chunk_size=CHUNK, **switches)
    names = ("initiate_chunked_upload", "upload_chunk", "complete_chunked_upload")
    sandbox.faults(*({"operation": name, "kind": kind, "count": 2} for name in names))
    upload_media(api, video())
    assert library(sandbox) == [whole()]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_the_same_file_again_is_the_same_item(sandbox, api, switches):
    sandbox.reset(chunk_size=CHUNK, **switches)
    first = upload_media(api, video(), alt_text="A clip")
    again = upload_media(api, video(), alt_text="A clip")
    assert media_id(first) == media_id(again)
    assert library(sandbox) == [whole()]


@pytest.mark.parametrize("changed", [video(CONTENT[::-1]), video(name="other.mp4")])
def test_another_content_or_name_is_another_item(sandbox, api, changed):
    upload_media(api, video())
    upload_media(api, changed)
    assert len(library(sandbox)) == 2


@pytest.mark.parametrize("make", [video, picture], ids=["chunks", "one request"])
def test_another_long_alt_text_is_another_item_and_the_same_one_is_the_same(sandbox, api, make):
    texts = ["A" * 300, "B" * 300, None]
    items = [upload_media(api, make(), alt_text=text) for text in texts * 2]
    assert [item["alt_text"] or None for item in items] == texts * 2
    assert [item["uuid"] for item in items[:3]] == [item["uuid"] for item in items[3:]]
    assert len(sandbox.state()["media"]) == 3


def test_another_alt_text_is_another_item(sandbox, api):
    upload_media(api, video())
    upload_media(api, video(), alt_text="A clip")
    assert library(sandbox) == [whole(), whole()]


def test_an_item_that_was_deleted_meanwhile_is_uploaded_again(sandbox, api):
    api.call("delete_media_bulk", body={"items": [upload_media(api, video())["uuid"]]})
    upload_media(api, video())
    assert library(sandbox) == [whole()]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
@pytest.mark.parametrize("done", [0, 1, 3, CHUNKS])
def test_an_interrupted_upload_is_finished_by_the_next_attempt(sandbox, api, switches, done, mocker):
    """As after a SIGKILL: nothing was aborted."""
    sandbox.reset(chunk_size=CHUNK, **switches)
    mocker.patch.object(uploads._Session, "_abort")
    sandbox.faults({"operation": "upload_chunk", "kind": "server_error", "status": 501, "after": done})
    if done == CHUNKS:
        sandbox.faults({"operation": "complete_chunked_upload", "kind": "server_error", "status": 501})
    with pytest.raises(ServerError):
        upload_media(api, video())
    upload_media(api, video())
    assert library(sandbox) == [whole()]
    if switches.get("resend_chunk") != "refuse" and done:
        # The first chunk tells how many are there: only the others are sent.
        assert sent(sandbox)["upload_chunk"] == CHUNKS + 1 + (done < CHUNKS)


@pytest.mark.parametrize("operation", ["upload_chunk", "complete_chunked_upload"])
def test_giving_up_aborts_and_tells_the_first_error(sandbox, api, operation):
    sandbox.faults(
        {"operation": operation, "kind": "server_error", "message": "No room", "count": 99},
        {"operation": "abort_chunked_upload", "kind": "server_error", "message": "Nor for this", "count": 1},
    )
    with pytest.raises((ServerError, UnconfirmedError), match="No room"):
        upload_media(api, video())
    assert sent(sandbox)[operation] == uploads.MAX_ATTEMPTS
    assert (
        sandbox.requests()[-1] | {"operation": "abort_chunked_upload", "status": 204}
        == sandbox.requests()[-1]
    )
    assert library(sandbox) == []


@pytest.mark.parametrize("operation", ["upload_chunk", "complete_chunked_upload"])
def test_an_unreadable_response_counts_as_a_lost_one(sandbox, api, operation, mocker):
    real, unreadable = api.send, [operation]

    def send(name, **rest):
        response = real(name, **rest)
        if name in unreadable:
            unreadable.remove(name)
            raise UnexpectedResponseError("The response is not JSON.", code="not_json")
        return response

    mocker.patch.object(api, "send", send)
    upload_media(api, video())
    assert unreadable == []
    assert library(sandbox) == [whole()]


def test_an_abort_that_fails_masks_nothing(sandbox, api):
    sandbox.faults(
        {"operation": "upload_chunk", "kind": "server_error", "message": "No room", "status": 501},
        {"operation": "abort_chunked_upload", "kind": "server_error", "message": "Nor for this", "count": 9},
    )
    with pytest.raises(ServerError, match="No room"):
        upload_media(api, video())
    assert sent(sandbox)["abort_chunked_upload"] == 2


def test_a_task_that_is_ended_aborts(sandbox, api, mocker):
    mocker.patch.object(uploads._Session, "_complete", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        upload_media(api, video())
    assert sandbox.requests()[-1]["operation"] == "abort_chunked_upload"


@pytest.mark.parametrize("after", [0, 2])
def test_a_session_that_postboost_no_longer_has_is_started_again(sandbox, api, after, mocker):
    real = uploads._Session._send
    times = iter(range(99))

    def send(session, index):
        if next(times) == after:
            sandbox.advance(4000)
        return real(session, index)

    mocker.patch.object(uploads._Session, "_send", send)
    upload_media(api, video())
    assert library(sandbox) == [whole()]
    assert sent(sandbox)["initiate_chunked_upload"] == 2


def test_sessions_that_are_always_forgotten_are_given_up_with_what_to_do(sandbox, api):
    sandbox.change(upload_session_seconds=0)
    with pytest.raises(NotFinishedError, match=r"clip\.mp4") as caught:
        upload_media(api, video())
    assert caught.value.code == "upload_forgotten"


def test_a_refused_file_is_refused_before_a_byte_is_sent(sandbox, api):
    sandbox.change(video_bytes=2000)
    for _ in range(2):
        with pytest.raises(ValidationError, match="2000"):
            upload_media(api, video())
    sandbox.change(video_bytes=9000)
    upload_media(api, video())
    assert library(sandbox) == [whole()]


@pytest.mark.parametrize("content", [CONTENT[:2500], b""])
def test_a_file_that_shrinks_meanwhile_is_aborted_and_named(sandbox, api, content):
    medium = video()
    source = MediaFile(medium.name, lambda: io.BytesIO(content))
    with pytest.raises(PostBoostConfigError, match=r"clip\.mp4") as caught:
        upload_media(api, media_module.Medium(medium.content, medium.name, source, medium.size))
    assert caught.value.code == "file_changed"
    assert sent(sandbox)["abort_chunked_upload"] == 1
    assert library(sandbox) == []


def test_an_item_of_another_size_is_an_error(sandbox, api, mocker):
    mocker.patch.object(uploads._Session, "_complete", return_value={"id": "1", "uuid": "u", "size": 3})
    with pytest.raises(UnexpectedResponseError, match="4352") as caught:
        upload_media(api, video())
    assert caught.value.code == "wrong_size"


class Forward(io.RawIOBase):
    """A stream that can't go back, as some storages have."""

    opened = 0

    def __init__(self) -> None:
        Forward.opened += 1
        self._inner = io.BytesIO(CONTENT)

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 700) if size > 0 else size)


def test_a_stream_that_can_not_go_back_is_opened_again(sandbox, api):
    medium = read_file(MediaFile("clip.mp4", Forward))
    Forward.opened = 0
    sandbox.faults({"operation": "upload_chunk", "kind": "server_error", "after": 2})
    upload_media(api, medium)
    assert library(sandbox) == [whole()]
    assert Forward.opened == 2


def test_what_is_sent_is_logged_in_bytes(api, caplog, monkeypatch):
    monkeypatch.setattr(uploads, "PROGRESS_BYTES", 2000)
    with caplog.at_level("INFO", "postboost_provider.services.media.chunked_upload"):
        upload_media(api, video())
    progress = [r.getMessage() for r in caplog.records if r.getMessage().endswith("bytes sent")]
    assert progress == [f"clip.mp4: {n} of 4352 bytes sent" for n in (2000, 4000, 4352)]


def test_a_large_file_takes_little_memory(sandbox, tmp_path: Path):
    sandbox.reset(keep_media_bytes=1000)
    path = tmp_path / "large.mp4"
    with path.open("wb") as stream:
        stream.truncate(256 * 1024 * 1024)
    workspace = sandbox.workspaces[0]["uuid"]
    program = f"""
import resource
from pathlib import Path
from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.settings import ClientSettings
from postboost_provider.services.media.upload import MediaFile, upload_media, read_file
settings = ClientSettings({sandbox.tokens["member"]!r}, {sandbox.base_url!r}, {workspace!r})
with PostBoostClient(settings) as api:
    api.call("list_my_workspaces")
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = Path({str(path)!r})
    upload_media(api, read_file(MediaFile(str(path), lambda: path.open("rb"))))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 32 * 1024
    assert [item["size"] for item in sandbox.state()["media"]] == [256 * 1024 * 1024]


def test_chunks_that_are_larger_than_memory_should_hold_are_streamed(sandbox, api, mocker):
    sandbox.reset(chunk_size=64 * 1024 * 1024)
    sizes: list[int] = []
    real = content_module.FileContent.read

    def read(content: Any, offset: int, size: int) -> bytes:
        data = real(content, offset, size)
        sizes.append(len(data))
        return data

    mocker.patch.object(content_module.FileContent, "read", read)
    large = CONTENT * 1000
    upload_media(api, video(large))
    assert library(sandbox) == [whole(large)]
    assert max(sizes) <= content_module.PIECE_BYTES
