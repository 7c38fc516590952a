from __future__ import annotations

import threading
import time

import pytest

from tests.remote_files import PNG
from tests.sandbox.bodies import post


def keyed(key="key-1"):
    return {"Idempotency-Key": key}


def test_a_repeated_request_gets_the_stored_response_and_has_no_effect(member):
    first = member.post("/posts", json=post("once"), headers=keyed())
    again = member.post("/posts", json=post("once"), headers=keyed())
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert member.get("/posts").json()["meta"]["total"] == 1
    log = member.get("/activity").json()["data"]
    assert [(entry["outcome"], entry["post_uuid"]) for entry in log] == [
        ("replayed", first.json()["uuid"]),
        ("created", first.json()["uuid"]),
    ]


@pytest.mark.parametrize(
    "path, body",
    [
        ("/tags", {"name": "x", "hex_color": "#fff"}),
        ("/media/folders", {"name": "x"}),
        ("/media/base64", {"content": "iVBORw0KGgo=", "filename": "a.png"}),
        ("/media/chunked/initiate", {"filename": "a.mp4", "mime_type": "video/mp4", "total_size": 9}),
        ("/media/remote/initiate", {"url": "http://127.0.0.1:1/a.png"}),
    ],
)
def test_whatever_declares_the_key_heeds_it(member, path, body):
    first, again = (member.post(path, json=body, headers=keyed()) for _ in range(2))
    assert first.status_code in (200, 201)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert member.post(path, json={**body, "extra": 1}, headers=keyed()).status_code == 422
    assert [entry["outcome"] for entry in member.get("/activity").json()["data"]][:2] == [
        "validation_failed",
        "replayed",
    ]


def test_a_key_is_forgotten_after_24_hours(sandbox, member):
    member.post("/posts", json=post("once"), headers=keyed())
    sandbox.advance(24 * 3600 - 60)
    assert "Idempotent-Replayed" in member.post("/posts", json=post("once"), headers=keyed()).headers
    sandbox.advance(60)
    assert "Idempotent-Replayed" not in member.post("/posts", json=post("once"), headers=keyed()).headers


@pytest.mark.parametrize("coded", [False, True])
def test_a_key_with_a_different_body_is_rejected(sandbox, member, coded):
    sandbox.reset(conflict_code=coded)
    member.post("/posts", json=post("once"), headers=keyed())
    response = member.post("/posts", json=post("twice"), headers=keyed())
    assert response.status_code == 422
    assert set(response.json()) == ({"message", "code"} if coded else {"message"})


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_the_wrong_length_is_refused(member, key):
    response = member.post("/posts", json=post(), headers=keyed(key))
    assert (response.status_code, list(response.json()["errors"])) == (422, ["Idempotency-Key"])


def test_a_key_belongs_to_user_workspace_and_path(connect, member, admin, scoped):
    bodies = [
        member.post("/posts", json=post("once"), headers=keyed()).json(),
        admin.post("/posts", json=post("once"), headers=keyed()).json(),
        connect("member", 1).post("/posts", json=post("once"), headers=keyed()).json(),
    ]
    assert len({body["uuid"] for body in bodies}) == 3
    # The scoped key acts as the admin, and shares the admin's keys.
    assert scoped.post("/posts", json=post("once"), headers=keyed()).json() == bodies[1]
    assert member.post("/tags", json={"name": "x", "hex_color": "#fff"}, headers=keyed()).status_code == 201


def test_operations_that_do_not_declare_the_key_ignore_it(member):
    for _ in range(2):
        response = member.post("/account-groups", json={"name": "Twice"}, headers=keyed())
        assert "Idempotent-Replayed" not in response.headers
    names = [group["name"] for group in member.get("/account-groups").json()["data"]]
    assert names.count("Twice") == 2


@pytest.mark.parametrize("stored", [True, False])
def test_a_4xx_is_stored_unless_switched_off(sandbox, member, accounts, stored):
    sandbox.reset(store_4xx=stored)
    member.post("/posts", json=post("same", accounts["threads"]))
    body = post("same", accounts["threads"])
    assert member.post("/posts", json=body, headers=keyed()).status_code == 409
    again = member.post("/posts", json=body, headers={**keyed(), "X-Allow-Duplicate": "true"})
    assert again.status_code == (409 if stored else 201)


def test_429_is_never_stored(sandbox, member, accounts):
    sandbox.reset(daily_cap=0)
    body = post("once", accounts["threads"], schedule_now=True)
    assert member.post("/posts", json=body, headers=keyed()).status_code == 429
    sandbox.change(daily_cap=1)
    assert member.post("/posts", json=body, headers=keyed()).status_code == 201


@pytest.mark.parametrize("kind", ["server_error", "throttle"])
def test_a_request_that_never_arrived_does_not_use_the_key(sandbox, member, kind):
    sandbox.faults({"kind": kind, "operation": "create_post"})
    assert member.post("/posts", json=post("once"), headers=keyed()).status_code in (500, 429)
    response = member.post("/posts", json=post("once"), headers=keyed())
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers


@pytest.mark.parametrize("coded", [False, True])
def test_a_repeat_while_the_first_is_running_is_a_conflict(sandbox, connect, coded):
    sandbox.reset(conflict_code=coded)
    sandbox.faults({"kind": "delay", "seconds": 0.3, "operation": "create_post"})
    first, second = connect("member"), connect("member")
    responses = []
    thread = threading.Thread(
        target=lambda: responses.append(first.post("/posts", json=post("once"), headers=keyed()))
    )
    thread.start()
    while not sandbox.requests():
        time.sleep(0.005)
    conflict = second.post("/posts", json=post("once"), headers=keyed())
    thread.join()
    assert conflict.status_code == 409
    assert set(conflict.json()) == ({"message", "code"} if coded else {"message"})
    assert responses[0].status_code == 201
    assert second.post("/posts", json=post("once"), headers=keyed()).content == responses[0].content


@pytest.mark.parametrize("fingerprint, status", [("raw", 422), ("parsed", 201)])
def test_json_is_compared_by_the_setting(sandbox, member, fingerprint, status):
    sandbox.reset(idempotency_fingerprint=fingerprint)
    headers = {**keyed(), "Content-Type": "application/json"}
    one, other = b'{"name":"x","hex_color":"#fff"}', b'{ "hex_color": "#fff", "name": "x" }'
    assert member.post("/tags", content=one, headers=headers).status_code == 201
    assert member.post("/tags", content=other, headers=headers).status_code == status


@pytest.mark.parametrize("fingerprint, status", [("raw", 422), ("parsed", 201)])
def test_multipart_with_another_boundary_is_compared_by_the_setting(sandbox, member, fingerprint, status):
    sandbox.reset(idempotency_fingerprint=fingerprint)

    def upload(boundary, content=PNG):
        headers = {**keyed(), "Content-Type": f"multipart/form-data; boundary={boundary}"}
        return member.post(
            "/media", files={"file": ("a.png", content)}, data={"alt_text": "A"}, headers=headers
        )

    assert upload("one").status_code == 201
    assert upload("one").headers["Idempotent-Replayed"] == "true"
    assert upload("two").status_code == status
    assert upload("one", PNG + b"more").status_code == 422
    assert member.get("/media").json()["meta"]["total"] == 1
