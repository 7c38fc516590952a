from __future__ import annotations

import base64
import hashlib

import httpx
import pytest

from tests.sandbox.bodies import PNG, post

BASE64 = base64.b64encode(PNG).decode()


@pytest.fixture
def upload(member):
    def send(name="bean.png", content=PNG, **fields):
        answer = member.post("/media", files={"file": (name, content)}, data=fields)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return send


def test_an_upload_comes_back_with_its_id_in_digits_and_is_served(member, upload):
    media = upload(alt_text="A bean")
    assert media["id"].isdigit()
    assert (media["type"], media["mime_type"], media["alt_text"]) == ("image", "image/png", "A bean")
    assert (media["width"], media["height"], media["size"]) == (1, 1, len(PNG))
    served = httpx.get(media["url"])
    assert (served.content, served.headers["content-type"]) == (PNG, "image/png")
    assert member.get(f"/media/{media['uuid']}").json() == media


def test_an_upload_without_a_file_or_with_a_long_alt_text_is_refused(member):
    assert member.post("/media", data={"alt_text": "x"}).json()["errors"] == {
        "file": ["The file field is required."]
    }
    answer = member.post(
        "/media", files={"file": ("a.png", PNG)}, data={"alt_text": "x" * 256, "folder": "nope"}
    )
    assert set(answer.json()["errors"]) == {"alt_text", "folder"}
    answer = member.post("/media", files={"file": ("a.txt", b"text", "text/plain")})
    assert set(answer.json()["errors"]) == {"file"}


def test_the_list_is_newest_first_and_filtered(upload, member):
    first = upload("first.png")
    upload("second.gif", b"GIF89a\x02\x00\x03\x00more")
    assert [each["name"] for each in member.get("/media").json()["data"]] == ["second.gif", "first.png"]
    assert member.get("/media", params={"type": "gif"}).json()["data"][0]["width"] == 2
    filtered = member.get("/media", params={"mime_types[]": ["image/png"]}).json()["data"]
    assert filtered == [first]
    assert member.get("/media", params={"keyword": "SECOND", "folder": "x"}).json()["meta"]["total"] == 1
    assert member.get("/media", params={"folder": "root"}).json()["meta"]["total"] == 2
    assert member.get("/media", params={"favorite": "true"}).json()["data"] == []


@pytest.mark.parametrize("limit, size", [(None, 50), ("0", 50), ("7", 7), ("500", 100)])
def test_the_page_size_has_a_default_and_a_cap(member, limit, size):
    assert member.get("/media", params={"limit": limit} if limit else {}).json()["meta"]["per_page"] == size


def test_an_update_writes_only_what_it_names(member, upload):
    media = upload(alt_text="before")
    url = f"/media/{media['uuid']}"
    assert member.put(url, json={"name": "new.png"}).json() == {"success": True}
    assert member.get(url).json()["alt_text"] == "before"
    assert member.put(url, json={"alt_text": "x" * 500}).status_code == 200
    assert member.put(url, json={"alt_text": "x" * 501}).status_code == 422
    member.put(url, json={"alt_text": None})
    assert member.get(url).json() == {
        **media,
        "name": "new.png",
        "alt_text": None,
        "url": member.get(url).json()["url"],
        "thumb_url": member.get(url).json()["thumb_url"],
    }


def test_bulk_delete_mixes_ids_and_uuids(member, upload):
    one, two, three = upload(), upload(), upload()
    answer = member.request("DELETE", "/media", json={"items": [int(one["id"]), two["uuid"]]})
    assert answer.json() == {"success": True}
    assert [each["uuid"] for each in member.get("/media").json()["data"]] == [three["uuid"]]
    assert httpx.get(one["url"]).status_code == 404
    assert member.request("DELETE", "/media", json={"items": list(range(501))}).status_code == 422
    assert member.request("DELETE", "/media").status_code == 422


def test_a_video_is_processing_for_as_long_as_the_setting_says(sandbox, member, upload):
    sandbox.reset(video_processing_seconds=60)
    media = upload("clip.mp4", b"....ftypmp42")
    assert (media["is_video"], media["is_processing"], media["type"]) == (True, True, "video")
    sandbox.advance(60)
    assert member.get(f"/media/{media['uuid']}").json()["is_processing"] is False


@pytest.mark.parametrize("policy", ["accept", "refuse"])
def test_a_video_in_conversion_can_be_scheduled_unless_the_setting_refuses(
    sandbox, member, upload, accounts, policy
):
    sandbox.reset(video_processing_seconds=60, processing_media=policy)
    media = [int(upload("clip.mp4", b"....ftypmp42")["id"])]
    draft = member.post("/posts", json=post("a", accounts["threads"], media=media)).json()
    answers = [
        member.post("/posts", json=post("b", accounts["threads"], media=media, schedule_now=True)),
        member.post(f"/posts/schedule/{draft['uuid']}", json={"postNow": True}),
    ]
    report = member.post("/posts/validate", json=post("c", accounts["threads"], media=media)).json()
    assert report["valid"] is (policy == "accept")
    assert [each.status_code for each in answers] == ([201, 200] if policy == "accept" else [422, 422])
    if policy == "refuse":
        assert set(answers[1].json()["errors"]) == {"versions.0.content.0.media"}
        sandbox.advance(60)
        assert member.post(f"/posts/schedule/{draft['uuid']}", json={"postNow": True}).status_code == 200


def test_deleted_media_leaves_every_post(sandbox, member, upload, accounts):
    gone, stays = int(upload()["id"]), int(upload()["id"])
    at = {"date": "2040-01-01", "time": "10:00", "schedule": True}
    scheduled = post("a", accounts["threads"], media=[gone, stays], **at)
    uuids = [member.post("/posts", json=body).json()["uuid"] for body in (scheduled, post(media=[gone]))]
    member.request("DELETE", "/media", json={"items": [gone]})
    kept = [member.get(f"/posts/{uuid}").json() for uuid in uuids]
    assert [each["versions"][0]["content"][0]["media"] for each in kept] == [[stays], []]
    assert [each["status"] for each in kept] == ["scheduled", "draft"]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "data:;base64,"])
def test_base64_is_decoded(sandbox, member, prefix):
    folder = member.post("/media/folders", json={"name": "F"}).json()["uuid"]
    body = {"content": prefix + BASE64, "filename": "bean.png", "alt_text": "A bean", "folder": folder}
    answer = member.post("/media/base64", json=body)
    media = answer.json()
    assert (answer.status_code, media["mime_type"], media["folder"]["uuid"]) == (201, "image/png", folder)
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
    answer = member.post("/media/base64", json={"content": BASE64, "filename": "bean.png", **changes})
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {named})


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
        answer = member.post("/media", files={"file": (name, content)})
        assert answer.status_code == status
    assert answer.json()["errors"] == {"file": [f"The file field must not be greater than {limit} bytes."]}


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
