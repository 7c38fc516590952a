from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.remote_files import CLIP, PNG, serving


@pytest.fixture
def source():
    with serving() as source:
        yield source


@pytest.fixture
def fetch(sandbox, member, source):
    sandbox.reset(remote_background_bytes=1000)

    def initiate(path, **more):
        url = path if "://" in path else source.url + path
        response = member.post("/media/remote/initiate", json={"url": url, **more})
        assert response.status_code == 200, response.text
        return response.json()

    return initiate


def poll(client, download_id):
    return client.get(f"/media/remote/{download_id}/status")


def poll_to_the_end(client, download_id):
    """Poll until the last response, and return every status."""
    deadline, seen = time.monotonic() + 10, ["pending"]
    while time.monotonic() < deadline:
        response = poll(client, download_id).json()
        if response["status"] != seen[-1]:
            seen.append(response["status"])
        if response["status"] in ("completed", "failed"):
            return seen, response
        assert response == {"status": response["status"], "progress": 0}
    raise AssertionError(seen)


def test_a_small_file_is_available_at_once_but_its_response_has_no_size(sandbox, member, fetch):
    folder = member.post("/media/folders", json={"name": "F"}).json()
    response = fetch("/bean.png?v=1", alt_text="A bean", folder=folder["uuid"])
    assert set(response) == {"status", "media"}
    media = member.get(f"/media/{response['media']['uuid']}").json()
    assert (media.pop("size"), media["name"], media["alt_text"]) == (len(PNG), "bean.png", "A bean")
    assert response == {"status": "completed", "media": media}
    assert media["folder"]["uuid"] == folder["uuid"]
    assert sandbox.state()["media"][0]["sha256"] == hashlib.sha256(PNG).hexdigest()


def test_a_file_of_unknown_size_is_fetched_at_once_too(fetch):
    media = fetch("/blob")["media"]
    assert (media["name"], media["mime_type"]) == ("blob", "image/png")
    assert fetch("/endless.mp4")["status"] == "completed"


def test_nothing_of_the_callers_goes_along(member, fetch, source):
    member.headers["X-PostBoost-Client"] = "me"
    fetch("/moved")
    sent = [{name.lower() for name in headers} for headers in source.requests]
    assert sent == [{"accept-encoding", "host", "user-agent", "connection"}] * 2


def test_a_large_file_advances_by_poll_and_its_final_status_is_reported_once(sandbox, member, fetch):
    started = fetch("/clip.mp4")
    assert set(started) == {"status", "download_id"}
    seen, last = poll_to_the_end(member, started["download_id"])
    assert seen == ["pending", "downloading", "processing", "completed"]
    assert (last["progress"], last["media"]["size"]) == (100, len(CLIP))
    assert sandbox.state()["media"][0]["sha256"] == hashlib.sha256(CLIP).hexdigest()
    again = poll(member, started["download_id"])
    assert (again.status_code, set(again.json()), again.json()["status"]) == (
        404,
        {"status", "error"},
        "failed",
    )


def test_a_download_lasts_until_the_file_has_arrived(sandbox, member, fetch, source):
    download_id = fetch("/slow.mp4")["download_id"]
    assert {poll(member, download_id).json()["status"] for _ in range(5)} == {"downloading"}
    assert sandbox.state()["media"] == []
    source.gate.set()
    # It may have arrived before the first of these polls.
    assert poll_to_the_end(member, download_id)[0][-2:] == ["processing", "completed"]


def test_a_lost_final_status_is_not_reported_again_but_the_file_exists(sandbox, member, fetch):
    download_id = fetch("/clip.mp4")["download_id"]
    while poll(member, download_id).json()["status"] != "processing":
        pass
    sandbox.faults({"kind": "drop_after", "operation": "get_remote_upload_status"})
    with pytest.raises(httpx.RemoteProtocolError):
        poll(member, download_id)
    assert poll(member, download_id).status_code == 404
    assert member.get("/media", params={"keyword": "clip.mp4"}).json()["meta"]["total"] == 1


def test_a_file_that_was_deleted_before_the_last_poll_is_completed_without_media(member, fetch):
    download_id = fetch("/clip.mp4")["download_id"]
    while poll(member, download_id).json()["status"] != "processing":
        pass
    media = member.get("/media").json()["data"][0]
    member.request("DELETE", "/media", json={"items": [media["uuid"]]})
    assert poll(member, download_id).json() == {"status": "completed", "progress": 100}


def test_a_download_is_forgotten_after_an_hour_and_belongs_to_its_workspace(sandbox, member, connect, fetch):
    download_id = fetch("/clip.mp4")["download_id"]
    assert poll(connect("member", 1), download_id).status_code == 404
    sandbox.advance(3590)
    assert poll(member, download_id).status_code == 200
    sandbox.advance(10)
    assert poll(member, download_id).status_code == 404


@pytest.mark.parametrize(
    "path, reason",
    [
        ("/nothing.png", "404"),
        ("/page", "must be an image, a video or a PDF"),
        ("/away", "remote_fetch_anywhere"),
        ("http://192.0.2.1/bean.png", "remote_fetch_anywhere"),
        ("http://localhost.example/bean.png", "remote_fetch_anywhere"),
        ("http://2130706433/bean.png", "remote_fetch_anywhere"),
        ("http://127.0.0.1:1/bean.png", "Connection refused"),
        ("http://user:secret@127.0.0.1/bean.png", "could not be downloaded"),
    ],
)
def test_a_failed_download_is_reported_with_status_200(member, fetch, path, reason):
    response = fetch(path)
    assert (set(response), response["status"]) == ({"status", "error"}, "failed")
    assert reason in response["error"]
    assert member.get("/media").json()["data"] == []


def test_a_large_file_whose_download_drops_fails(member, fetch):
    download_id = fetch("/short.mp4")["download_id"]
    seen, last = poll_to_the_end(member, download_id)
    assert seen == ["pending", "downloading", "failed"]
    assert (last["progress"], "dropped" in last["error"]) == (0, True)
    assert poll(member, download_id).status_code == 404


@pytest.mark.parametrize("path", ["/clip.mp4", "/endless.mp4"])
def test_a_file_over_the_limit_of_its_type_fails(sandbox, member, fetch, path):
    sandbox.change(video_bytes=2000)
    started = fetch(path)
    if started["status"] == "pending":
        _, started = poll_to_the_end(member, started["download_id"])
    assert (started["status"], "2000 bytes" in started["error"]) == ("failed", True)


def test_a_server_that_keeps_silent_is_given_up(sandbox, member, fetch):
    sandbox.change(remote_timeout_seconds=0.2)
    download_id = fetch("/slow.mp4")["download_id"]
    assert "timed out" in poll_to_the_end(member, download_id)[1]["error"]


@pytest.mark.parametrize("url", [None, "", "bean.png", "ftp://127.0.0.1/bean.png", "http://", "http://[::1"])
def test_an_invalid_url_is_rejected(member, url):
    response = member.post(
        "/media/remote/initiate", json={"url": url, "alt_text": "x" * 256, "folder": "nope"}
    )
    assert (response.status_code, set(response.json()["errors"])) == (422, {"url", "alt_text", "folder"})


def test_any_host_is_allowed_by_the_setting(sandbox, fetch):
    sandbox.change(remote_fetch_anywhere=True, remote_timeout_seconds=0.2)
    assert "could not be downloaded" in fetch("http://192.0.2.1/bean.png")["error"]


def test_a_key_makes_one_download_and_keeps_a_failure(sandbox, member, fetch, source):
    headers = {"Idempotency-Key": "k"}
    for path, status in (("/clip.mp4", "pending"), ("/nothing.png", "failed")):
        body = {"url": source.url + path}
        headers["Idempotency-Key"] += path
        first, again = (member.post("/media/remote/initiate", json=body, headers=headers) for _ in range(2))
        assert (first.json()["status"], again.json()) == (status, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
    assert len(source.requests) == 2


def test_others_are_served_and_the_key_is_reserved_during_a_download(sandbox, connect, source):
    sandbox.reset(remote_background_bytes=10**9)
    first, second = connect("member"), connect("member")
    headers, body = {"Idempotency-Key": "k"}, {"url": f"{source.url}/slow.mp4"}
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(first.post, "/media/remote/initiate", json=body, headers=headers)
        while not source.requests:
            time.sleep(0.002)
        assert second.post("/media/remote/initiate", json=body, headers=headers).status_code == 409
        assert second.get("/tags").status_code == 200
        source.gate.set()
        assert waiting.result(timeout=10).json()["status"] == "completed"


def test_the_folder_may_be_deleted_before_the_file_arrives(member, fetch, source):
    folder = member.post("/media/folders", json={"name": "F"}).json()
    download_id = fetch("/slow.mp4", folder=folder["uuid"])["download_id"]
    member.delete(f"/media/folders/{folder['uuid']}")
    source.gate.set()
    assert poll_to_the_end(member, download_id)[1]["media"]["folder"] is None


def test_a_reset_and_the_end_of_the_sandbox_do_not_wait_for_downloads(source, capfd):
    body = {"url": f"{source.url}/slow.mp4"}
    with Sandbox(remote_background_bytes=1000) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.tokens['member']}"}
        url = f"{sandbox.base_url}/{sandbox.workspaces[0]['uuid']}/media/remote/initiate"
        for _ in range(2):
            assert httpx.post(url, json=body, headers=headers).json()["status"] == "pending"
            sandbox.reset()
            sandbox.change(remote_background_bytes=1000)
        httpx.post(url, json=body, headers=headers)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    source.gate.set()
    assert capfd.readouterr().err == ""


def test_a_sandbox_fetches_from_itself(member, fetch):
    media = fetch("/bean.png")["media"]
    assert fetch(media["url"])["media"]["name"] == "bean.png"
