from __future__ import annotations

import hashlib
import io
import mimetypes

import httpx
import pytest

from postboost_provider.api.errors import (
    NotFinishedError,
    NotFoundError,
    PostBoostConfigError,
    UnexpectedResponseError,
)
from postboost_provider.services.media import upload as media_module
from postboost_provider.services.media.library import media_id
from postboost_provider.services.media.upload import (
    MULTIPART_LIMIT_BYTES,
    MediaFile,
    Medium,
    find_item,
    is_media_uuid,
    is_url,
    read_file,
    read_medium,
    upload_media,
    wait_until_ready,
)
from tests.api.support import WORKSPACE, Upload

UUID = "0f0e0d0c-0b0a-4000-8000-00000000000A"


def image(name: str = "a.png", content: bytes = b"\x89PNG") -> MediaFile:
    return MediaFile(name, lambda: io.BytesIO(content))


def medium(name: str = "a.png", content_hash: str = "hash") -> Medium:
    return Medium(content_hash, name, image(name), 4)


def raising(error: Exception) -> MediaFile:
    def broken() -> io.BytesIO:
        raise error

    return MediaFile("pics/a.png", broken)


@pytest.mark.parametrize("text", [UUID, UUID.lower(), f" {UUID} "])
def test_a_media_uuid_is_told_from_a_path(text):
    assert is_media_uuid(text)
    assert read_medium(text, image) == Medium(UUID.lower(), UUID.lower())


@pytest.mark.parametrize(
    "text", ["", "a.png", f"{UUID}.png", f"pics/{UUID}", UUID[:-1], UUID.replace("-", "")]
)
def test_what_is_only_like_a_media_uuid_is_a_path(text):
    assert not is_media_uuid(text)


@pytest.mark.parametrize(
    "text", ["http://a.test/b", "https://a.test/b.png?c#d", "HTTPS://a.test/b", " https://a.test "]
)
def test_a_url_is_told_from_a_path(text):
    assert is_url(text)
    assert not read_medium(text, image).is_item


@pytest.mark.parametrize(
    "text", ["s3://bucket/a.png", "file:///a.png", "ftp://a.test/b.png", "http:a.png", "a/https://b"]
)
def test_what_postboost_does_not_fetch_itself_is_a_path(text):
    assert not is_url(text)


def test_what_a_url_is_signed_with_is_not_shown():
    secret = "https://me:pass@a.test/clip.mp4?X-Signature=abc#frag"
    found = read_medium(secret, image)
    assert (found.name, found.content) == ("https://a.test/clip.mp4", secret)


@pytest.mark.parametrize(
    "text", ["https://", "http:///a.png", "https://a.test/b c.png", "https://[a/b.png", "https://a\\b"]
)
def test_a_url_that_is_none_is_refused_before_anything_is_sent(text):
    with pytest.raises(PostBoostConfigError) as caught:
        read_medium(text, image)
    assert (caught.value.field, caught.value.code) == ("media", "not_a_url")


@pytest.mark.parametrize(
    "name", ["a.png", "a.PNG", "a.jpg", "b/c.jpeg", "a.gif", "s3://bucket/a b.webp", "a.MP4", "a.pdf"]
)
def test_a_file_is_known_by_its_content_whatever_its_name(name, monkeypatch):
    # Not every machine has a list of types, and Python's own differs between versions.
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: (None, None))
    found = read_file(image(name, b"content"))
    assert (found.content, found.size) == (hashlib.sha256(b"content").hexdigest(), 7)


@pytest.mark.parametrize("name", ["a.svg", "a", "png", ".png", "a.png.gz", "a.tiff", "a.txt"])
def test_what_can_not_be_uploaded_is_refused_with_what_can_be_used(name):
    with pytest.raises(PostBoostConfigError, match=rf"^{name}.*\.png") as caught:
        read_file(image(name))
    assert (caught.value.field, caught.value.code) == ("media", "unsupported_type")


@pytest.mark.parametrize(
    "file, code, word",
    [
        (raising(FileNotFoundError(2, "No such file")), "no_file", "pics/a.png"),
        (raising(PermissionError(13, "Permission denied")), "unreadable_file", "Permission denied"),
        (raising(OSError("the bucket is closed")), "unreadable_file", "the bucket is closed"),
        (image(content=b""), "empty_file", "empty"),
    ],
)
def test_a_file_that_cannot_be_sent_is_refused_by_name(file, code, word):
    with pytest.raises(PostBoostConfigError, match=word) as caught:
        read_file(file)
    assert (caught.value.field, caught.value.code) == ("media", code)
    assert "a.png" in str(caught.value)


def test_a_file_is_closed_after_it_was_read():
    upload = Upload()
    read_file(MediaFile("a.png", upload.open))
    assert [stream.closed for stream in upload.opened] == [True]


def test_the_same_image_is_one_upload_whatever_folder_it_is_in(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/media").respond(201, json={"id": "7"})
    api = connect()
    assert [media_id(upload_media(api, medium(name))) for name in ("x/a.png", "s3://y/z/a.png")] == [7, 7]
    one, two = (call.request for call in route.calls)
    assert one.headers == two.headers
    assert one.content == two.content
    assert b'filename="a.png"\r\nContent-Type: image/png' in one.content


@pytest.mark.parametrize(
    "changed, about",
    [
        (medium("b.png"), {}),
        (medium(content_hash="other"), {}),
        (medium(), {"alt_text": "A cup"}),
        (medium(), {"folder": UUID}),
        (medium(), {"folder": "A cup"}),
    ],
)
def test_another_name_content_or_place_is_another_upload(connect, postboost, changed, about):
    route = postboost.post(f"/{WORKSPACE}/media").respond(201, json={"id": "7"})
    upload_media(connect(), medium())
    upload_media(connect(), changed, **about)
    one, two = (call.request.headers["Idempotency-Key"] for call in route.calls)
    assert one != two


def test_a_file_of_the_limit_goes_in_one_request_and_one_byte_more_in_chunks(connect, postboost, mocker):
    route = postboost.post(f"/{WORKSPACE}/media").respond(201, json={"id": "7"})
    chunked = mocker.patch.object(media_module, "upload_in_chunks", return_value={"id": "8"})
    at_limit = Medium("hash", "a.mp4", image("a.mp4"), MULTIPART_LIMIT_BYTES)
    assert media_id(upload_media(connect(), at_limit)) == 7
    assert not chunked.called
    over = Medium("hash", "a.mp4", image("a.mp4"), MULTIPART_LIMIT_BYTES + 1)
    assert media_id(upload_media(connect(), over)) == 8
    assert route.call_count == 1


def test_an_item_that_is_there_already_is_found_by_its_uuid(connect, postboost):
    postboost.get(f"/{WORKSPACE}/media/{UUID}").respond(json={"id": "12"})
    assert media_id(find_item(connect(), UUID)) == 12


def test_an_item_that_is_not_there_is_named(connect, postboost):
    postboost.get(f"/{WORKSPACE}/media/{UUID}").mock(
        return_value=httpx.Response(404, json={"message": "Not found."})
    )
    with pytest.raises(PostBoostConfigError, match=UUID) as caught:
        find_item(connect(), UUID)
    assert (caught.value.field, caught.value.code) == ("media", "unknown_item")


@pytest.mark.parametrize("returned", ["7", 7])
def test_an_id_is_attached_as_a_number_even_if_it_was_returned_as_text(returned):
    assert media_id({"id": returned}) == 7


def test_a_response_without_an_id_is_not_a_media_item(connect, postboost):
    postboost.get(f"/{WORKSPACE}/media/{UUID}").respond(json={"uuid": UUID})
    with pytest.raises(UnexpectedResponseError) as caught:
        find_item(connect(), UUID)
    assert caught.value.code == "no_id"


def test_an_upload_to_an_unknown_workspace_is_refused_at_once(connect, postboost):
    """That 404 is the response to the upload itself, and not of an item that was deleted since."""
    route = postboost.post(f"/{WORKSPACE}/media").respond(404, json={"message": "Not found."})
    with pytest.raises(NotFoundError):
        upload_media(connect(), medium())
    assert route.call_count == 1


def test_a_stored_item_that_was_deleted_since_is_uploaded_again(connect, postboost):
    stored = httpx.Response(201, headers={"Idempotent-Replayed": "true"}, json={"id": "7", "uuid": UUID})
    fresh = httpx.Response(201, json={"id": "8", "uuid": UUID})
    route = postboost.post(f"/{WORKSPACE}/media").mock(side_effect=[stored, fresh])
    postboost.get(f"/{WORKSPACE}/media/{UUID}").respond(404, json={"message": "Not found."})
    assert media_id(upload_media(connect(), medium())) == 8
    first, second = (call.request.headers["Idempotency-Key"] for call in route.calls)
    assert second == f"{first}-1"


def test_an_upload_whose_response_has_no_id_is_an_error(connect, postboost):
    postboost.post(f"/{WORKSPACE}/media").respond(201, json={"uuid": UUID})
    with pytest.raises(UnexpectedResponseError) as caught:
        upload_media(connect(), medium())
    assert caught.value.code == "no_id"


def test_a_long_alt_text_is_written_after_the_upload_and_a_longer_one_refused(connect, postboost):
    postboost.post(f"/{WORKSPACE}/media").respond(201, json={"id": "7", "uuid": UUID})
    route = postboost.put(f"/{WORKSPACE}/media/{UUID}").respond(json={"success": True})
    postboost.get(f"/{WORKSPACE}/media/{UUID}").respond(json={"id": "7", "uuid": UUID})
    upload_media(connect(), medium(), alt_text="a" * 500)
    assert route.calls.last.request.content == b'{"alt_text":"%s"}' % (b"a" * 500)
    with pytest.raises(PostBoostConfigError, match="501.*500") as caught:
        upload_media(connect(), medium(), alt_text="a" * 501)
    assert (caught.value.field, caught.value.code) == ("alt_text", "too_long")
    assert route.call_count == 1


def test_a_video_is_waited_for_with_growing_pauses(connect, postboost, clock):
    busy = {"id": "7", "uuid": UUID, "name": "a.mp4", "is_processing": True}
    postboost.get(f"/{WORKSPACE}/media/{UUID}").mock(
        side_effect=[httpx.Response(200, json=busy)] * 5
        + [httpx.Response(200, json={**busy, "is_processing": False})]
    )
    assert wait_until_ready(connect(), busy)["is_processing"] is False
    assert clock.pauses == [1.0, 1.0, 1.0, 1.5, 2.25, 3.375]


def test_a_video_that_is_never_ready_is_a_timeout(connect, postboost, clock):
    busy = {"id": "7", "uuid": UUID, "name": "a.mp4", "is_processing": True}
    postboost.get(f"/{WORKSPACE}/media/{UUID}").respond(json=busy)
    with pytest.raises(NotFinishedError) as caught:
        wait_until_ready(connect(), busy, 60.0)
    assert caught.value.code == "timeout"
    # The last poll is just after the deadline.
    assert sum(clock.pauses) == pytest.approx(61.0)
