"""Keys and tokens are rotated in a running Airflow, whose connections are written through its own API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.api.errors import AuthenticationError
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client
from tests.live.running import RunningAirflow

pytestmark = pytest.mark.live


def day(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def connect(airflow: RunningAirflow, sandbox: Sandbox, conn_id: str, token: str, **extras: Any) -> None:
    airflow.post(
        "/connections",
        connection_id=conn_id,
        conn_type="postboost",
        host=sandbox.base_url,
        password=token,
        extra=json.dumps({"workspace_uuid": sandbox.workspaces[0]["uuid"], **extras}),
    )


@pytest.fixture(scope="module")
def to_itself(airflow: RunningAirflow) -> None:
    airflow.connect_to_itself()


def test_a_rotation_that_is_killed_before_it_writes_the_key_makes_another_and_leaves_none(
    airflow: RunningAirflow, to_itself: None, sandbox: Sandbox
) -> None:
    with client(sandbox, "admin") as api:
        body = {"name": "Blog", "abilities": ["read"], "expires_at": day(10)}
        old = api.call("create_api_key", body=body)["data"]
    connect(airflow, sandbox, "postboost_admin", sandbox.tokens["admin"])
    connect(airflow, sandbox, "postboost_key", old["token"], scoped_key_id=old["id"])

    run = airflow.trigger("rotation_killed")
    run.wait("rotate", "deferred")
    with client(sandbox, old["token"]) as api:
        api.call("list_tags")  # through the grace
    run.wait_until_heard("rotate")
    assert run.task("rotate")["state"] == "deferred", "the machine is too busy for this test"
    assert run.wait_to_end() == "success"

    result = run.result("rotate")
    assert run.task("rotate")["try_number"] == 2
    assert (result["result"], result["expires_on"]) == ("rotated", day(30))
    extras = json.loads(airflow.get("/connections/postboost_key")["extra"])
    assert (extras["scoped_key_id"], extras["expires_on"]) == (result["key_id"], day(30))
    with client(sandbox, "admin") as api:
        made = [key for key in api.pages("list_api_keys") if key["name"] != "Sandbox key"]
    # The key of the killed attempt is revoked, and so is the old one.
    assert [key["id"] for key in made] == [result["key_id"]]
    assert result["key_id"] == old["id"] + 2
    with client(sandbox, old["token"]) as api, pytest.raises(AuthenticationError):
        api.call("list_tags")
    said = run.log("rotate", try_number=2)
    assert "left over" in said
    assert "Revoked key" in said


def test_a_person_rotates_a_token_that_never_goes_through_the_form(
    airflow: RunningAirflow, to_itself: None, sandbox: Sandbox
) -> None:
    connect(airflow, sandbox, "postboost_token", sandbox.tokens["expiring"], expires_on=day(3))
    run = airflow.trigger("rotation_by_a_person")
    form = run.form("ask")
    assert "**Do not enter it in this form**" in form["body"]
    assert list(form["params"]) == ["expires_on"]

    # What a person does in Admin > Connections.
    path = "/connections/postboost_token?update_mask=password"
    airflow.patch(
        path,
        connection_id="postboost_token",
        conn_type="postboost",
        password=sandbox.tokens["member"],
    )
    run.respond("ask", form["options"][0], expires_on=day(60))
    run.wait("ask", "success")
    assert run.result("ask") == {"result": "rotated", "expires_on": day(60)}
    extras = json.loads(airflow.get("/connections/postboost_token")["extra"])
    assert (extras["expires_on"], extras["workspace_uuid"]) == (day(60), sandbox.workspaces[0]["uuid"])
    assert "Delete the old" in run.log("ask")
    assert sandbox.tokens["member"] not in run.log("ask")
