"""Uploads in one request."""

from __future__ import annotations

import base64
import hashlib

import httpx
import pytest

from tests.remote_files import PNG

BASE64 = base64.b64encode(PNG).decode()


def test_an_upload_returns_its_id_as_text_and_is_served(member, upload):
    media = upload(alt_text="A bean")
    assert media["id"].isdigit()
    assert (media["type"], media["mime_type"], media["alt_text"]) == ("image", "image/png", "A bean")
    assert (media["width"], media["height"], media["size"]) == (1, 1, len(PNG))
    served = httpx.get(media["url"])
    assert (served.content, served.headers["content-type"]) == (PNG, "image/png")
    assert member.get(f"/media/{media['uuid']}").json() == media


def test_an_upload_without_a_file_or_with_a_long_alt_text_is_rejected(member):
    assert member.post("/media", data={"alt_text": "x"}).json()["errors"] == {
        "file": ["The file field is required."]
    }
    response = member.post(
        "/media", files={"file": ("a.png", PNG)}, data={"alt_text": "x" * 256, "folder": "nope"}
    )
    assert set(response.json()["errors"]) == {"alt_text", "folder"}
    response = member.post("/media", files={"file": ("a.txt", b"text", "text/plain")})
    assert set(response.json()["errors"]) == {"file"}


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "data:;base64,"])
def test_base64_is_decoded(sandbox, member, prefix):
    folder = member.post("/media/folders", json={"name": "F"}).json()["uuid"]
    body = {"content": prefix + BASE64, "filename": "bean.png", "alt_text": "A bean", "folder": folder}
    response = member.post("/media/base64", json=body)
    media = response.json()
    assert (response.status_code, media["mime_type"], media["folder"]["uuid"]) == (201, "image/png", folder)
    assert httpx.get(media["url"]).content == PNG
    assert sandbox.state()["media"][0]["sha256"] == hashlib.sha256(PNG).hexdigest()


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"content": ""}, "content"),
        ({"content": 7}, "content"),
        ({"content": "data:image/png;base64,***"}, "content"),
        ({"content": "\u00e4"}, "content"),
        ({"content": BASE64[:-1]}, "content"),
        ({"content": base64.b64encode(b"text").decode(), "filename": "a.txt"}, "content"),
        ({"content": base64.b64encode(bytes(20 * 1024 * 1024 + 1)).decode()}, "content"),
        ({"filename": "pictures/bean.png"}, "filename"),
        ({"filename": "bean"}, "filename"),
        ({"filename": "x" * 252 + ".png"}, "filename"),
        ({"alt_text": "x" * 256}, "alt_text"),
        ({"folder": "nope"}, "folder"),
    ],
)
def test_base64_is_checked_like_a_file(member, changes, named):
    response = member.post("/media/base64", json={"content": BASE64, "filename": "bean.png", **changes})
    assert (response.status_code, set(response.json()["errors"])) == (422, {named})


@pytest.mark.parametrize(
    "name, content, mime_type, kind",
    [
        ("a.pdf", b"%PDF-1.7", "application/pdf", "image"),
        ("a.png", b"GIF89a\x01\x00\x01\x00", "image/gif", "gif"),
        ("a.bin", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", "image"),
        ("a.mov", b"moov", "video/quicktime", "video"),
    ],
)
def test_a_type_is_read_from_the_file_then_from_its_name(upload, name, content, mime_type, kind):
    media = upload(name, content)
    assert (media["mime_type"], media["type"], media["is_video"]) == (mime_type, kind, kind == "video")


@pytest.mark.parametrize(
    "setting, name, content",
    [
        ("image_bytes", "a.png", PNG),
        ("gif_bytes", "a.gif", b"GIF89a\x01\x00\x01\x00"),
        ("video_bytes", "a.mp4", b"....ftypmp42"),
        ("pdf_bytes", "a.pdf", b"%PDF-1.7"),
        ("multipart_bytes", "a.png", PNG),
    ],
)
def test_every_type_has_a_limit(sandbox, member, setting, name, content):
    for limit, status in ((len(content), 201), (len(content) - 1, 422)):
        sandbox.change(**{setting: limit})
        response = member.post("/media", files={"file": (name, content)})
        assert response.status_code == status
    assert response.json()["errors"] == {"file": [f"The file field must not be greater than {limit} bytes."]}


def test_of_a_large_file_only_hash_and_size_are_kept(sandbox, upload):
    sandbox.change(keep_media_bytes=len(PNG))
    small, large = upload(), upload(content=PNG + b"!")
    assert httpx.get(small["url"]).content == PNG
    assert (large["size"], large["width"]) == (len(PNG) + 1, 1)
    assert httpx.get(large["url"]).status_code == 404
    assert sandbox.state()["media"][1] == {
        "uuid": large["uuid"],
        "workspace_uuid": sandbox.workspaces[0]["uuid"],
        "name": "bean.png",
        "mime_type": "image/png",
        "type": "image",
        "size": len(PNG) + 1,
        "sha256": hashlib.sha256(PNG + b"!").hexdigest(),
        "folder_uuid": None,
    }
