from __future__ import annotations

import httpx
import pytest

from tests.sandbox.bodies import post


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


def test_an_update_changes_only_the_fields_it_names(member, upload):
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
    response = member.request("DELETE", "/media", json={"items": [int(one["id"]), two["uuid"]]})
    assert response.json() == {"success": True}
    assert [each["uuid"] for each in member.get("/media").json()["data"]] == [three["uuid"]]
    assert httpx.get(one["url"]).status_code == 404
    assert member.request("DELETE", "/media", json={"items": list(range(501))}).status_code == 422
    assert member.request("DELETE", "/media").status_code == 422


def test_a_video_is_processing_for_the_seconds_of_the_setting(sandbox, member, upload):
    sandbox.reset(video_processing_seconds=60)
    media = upload("clip.mp4", b"....ftypmp42")
    assert (media["is_video"], media["is_processing"], media["type"]) == (True, True, "video")
    sandbox.advance(60)
    assert member.get(f"/media/{media['uuid']}").json()["is_processing"] is False


@pytest.mark.parametrize("policy", ["accept", "refuse"])
def test_a_video_in_processing_can_be_scheduled_by_the_setting(sandbox, member, upload, accounts, policy):
    sandbox.reset(video_processing_seconds=60, processing_media=policy)
    media = [int(upload("clip.mp4", b"....ftypmp42")["id"])]
    draft = member.post("/posts", json=post("a", accounts["threads"], media=media)).json()
    responses = [
        member.post("/posts", json=post("b", accounts["threads"], media=media, schedule_now=True)),
        member.post(f"/posts/schedule/{draft['uuid']}", json={"postNow": True}),
    ]
    report = member.post("/posts/validate", json=post("c", accounts["threads"], media=media)).json()
    assert report["valid"] is (policy == "accept")
    assert [each.status_code for each in responses] == ([201, 200] if policy == "accept" else [422, 422])
    if policy == "refuse":
        assert set(responses[1].json()["errors"]) == {"versions.0.content.0.media"}
        sandbox.advance(60)
        assert member.post(f"/posts/schedule/{draft['uuid']}", json={"postNow": True}).status_code == 200


def test_deleted_media_is_removed_from_every_post(sandbox, member, upload, accounts):
    gone, stays = int(upload()["id"]), int(upload()["id"])
    at = {"date": "2040-01-01", "time": "10:00", "schedule": True}
    scheduled = post("a", accounts["threads"], media=[gone, stays], **at)
    uuids = [member.post("/posts", json=body).json()["uuid"] for body in (scheduled, post(media=[gone]))]
    member.request("DELETE", "/media", json={"items": [gone]})
    kept = [member.get(f"/posts/{uuid}").json() for uuid in uuids]
    assert [each["versions"][0]["content"][0]["media"] for each in kept] == [[stays], []]
    assert [each["status"] for each in kept] == ["scheduled", "draft"]
