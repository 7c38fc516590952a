from __future__ import annotations

import hashlib
from dataclasses import dataclass

import httpx
import pytest

from tests.remote_files import PNG
from tests.sandbox.bodies import fields_with_errors

WHOLE = bytes(range(250))
CHUNKS = [WHOLE[:100], WHOLE[100:200], WHOLE[200:]]


@dataclass
class Session:
    client: httpx.Client
    uuid: str

    def send(self, index, content=None):
        content = CHUNKS[index] if content is None else content
        return self.client.post(
            f"/media/chunked/{self.uuid}/upload", files={"chunk": content}, data={"chunk_index": index}
        )

    def send_all(self):
        return [self.send(index).json() for index in range(len(CHUNKS))]

    def complete(self, **body):
        return self.client.post(f"/media/chunked/{self.uuid}/complete", json=body)

    def abort(self):
        return self.client.delete(f"/media/chunked/{self.uuid}")


def initiate(client, **changes):
    body = {"filename": "clip.mp4", "mime_type": "video/mp4", "total_size": len(WHOLE), **changes}
    return client.post("/media/chunked/initiate", json=body)


@pytest.fixture
def start(sandbox, member):
    sandbox.reset(chunk_size=100)

    def begin(client=member, **changes):
        return Session(client, initiate(client, **changes).json()["upload_uuid"])

    return begin


def test_the_server_chooses_the_size_of_a_chunk(sandbox, member):
    response = initiate(member, total_size=50 * 1024 * 1024)
    assert response.status_code == 201
    assert (response.json()["chunk_size"], response.json()["total_chunks"]) == (5 * 1024 * 1024, 10)
    sandbox.change(chunk_size=100)
    assert initiate(member).json()["total_chunks"] == 3


def test_the_stored_content_equals_the_sent_content(sandbox, member, start):
    session = start()
    assert session.send_all() == [{"received": 1}, {"received": 2}, {"received": 3}]
    assert sandbox.state()["workspaces"][0]["uploads"] == 1
    folder = member.post("/media/folders", json={"name": "Clips"}).json()
    response = session.complete(alt_text="A clip", folder=folder["uuid"])
    media = response.json()
    assert (response.status_code, media["name"], media["type"], media["size"]) == (
        201,
        "clip.mp4",
        "video",
        250,
    )
    assert (media["alt_text"], media["folder"]["name"]) == ("A clip", "Clips")
    assert httpx.get(media["url"]).content == WHOLE
    (brief,) = sandbox.state()["media"]
    assert (brief["size"], brief["sha256"]) == (250, hashlib.sha256(WHOLE).hexdigest())
    assert sandbox.state()["workspaces"][0]["uploads"] == 0
    assert [entry["outcome"] for entry in member.get("/activity").json()["data"]] == [
        *("created", "created", "ok", "ok", "ok", "created")
    ]


def test_a_body_is_not_needed_to_complete(member, start):
    session = start()
    session.send_all()
    assert member.post(f"/media/chunked/{session.uuid}/complete").status_code == 201


def test_the_content_decides_the_type_over_the_declared_one(start):
    session = start(total_size=len(PNG))
    for index in range(0, len(PNG), 100):
        session.send(index // 100, PNG[index : index + 100])
    assert session.complete().json()["mime_type"] == "image/png"


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"filename": None}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"mime_type": ""}, "mime_type"),
        ({"mime_type": "text/plain"}, "mime_type"),
        ({"total_size": 0}, "total_size"),
        ({"total_size": "many"}, "total_size"),
        ({"total_size": 1024**3 + 1}, "total_size"),
        ({"mime_type": "image/png", "total_size": 101 * 1024**2}, "total_size"),
    ],
)
def test_an_upload_that_cannot_end_well_does_not_start(member, changes, named):
    assert fields_with_errors(initiate(member, **changes)) == {named}


def test_chunks_are_taken_in_order_and_have_their_size(start):
    session = start()
    assert fields_with_errors(session.send(1)) == {"chunk_index"}
    assert fields_with_errors(session.send(0, WHOLE[:99])) == {"chunk"}
    assert fields_with_errors(session.send(0, WHOLE[:101])) == {"chunk"}
    session.send(0)
    session.send(1)
    assert fields_with_errors(session.send(2, WHOLE[:100])) == {"chunk"}
    assert session.send(2).json() == {"received": 3}
    assert fields_with_errors(session.send(3, b"x")) == {"chunk_index"}


@pytest.mark.parametrize("index", ["", "-1", "one", "9" * 30, "1.0"])
def test_a_chunk_index_is_an_integer(member, start, index):
    url = f"/media/chunked/{start().uuid}/upload"
    assert fields_with_errors(member.post(url, files={"chunk": b"x"}, data={"chunk_index": index})) == {
        "chunk_index"
    }


def test_a_chunk_and_its_index_are_needed(member, start):
    assert fields_with_errors(member.post(f"/media/chunked/{start().uuid}/upload")) == {
        "chunk",
        "chunk_index",
    }


@pytest.mark.parametrize("policy, status", [("accept", 201), ("refuse", 422)])
def test_a_chunk_that_is_sent_again_counts_once(sandbox, start, policy, status):
    session = start()
    sandbox.change(resend_chunk=policy)
    session.send(0)
    again = session.send(0)
    assert again.status_code == status
    assert status == 422 or again.json() == {"received": 1}
    assert fields_with_errors(session.send(0, b"y" * 100)) == {"chunk"}
    session.send(1)
    session.send(2)
    assert httpx.get(session.complete().json()["url"]).content == WHOLE


def test_chunks_that_are_missing_are_counted_and_can_still_be_sent(start):
    session = start()
    session.send(0)
    response = session.complete()
    assert response.json()["errors"] == {"chunks": ["2 of 3 chunks are missing."]}
    session.send(1)
    session.send(2)
    assert fields_with_errors(session.complete(alt_text="x" * 256, folder="nope")) == {"alt_text", "folder"}
    assert session.complete().status_code == 201


@pytest.mark.parametrize("status", [404, 201])
def test_completing_again_has_the_status_of_the_setting(sandbox, member, start, status):
    session = start()
    sandbox.change(complete_twice=status)
    session.send_all()
    media = session.complete().json()
    again = session.complete()
    assert again.status_code == status
    assert status == 404 or again.json() == media
    assert member.get("/media").json()["meta"]["total"] == 1
    assert session.send(0).status_code == session.abort().status_code == 404
    member.request("DELETE", "/media", json={"items": [media["uuid"]]})
    assert session.complete().status_code == 404


def test_an_aborted_upload_is_gone(member, start):
    session = start()
    session.send(0)
    aborted = session.abort()
    assert (aborted.status_code, aborted.content) == (204, b"")
    assert {session.abort().status_code, session.send(1).status_code, session.complete().status_code} == {404}
    assert member.get("/media").json()["data"] == []


def test_a_session_expires_by_the_clock_and_belongs_to_its_workspace(sandbox, connect, start):
    session = start()
    assert Session(connect("member", 1), session.uuid).send(0).status_code == 404
    sandbox.advance(3590)
    assert session.send(0).status_code == 201
    sandbox.advance(10)
    assert session.send(1).status_code == 404


def test_of_a_large_file_only_hash_and_size_are_kept(sandbox, start):
    sandbox.change(keep_media_bytes=249)
    session = start()
    session.send_all()
    media = session.complete().json()
    assert media["size"] == 250
    served = httpx.get(media["url"])
    assert (served.status_code, "keep_media_bytes" in served.json()["message"]) == (404, True)
    assert sandbox.state()["media"][0]["sha256"] == hashlib.sha256(WHOLE).hexdigest()


def test_an_upload_continues_after_a_dropped_connection(sandbox, start):
    session = start()
    session.send(0)
    sandbox.faults(
        {"kind": "drop_before", "operation": "upload_chunk"},
        {"kind": "drop_after", "operation": "upload_chunk"},
    )
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            session.send(1)
    assert session.send(1).json() == {"received": 2}
    session.send(2)
    sandbox.faults({"kind": "drop_after", "operation": "complete_chunked_upload"})
    with pytest.raises(httpx.RemoteProtocolError):
        session.complete()
    assert session.complete().status_code == 404
    assert sandbox.state()["media"][0]["sha256"] == hashlib.sha256(WHOLE).hexdigest()


def test_a_throttled_start_happens_once_under_its_key(sandbox, member):
    sandbox.faults({"kind": "throttle", "operation": "initiate_chunked_upload"})
    body = {"filename": "clip.mp4", "mime_type": "video/mp4", "total_size": 10}
    headers = {"Idempotency-Key": "k"}
    responses = [member.post("/media/chunked/initiate", json=body, headers=headers) for _ in range(3)]
    assert [each.status_code for each in responses] == [429, 201, 201]
    assert responses[1].json() == responses[2].json()
    assert sandbox.state()["workspaces"][0]["uploads"] == 1
