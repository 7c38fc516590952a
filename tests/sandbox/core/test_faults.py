from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import httpx
import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.sandbox.bodies import post

TAG = {"name": "x", "hex_color": "#fff"}


def names(member):
    return [tag["name"] for tag in member.get("/tags").json()["data"]]


def test_drop_before_has_no_response_and_no_effect(sandbox, member):
    sandbox.faults({"kind": "drop_before", "operation": "create_tag"})
    with pytest.raises(httpx.RemoteProtocolError):
        member.post("/tags", json=TAG)
    assert "x" not in names(member)
    dropped = sandbox.requests()[0]
    assert (dropped["status"], dropped["fault"]) == (None, "drop_before")


def test_drop_after_handles_the_request_without_a_response(sandbox, member):
    sandbox.faults({"kind": "drop_after", "operation": "create_tag"})
    with pytest.raises(httpx.RemoteProtocolError):
        member.post("/tags", json=TAG, headers={"Idempotency-Key": "k"})
    assert "x" in names(member)
    assert member.get("/activity").json()["data"][0]["outcome"] == "created"
    replayed = member.post("/tags", json=TAG, headers={"Idempotency-Key": "k"})
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert names(member).count("x") == 1


def test_faults_affect_media_operations_like_all_others(sandbox, member):
    operations = [
        ("POST", "/media/folders", "create_media_folder"),
        ("POST", "/media/base64", "upload_media_base64"),
        ("POST", "/media/chunked/initiate", "initiate_chunked_upload"),
        ("POST", "/media/chunked/x/upload", "upload_chunk"),
        ("POST", "/media/chunked/x/complete", "complete_chunked_upload"),
        ("DELETE", "/media/chunked/x", "abort_chunked_upload"),
        ("POST", "/media/remote/initiate", "initiate_remote_upload"),
        ("GET", "/media/remote/x/status", "get_remote_upload_status"),
    ]
    for method, path, operation in operations:
        sandbox.faults({"kind": "server_error", "operation": operation, "status": 503})
        assert member.request(method, path).status_code == 503, operation


def test_a_dropped_connection_does_not_affect_others(sandbox, connect):
    first, second = connect("member"), connect("member")
    assert first.get("/tags").status_code == second.get("/tags").status_code == 200
    sandbox.faults({"kind": "drop_before"})
    with pytest.raises(httpx.RemoteProtocolError):
        first.get("/tags")
    assert second.get("/tags").status_code == first.get("/tags").status_code == 200


def test_a_throttle_has_laravels_body_and_headers(sandbox, member):
    sandbox.faults({"kind": "throttle", "retry_after": 30})
    refused = member.get("/tags")
    assert (refused.status_code, refused.json()) == (429, {"message": "Too Many Attempts."})
    assert refused.headers["Retry-After"] == "30"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert member.get("/tags").status_code == 200


def test_retry_after_may_be_a_date_or_missing_and_a_throttle_may_have_a_code(sandbox, member):
    sandbox.faults(
        {"kind": "throttle", "retry_after": 30, "http_date": True},
        {"kind": "throttle", "retry_after": None, "code": "ai_credits_exhausted"},
    )
    when = parsedate_to_datetime(member.get("/tags").headers["Retry-After"]).timestamp()
    assert 25 < when - time.time() < 31
    coded = member.get("/tags")
    assert "Retry-After" not in coded.headers
    assert coded.json()["code"] == "ai_credits_exhausted"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_has_the_status_that_was_asked_for(sandbox, member, status):
    sandbox.faults({"kind": "server_error", "status": status, "retry_after": 5})
    response = member.post("/tags", json=TAG)
    assert (response.status_code, response.headers["Retry-After"]) == (status, "5")
    assert "x" not in names(member)


def test_a_delayed_request_is_handled_even_if_the_client_disconnects(sandbox, member):
    sandbox.faults({"kind": "delay", "seconds": 0.2, "operation": "create_tag"})
    with pytest.raises(httpx.ReadTimeout):
        member.post("/tags", json=TAG, timeout=0.05)
    deadline = time.monotonic() + 2
    while "x" not in names(member) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "x" in names(member)


def test_count_and_after_say_which_requests_are_hit(sandbox, member):
    sandbox.faults({"kind": "server_error", "operation": "list_tags", "after": 1, "count": 2})
    assert member.get("/posts").status_code == 200
    assert [member.get("/tags").status_code for _ in range(4)] == [200, 500, 500, 200]


def test_a_request_has_at_most_one_fault(sandbox, member):
    sandbox.faults({"kind": "throttle"}, {"kind": "server_error"})
    assert [member.get("/tags").status_code for _ in range(3)] == [429, 500, 200]


def test_an_account_fails_with_one_line_unless_there_is_more_to_tell(sandbox, member, accounts):
    sandbox.reset(publish_seconds=0)
    sandbox.faults({"kind": "fail_account", "account_id": accounts["threads"]["id"], "message": "No."})
    created = member.post("/posts", json=post("a", accounts["threads"], schedule_now=True)).json()
    assert (created["status"], created["accounts"][0]["errors"]) == ("failed", ["No."])
    health = {each["id"]: each for each in member.get("/account-health").json()["data"]}
    assert health[accounts["threads"]["id"]]["connection"]["last_error"] == "No."


def test_faults_can_be_set_over_http_and_cleared(sandbox, member):
    url = sandbox.control_url + "/faults"
    response = httpx.post(url, json=[{"kind": "throttle", "count": 5}])
    assert response.json()["faults"][0]["count"] == 5
    assert member.get("/tags").status_code == 429
    assert httpx.post(url, json={"faults": []}).json() == {"faults": []}
    assert member.get("/tags").status_code == 200


@pytest.mark.parametrize(
    "rule, word",
    [
        ({"kind": "explode"}, "drop_before"),
        ({"kind": "throttle", "operation": "make_coffee"}, "make_coffee"),
        ({"kind": "throttle", "wait": 3}, "retry_after"),
        ({"kind": "fail_account"}, "account_id"),
        ({"kind": "throttle", "count": "twice"}, "count"),
        ({"kind": "delay", "seconds": True}, "seconds"),
        ("throttle", "list"),
    ],
)
def test_an_invalid_fault_is_rejected_with_the_known_ones(sandbox, rule, word):
    response = httpx.post(sandbox.control_url + "/faults", json=[rule])
    assert response.status_code == 422
    assert word in response.json()["message"]


def test_stopping_the_sandbox_cuts_a_delay_short_without_a_fuss(capfd):
    with ThreadPoolExecutor() as pool:
        with Sandbox() as sandbox:
            sandbox.faults({"kind": "delay", "seconds": 60})
            headers = {"Authorization": f"Bearer {sandbox.tokens['member']}"}
            waiting = pool.submit(httpx.get, f"{sandbox.base_url}/workspaces", headers=headers)
            while not sandbox.requests():
                time.sleep(0.005)
        with pytest.raises(httpx.TransportError):
            waiting.result(timeout=10)
    assert capfd.readouterr().err == ""
