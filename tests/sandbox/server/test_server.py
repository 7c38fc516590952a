"""Routing, the control endpoints and resets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.settings import Settings
from tests.sandbox.bodies import post


def test_every_operation_has_a_handler(connect, sandbox):
    admin = connect("admin", None)
    uuid = sandbox.workspaces[0]["uuid"]
    # The workspace is deleted last.
    for name, operation in sorted(load_operations().items(), key=lambda each: each[0] == "delete_workspace"):
        path = operation.path.replace("{workspace_uuid}", uuid)
        response = admin.request(operation.method, path.replace("{", "").replace("}", ""))
        assert response.status_code < 500, name


def test_unknown_paths_and_methods_respond_with_json(member, sandbox):
    unknown = member.get("/nothing/here")
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Not found."})
    assert member.patch("/posts").status_code == 405
    assert [entry["operation"] for entry in sandbox.requests()] == [None, None]


def test_the_date_of_a_response_is_the_sandboxs_clock(member, sandbox):
    sandbox.advance(86400)
    told = parsedate_to_datetime(member.get("/tags").headers["date"])
    assert abs(told - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=30)


def test_the_requests_are_on_record_without_tokens(sandbox, member):
    headers = {"Idempotency-Key": "k", "X-PostBoost-Client": "me"}
    member.post("/posts", json=post(), headers=headers)
    member.get("/posts", params={"page": 2})
    first, second = httpx.get(sandbox.control_url + "/requests").json()["requests"]
    assert (first["operation"], first["method"], first["status"]) == ("create_post", "POST", 201)
    assert (first["idempotency_key"], first["client"]) == ("k", "me")
    assert second["query"] == "page=2"
    assert sandbox.tokens["member"] not in json.dumps(sandbox.requests())


def test_the_state_has_posts_counts_clock_and_settings(sandbox, member, accounts):
    member.post("/posts", json=post("hello", accounts["threads"], schedule_now=True))
    state = httpx.get(sandbox.control_url + "/state").json()
    assert state["posts"][0]["text"] == "hello"
    assert state["posts"][0]["accounts"][0]["publish_status"] == "publishing"
    assert state["workspaces"][0]["statuses"] == {"publishing": 1}
    assert state["settings"]["publish_seconds"] == 2.0
    assert state.keys() == sandbox.state().keys()


def test_the_clock_moves_forward_over_http_and_never_back(sandbox):
    url = sandbox.control_url + "/clock"
    before = sandbox.state()["now"]
    assert httpx.post(url, json={"advance_seconds": 3600}).json()["now"] > before
    assert httpx.post(url, json={"advance_seconds": -1}).status_code == 422
    assert httpx.post(url, json={"seconds": 1}).status_code == 422


def test_a_reset_forgets_all_but_tokens_and_identifiers(sandbox, member, accounts):
    member.post("/posts", json=post())
    httpx.post(sandbox.control_url + "/settings", json={"daily_cap": 3})
    sandbox.faults({"kind": "throttle"})
    sandbox.advance(3600)
    httpx.post(sandbox.control_url + "/reset", json={"settings": {"publish_seconds": 0}})
    state = sandbox.state()
    assert (state["posts"], state["faults"], state["requests"]) == ([], [], 0)
    assert state["settings"] == {**Settings().as_dict(), "approval_required_for": (), "publish_seconds": 0}
    after = member.get("/accounts").json()["data"]
    assert [each["uuid"] for each in after] == [each["uuid"] for each in accounts.values()]
