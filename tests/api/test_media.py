from __future__ import annotations

import hashlib
import io
import mimetypes

import httpx
import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.media import (
    MULTIPART_LIMIT_BYTES,
    MediaFile,
    check_image,
    find_media,
    is_media_uuid,
    upload_image,
)
from tests.api.support import WORKSPACE, Upload

UUID = "0f0e0d0c-0b0a-4000-8000-00000000000A"


def image(name: str = "a.png", content: bytes = b"\x89PNG") -> MediaFile:
    return MediaFile(name, lambda: io.BytesIO(content))


def raising(error: Exception) -> MediaFile:
    def broken() -> io.BytesIO:
        raise error

    return MediaFile("pics/a.png", broken)


@pytest.mark.parametrize("text", [UUID, UUID.lower(), f" {UUID} "])
def test_a_media_uuid_is_told_from_a_path(text):
    assert is_media_uuid(text)


@pytest.mark.parametrize(
    "text", ["", "a.png", f"{UUID}.png", f"pics/{UUID}", UUID[:-1], UUID.replace("-", "")]
)
def test_what_is_only_like_a_media_uuid_is_a_path(text):
    assert not is_media_uuid(text)


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.jpg", "b/c.jpeg", "a.gif", "s3://bucket/a b.webp"])
def test_an_image_is_known_by_its_content_whatever_its_name(name, monkeypatch):
    # Not every machine has a list of types, and Python's own differs between versions.
    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: (None, None))
    assert check_image(image(name, b"content")) == hashlib.sha256(b"content").hexdigest()


@pytest.mark.parametrize("name", ["a.pdf", "a.mp4", "a.svg", "a", "png", ".png", "a.png.gz", "a.tiff"])
def test_what_is_no_image_is_refused_with_what_can_be_used(name):
    with pytest.raises(PostBoostConfigError, match=rf"^{name}.* is not an image that can be uploaded here"):
        check_image(image(name))


@pytest.mark.parametrize(
    "file, said",
    [
        (raising(FileNotFoundError(2, "No such file")), "There is no file pics/a.png. Correct the path."),
        (raising(PermissionError(13, "Permission denied")), "pics/a.png cannot be read: Permission denied."),
        (raising(OSError("the bucket is closed")), "pics/a.png cannot be read: the bucket is closed."),
        (image(content=b""), "a.png is empty."),
    ],
)
def test_a_file_that_cannot_be_sent_is_refused_by_name(file, said):
    with pytest.raises(PostBoostConfigError) as caught:
        check_image(file)
    assert str(caught.value) == said


def test_an_image_of_the_largest_size_is_taken_and_one_byte_more_is_not():
    largest = b"\0" * MULTIPART_LIMIT_BYTES
    assert check_image(image(content=largest)) == hashlib.sha256(largest).hexdigest()
    with pytest.raises(PostBoostConfigError, match=r"a\.png has 10\.0 MiB; images up to 10 MiB are taken"):
        check_image(image(content=largest + b"\0"))


def test_an_image_is_closed_after_it_was_read():
    upload = Upload()
    check_image(MediaFile("a.png", upload.open))
    assert [stream.closed for stream in upload.opened] == [True]


def test_the_same_image_is_one_upload_whatever_folder_it_is_in(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/media").respond(201, json={"id": "7"})
    api = connect()
    assert [upload_image(api, image(name), "hash") for name in ("x/a.png", "s3://y/z/a.png")] == [7, 7]
    one, two = (call.request for call in route.calls)
    assert one.headers == two.headers
    assert one.content == two.content
    assert b'filename="a.png"\r\nContent-Type: image/png' in one.content


@pytest.mark.parametrize("name, content_hash", [("b.png", "hash"), ("a.png", "other")])
def test_another_name_or_content_is_another_upload(connect, postboost, name, content_hash):
    route = postboost.post(f"/{WORKSPACE}/media").respond(201, json={"id": "7"})
    upload_image(connect(), image("a.png"), "hash")
    upload_image(connect(), image(name), content_hash)
    one, two = (call.request.headers["Idempotency-Key"] for call in route.calls)
    assert one != two


def test_an_image_that_is_there_already_is_found_by_its_uuid(connect, postboost):
    postboost.get(f"/{WORKSPACE}/media/{UUID}").respond(json={"id": "12"})
    assert find_media(connect(), UUID) == 12


def test_an_image_that_is_not_there_is_named(connect, postboost):
    postboost.get(f"/{WORKSPACE}/media/{UUID}").mock(return_value=httpx.Response(404))
    with pytest.raises(PostBoostConfigError, match=f"There is no media item {UUID} in this workspace"):
        find_media(connect(), UUID)
