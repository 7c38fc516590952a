"""The switches for what PostBoost does not document about idempotency keys and throttles."""

from __future__ import annotations

import threading
import time

import pytest

from tests.remote_files import PNG
from tests.sandbox.bodies import post

KEYED = {"Idempotency-Key": "key-1"}


@pytest.mark.parametrize(
    "settings, status, code, fields",
    [
        ({}, 422, None, {"message"}),
        ({"reused_key_status": 409}, 409, None, {"message"}),
        ({"reused_key_errors": True}, 422, None, {"message", "errors"}),
        ({"conflict_code": True}, 422, "idempotency_key_reused", {"message", "code"}),
        (
            {"conflict_code": True, "reused_key_code": "validation_failed"},
            422,
            "validation_failed",
            {"message", "code"},
        ),
    ],
)
def test_a_key_with_another_body(sandbox, member, settings, status, code, fields):
    sandbox.change(**settings)
    assert member.post("/posts", json=post("once"), headers=KEYED).status_code == 201
    response = member.post("/posts", json=post("twice"), headers=KEYED)
    assert (response.status_code, response.json().get("code"), set(response.json())) == (status, code, fields)
    assert member.get("/posts").json()["meta"]["total"] == 1


@pytest.mark.parametrize("status", [409, 422])
def test_a_key_in_flight(sandbox, connect, status):
    sandbox.change(in_flight_status=status)
    sandbox.faults({"kind": "delay", "seconds": 0.3, "operation": "create_post"})
    first, second = connect("member"), connect("member")
    thread = threading.Thread(target=lambda: first.post("/posts", json=post("once"), headers=KEYED))
    thread.start()
    while not sandbox.requests():
        time.sleep(0.005)
    response = second.post("/posts", json=post("once"), headers=KEYED)
    thread.join()
    assert (response.status_code, set(response.json())) == (status, {"message"})


@pytest.mark.parametrize("fingerprint", ["raw", "parsed"])
@pytest.mark.parametrize("repeats, status", [("compared", 201), ("different", 422)])
def test_multipart_repeats(sandbox, member, fingerprint, repeats, status):
    sandbox.change(idempotency_fingerprint=fingerprint, multipart_repeats=repeats)

    def upload():
        headers = {**KEYED, "Content-Type": "multipart/form-data; boundary=same"}
        return member.post("/media", files={"file": ("a.png", PNG)}, headers=headers)

    assert upload().status_code == 201
    assert upload().status_code == status
    assert member.get("/media").json()["meta"]["total"] == 1
    # JSON is compared in any case.
    assert [member.post("/tags", json={}, headers=KEYED).status_code for _ in range(2)] == [422, 422]
    assert [e["outcome"] for e in member.get("/activity").json()["data"]][:1] == ["replayed"]


@pytest.mark.parametrize("coded", [False, True])
def test_throttles_have_a_code_by_the_setting(sandbox, member, coded):
    expected = {"message", "code"} if coded else {"message"}
    sandbox.change(throttle_code=coded)
    sandbox.faults({"kind": "throttle", "retry_after": 3})
    injected = member.get("/tags")
    sandbox.change(requests_per_minute=1)
    member.get("/tags")
    limited = member.get("/tags")
    for response in (injected, limited):
        assert (response.status_code, set(response.json())) == (429, expected)
        assert int(response.headers["Retry-After"]) >= 1


def test_the_plans_limit_is_a_422_with_only_a_message(sandbox, member):
    sandbox.change(plan_posts=1)
    assert member.post("/posts", json=post("one"), headers=KEYED).status_code == 201
    response = member.post("/posts", json=post("two"), headers={"Idempotency-Key": "key-2"})
    assert (response.status_code, set(response.json())) == (422, {"message"})
    assert [e["outcome"] for e in member.get("/activity").json()["data"]] == ["validation_failed", "created"]
    # An edit makes no post.
    uuid = member.get("/posts").json()["data"][0]["uuid"]
    assert member.put(f"/posts/{uuid}", json=post("three")).status_code == 200
