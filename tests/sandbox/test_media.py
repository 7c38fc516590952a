from __future__ import annotations

import httpx
import pytest

from tests.sandbox.bodies import PNG


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
