"""Uploads where PostBoost does otherwise than expected: one item or a typed failure, and nothing blocks a file for a day."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from postboost_provider.api.errors import PostBoostError, UnconfirmedError, ValidationError
from postboost_provider.polling import poller
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.media import key_in_use, upload as media_module
from postboost_provider.services.media.library import media_id
from postboost_provider.services.media.upload import upload_media
from tests.api.support import WORKSPACE
from tests.clients import client, make_key
from tests.services.media.chunked import CHUNK, picture, sent, video

DIFFERENT = {"multipart_repeats": "different"}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"store_4xx": False},
    {"in_flight_status": 422},
    {"image_processing": "reencode"},
    DIFFERENT,
    {**DIFFERENT, "image_processing": "reencode"},
    {**DIFFERENT, "reused_key_status": 409},
    {**DIFFERENT, "reused_key_errors": True},
    {**DIFFERENT, "conflict_code": True, "reused_key_code": "validation_failed"},
    {**DIFFERENT, "activity_log": "off"},
    {**DIFFERENT, "activity_log": "off", "image_processing": "reencode"},
]
under_each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=str)
# There, nothing but its name tells an item from another one.
BLIND = VARIANTS[-1]


def items(sandbox: Sandbox) -> list[str]:
    return [item["name"] for item in sandbox.state()["media"] if item["name"] in ("bean.png", "clip.mp4")]


def upload(sandbox: Sandbox, token: str = "member", make: Any = picture, **options: Any) -> int | str | None:
    """Upload the file as a task of its own does, and return the item's id, or the code of a typed error."""
    with client(sandbox, token) as api:
        try:
            return media_id(upload_media(api, make(), **options))
        except UnconfirmedError as error:
            return error.code


def race(sandbox: Sandbox, make: Any) -> list[Any]:
    found: list[Any] = []
    tasks = [threading.Thread(target=lambda: found.append(upload(sandbox, make=make))) for _ in range(2)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join(30)
    return found


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "time", time)
    monkeypatch.setattr(key_in_use, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(key_in_use, "WAIT_SECONDS", 10.0)


@under_each_variant
def test_a_later_task_finds_the_file(sandbox, variant):
    sandbox.reset(**variant)
    first = upload(sandbox)
    assert upload(sandbox) == ("upload_unknown" if variant == BLIND else first)
    assert items(sandbox) == ["bean.png"]


@under_each_variant
def test_a_lost_response(sandbox, variant):
    sandbox.reset(**variant)
    sandbox.faults({"operation": "upload_media", "kind": "drop_after"})
    found = {upload(sandbox), upload(sandbox)}
    assert found == ({"upload_unknown"} if variant == BLIND else {1})
    assert items(sandbox) == ["bean.png"]


@under_each_variant
def test_two_tasks_at_once(sandbox, variant, real_time):
    sandbox.reset(**variant)
    sandbox.faults({"operation": "upload_media", "kind": "delay", "seconds": 0.4})
    if variant != BLIND:
        assert race(sandbox, picture) == [1, 1]
    assert len(items(sandbox)) <= 1


@under_each_variant
def test_a_file_that_was_deleted_is_uploaded_again(sandbox, variant):
    sandbox.reset(**variant)
    with client(sandbox) as api:
        api.call("delete_media_bulk", body={"items": [upload(sandbox)]})
    assert upload(sandbox) == 2
    assert items(sandbox) == ["bean.png"]


def test_the_given_clock_decides_which_items_an_earlier_attempt_may_have_uploaded(sandbox):
    sandbox.reset(**DIFFERENT)
    assert upload(sandbox) == upload(sandbox) == 1
    assert upload(sandbox, clock=lambda: datetime.now(UTC) + timedelta(days=2)) == 2


@under_each_variant
def test_another_picture_of_the_same_name_is_another_item(sandbox, variant):
    from tests.remote_files import PNG

    sandbox.reset(**variant)
    assert upload(sandbox) == 1
    assert upload(sandbox, make=lambda: picture(PNG + b"\0")) == 2


@under_each_variant
def test_a_limit_that_is_only_told_in_a_message_ends_with_it(sandbox, variant):
    sandbox.reset(**variant)
    limit = {
        "operation": "upload_media",
        "kind": "server_error",
        "status": 422,
        "message": "Your storage is full.",
    }
    sandbox.faults({**limit, "count": 99})
    for _ in range(3):
        with pytest.raises(PostBoostError, match="storage is full"), client(sandbox) as api:
            upload_media(api, picture())
    sandbox.faults()
    assert upload(sandbox) == 1


FULL = httpx.Response(422, json={"message": "Storage is full."})
USED = httpx.Response(422, json={"message": "Used with another body."})


@pytest.mark.parametrize(
    "used, sent", [(0, 2), (1, 8), (3, 10)], ids=["first attempt", "second attempt", "fourth attempt"]
)
def test_a_refusal_that_is_stored_and_never_repeated(connect, postboost, used, sent):
    """The keys of earlier attempts are used; under a fresh one the first response is about the file."""
    seen: Counter[str] = Counter()

    def respond(request: httpx.Request) -> httpx.Response:
        key = request.headers["Idempotency-Key"]
        seen[key] += 1
        return FULL if len(seen) > used and seen[key] == 1 else USED

    postboost.post(f"/{WORKSPACE}/media").mock(side_effect=respond)
    postboost.get(f"/{WORKSPACE}/media").respond(json={"data": []})
    postboost.get(f"/{WORKSPACE}/activity").respond(json={"data": []})
    with pytest.raises(ValidationError, match="Storage is full"):
        upload_media(connect(), picture())
    assert seen.total() <= sent


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("word", ["code", "errors"])
def test_the_word_idempotency_in_any_refusal_is_about_the_key(connect, postboost, status, word):
    about = {"code": "idempotency_mismatch"} if word == "code" else {"errors": {"idempotency_key": ["Used."]}}
    postboost.post(f"/{WORKSPACE}/media").respond(status, json={"message": "Used.", **about})
    item = {"id": 7, "uuid": "u", "name": "bean.png", "size": picture().size}
    item["created_at"] = datetime.now(UTC).isoformat()
    postboost.get(f"/{WORKSPACE}/media").respond(json={"data": [item]})
    assert upload_media(connect(), picture())["id"] == 7


def test_a_refusal_of_the_file_is_sent_once(sandbox):
    sandbox.reset(image_bytes=3)
    with pytest.raises(ValidationError), client(sandbox) as api:
        upload_media(api, picture())
    assert sent(sandbox)["upload_media"] == 1


@pytest.mark.parametrize("variant", VARIANTS[:4], ids=str)
def test_a_key_that_may_not_read_uses_the_stored_response(sandbox, variant):
    sandbox.reset(**variant)
    key = make_key(sandbox, "write")
    assert [upload(sandbox, key), upload(sandbox, key)] == [1, 1]


@pytest.mark.parametrize("lost", [False, True])
def test_a_key_that_may_not_read_uploads_again_only_where_that_is_allowed(sandbox, lost, caplog):
    sandbox.reset(**DIFFERENT)
    key = make_key(sandbox, "write")
    if lost:
        sandbox.faults({"operation": "upload_media", "kind": "drop_after"})
    found = [upload(sandbox, key), upload(sandbox, key)]
    assert found == ["upload_unknown" if lost else 1, "upload_unknown"]
    assert items(sandbox) == ["bean.png"]
    assert upload(sandbox, key, upload_again=True) == 2
    assert "uploaded again" in caplog.text


def test_no_file_is_sent_more_often_than_a_few_times(sandbox):
    sandbox.reset(**BLIND)
    upload(sandbox)
    upload(sandbox)
    assert sent(sandbox)["upload_media"] <= 8


@pytest.mark.parametrize("resend", ["accept", "refuse"])
@pytest.mark.parametrize("again", [404, 201])
@pytest.mark.parametrize("operation", ["initiate_chunked_upload", "upload_chunk", "complete_chunked_upload"])
def test_two_chunked_uploads_at_once(sandbox, small_chunks, real_time, resend, again, operation):
    sandbox.reset(chunk_size=CHUNK, resend_chunk=resend, complete_twice=again, in_flight_status=422)
    sandbox.faults({"operation": operation, "kind": "delay", "seconds": 0.3})
    assert len(set(race(sandbox, video))) == 1
    assert items(sandbox) == ["clip.mp4"]


def test_a_large_image_that_is_stored_with_another_size(sandbox, small_chunks):
    sandbox.reset(chunk_size=CHUNK, image_processing="reencode")
    sandbox.faults({"operation": "complete_chunked_upload", "kind": "drop_after"})
    picture_in_chunks = lambda: picture(video_bytes())
    assert upload(sandbox, make=picture_in_chunks) == upload(sandbox, make=picture_in_chunks) == 1


@pytest.mark.parametrize("log", [{"activity_log": "off"}, {"activity_status": 422}], ids=str)
@pytest.mark.parametrize("lost", [False, True])
def test_a_large_image_that_nothing_identifies_is_not_uploaded_again(sandbox, small_chunks, log, lost):
    sandbox.reset(chunk_size=CHUNK, image_processing="reencode", **log)
    if lost:
        sandbox.faults({"operation": "complete_chunked_upload", "kind": "drop_after"})
    make = lambda: picture(video_bytes())
    assert upload(sandbox, make=make) == ("upload_unknown" if lost else 1)
    assert upload(sandbox, make=make) == "upload_unknown"
    assert items(sandbox) == ["bean.png"]
    assert upload(sandbox, make=make, upload_again=True) == 2


def video_bytes() -> bytes:
    from tests.remote_files import PNG

    return PNG + bytes(3000)


def test_a_download_whose_key_is_in_use_is_waited_for(sandbox):
    sandbox.reset(in_flight_status=422)
    busy = {
        "operation": "initiate_remote_upload",
        "kind": "server_error",
        "status": 422,
        "message": "in progress",
    }
    sandbox.faults({**busy, "count": 99})
    with pytest.raises(UnconfirmedError) as caught, client(sandbox) as api:
        upload_media(api, media_module.Medium(f"{sandbox.base_url}/x.png", "x.png"))
    assert caught.value.code == "key_in_use"
    assert sent(sandbox)["initiate_remote_upload"] <= 8
