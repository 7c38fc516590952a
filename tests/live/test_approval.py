"""A person approves in Airflow's own form, here over Airflow's public API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.api.support import Upload
from tests.clients import client, posts
from tests.live.running import USER, Run, RunningAirflow
from tests.remote_files import PNG

pytestmark = pytest.mark.live


@pytest.fixture
def ask(airflow: RunningAirflow, sandbox: Sandbox) -> Any:
    """Run the example, and return the run, its form and its draft."""

    def start(text: str, **conf: Any) -> tuple[Run, dict[str, Any], str]:
        run = airflow.trigger("approved_announcement", text=text, **conf)
        form = run.form("approve")
        (post,) = posts(sandbox)
        assert post["status"] == "draft"
        return run, form, post["uuid"]

    return start


def schedules(sandbox: Sandbox) -> int:
    return sum(r["operation"] == "schedule_post" for r in sandbox.requests())


def test_approving_schedules_exactly_what_the_form_shows(ask: Any, sandbox: Sandbox) -> None:
    at = (datetime.now(UTC) + timedelta(hours=3)).replace(second=0, microsecond=0)
    run, form, uuid = ask("We are <moving>\nto the harbour", publish_at=at.strftime("%Y-%m-%d %H:%M"))
    assert form["subject"] == "Publish the announcement?"
    assert "```text\ntwitter:northwind\nthreads:northwind\n```" in form["body"]
    assert f"**Time:** {at:%Y-%m-%d %H:%M} UTC" in form["body"]
    assert "```text\nWe are <moving>\nto the harbour\n```" in form["body"]

    run.respond("approve", form["options"][0])
    run.wait("approve", "success")
    result = run.result("approve")
    assert (result["uuid"], result["status"], result["scheduled_at"]) == (uuid, "scheduled", at.isoformat())
    assert f"{USER} approved post" in run.log("approve")
    (post,) = posts(sandbox)
    assert (post["text"], post["status"]) == ("We are <moving>\nto the harbour", "scheduled")
    assert schedules(sandbox) == 1


def test_an_edit_in_between_is_asked_about_again_and_only_that_is_published(
    ask: Any, sandbox: Sandbox
) -> None:
    run, first, uuid = ask("Before the edit")
    with client(sandbox) as api:
        media = api.call("upload_media", files=Upload(PNG).part("sign.png"))
        content = [{"body": "After the edit", "media": [int(media["id"])]}]
        versions = [{"account_id": 0, "is_original": True, "content": content}]
        api.call(
            "update_post", parameters={"post_uuid": uuid}, body={"versions": versions, "accounts": [1, 2]}
        )
    run.respond("approve", first["options"][0])

    second = run.form("approve_again")
    assert run.task("approve")["state"] == "success"
    assert f"was edited after it was shown to {USER}" in run.log("approve")
    assert schedules(sandbox) == 0
    assert "After the edit" in second["body"]
    assert "Before the edit" not in second["body"]
    assert f"[open]({media['url']})" in second["body"]
    assert second["options"][0] != first["options"][0]

    run.respond("approve_again", second["options"][0])
    assert run.wait_to_end() == "success"
    (post,) = run.result("wait")
    assert (post["uuid"], post["status"]) == (uuid, "published")
    assert [p["text"] for p in posts(sandbox)] == ["After the edit"]
    assert schedules(sandbox) == 1


def test_rejecting_trashes_the_draft_and_skips_what_comes_after(ask: Any, sandbox: Sandbox) -> None:
    run, form, _ = ask("Not like this")
    run.respond("approve", form["options"][1])
    assert run.wait_to_end() == "success"
    tasks = ("approve", "approve_again", "approve_a_last_time", "wait")
    assert [run.task(task_id)["state"] for task_id in tasks] == ["skipped"] * 4
    assert [post["trashed"] for post in posts(sandbox)] == [True]
    assert schedules(sandbox) == 0
