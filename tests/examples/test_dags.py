"""Every example, run by a real Airflow against the sandbox."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.models import Variable
from airflow.sdk import DAG

from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import client, creates, posts
from tests.naps import pass_at_once

EXAMPLES = Path(__file__).parents[2] / "dags_examples"
FIRST_DAY = str((datetime.now(UTC) + timedelta(days=1)).date())

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="session")
def airflow_database() -> None:
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def surroundings(
    airflow_database: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_connection(monkeypatch, sandbox, expires_on="never")
    monkeypatch.setenv("POSTBOOST_SANDBOX_CONTROL", sandbox.control_url)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def load(name: str) -> DAG:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: DAG = module.dag
    return found


def run(name: str, **conf: Any) -> dict[str, str]:
    """Run the example and return the state of the run and of each task."""
    done = load(name).test(run_conf=conf)
    return {"run": str(done.state), **{ti.task_id: str(ti.state) for ti in done.get_task_instances()}}


def test_the_calendar_is_published_once_and_a_second_run_publishes_nothing(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    with (EXAMPLES / "content_calendar.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    states = run("publish_content_calendar", first_day=FIRST_DAY)
    assert set(states.values()) == {"success"}, states
    assert sorted(post["text"] for post in posts(sandbox)) == sorted(row["text"] for row in rows)
    assert {p["status"] for p in posts(sandbox)} == {"published", "draft"}
    table = capfd.readouterr().out
    for post in posts(sandbox):
        assert post["status"] == "draft" or "https://" in table
    sent = len(creates(sandbox))
    assert run("publish_content_calendar", first_day=FIRST_DAY)["run"] == "success"
    assert len(creates(sandbox)) == sent
    assert len(posts(sandbox)) == len(rows)


def test_the_calendar_stops_before_it_begins_with_an_expired_token(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, token="expired")
    states = run("publish_content_calendar", first_day=FIRST_DAY)
    assert (states["run"], states["guard"]) == ("failed", "failed")
    assert posts(sandbox) == []


@pytest.mark.parametrize(("token", "days", "state"), [("member", 30, "success"), ("expiring", 3, "failed")])
def test_the_token_guard_lets_only_a_token_pass_that_lasts(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token: str, days: int, state: str
) -> None:
    use_connection(
        monkeypatch, sandbox, token=token, expires_on=str((datetime.now(UTC) + timedelta(days=days)).date())
    )
    states = run("token_guard")
    assert states["token_guard"] == state
    assert states["list_accounts"] == ("success" if state == "success" else "upstream_failed")


def test_the_token_watch_warns_the_channel_of_every_token_that_ends(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    soon = str((datetime.now(UTC) + timedelta(days=3)).date())
    use_connection(monkeypatch, sandbox, "expiring", "postboost_ending", expires_on=soon)
    use_connection(monkeypatch, sandbox, "expired", "postboost_expired")
    assert run("token_watch") == {"run": "success", "watch": "success"}
    assert "To the channel" not in capfd.readouterr().out
    monkeypatch.setenv(
        "AIRFLOW_VAR_POSTBOOST_CONNECTIONS", "postboost_default, postboost_ending, postboost_expired"
    )
    assert run("token_watch") == {"run": "failed", "watch": "failed"}
    said = capfd.readouterr().out
    told = said[said.index("To the channel: 2 of 3 PostBoost connections") :]
    assert f"The token of connection 'postboost_ending' expires {soon} 00:00 UTC" in told
    assert "The token of connection 'postboost_expired' is not accepted" in told
    assert not any(secret in said for secret in sandbox.tokens.values())


def test_the_token_watch_waits_in_the_triggerer_for_a_clear_response(sandbox: Sandbox) -> None:
    dag = load("token_watch")
    dag.task_dict["watch"].poke_interval = 0.01  # type: ignore[attr-defined]
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 1})
    assert str(dag.test().state) == "success"
    # The sensor's, the trigger's, and the sensor's again.
    assert [r["status"] for r in sandbox.requests()] == [500, 200, 200]


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_release_is_announced_in_each_networks_own_words(sandbox: Sandbox, deferrable: bool) -> None:
    sandbox.reset(publish_seconds=0)
    sandbox.faults({"kind": "fail_account", "account_id": 1, "message": "The session is invalid."})
    dag = load("announce_release")
    dag.task_dict["announce"].deferrable = deferrable  # type: ignore[attr-defined]
    done = dag.test(run_conf={"version": "2.0"})
    assert str(done.state) == "success"
    (post,) = posts(sandbox)
    assert post["status"] == "published"
    assert "Version 2.0 is out" in post["text"]


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_series_is_published_for_every_client(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: Any, deferrable: bool
) -> None:
    sandbox.reset(publish_seconds=0)
    use_connection(
        monkeypatch, sandbox, conn_id="postboost_contoso", workspace_uuid=sandbox.workspaces[1]["uuid"]
    )
    naps = pass_at_once(mocker, sandbox.advance, "airflow.sdk.bases.sensor")
    dag = load("recurring_series")
    dag.task_dict["wait"].partial_kwargs |= {"mode": "poke", "deferrable": deferrable}  # type: ignore[attr-defined]
    done = dag.test(run_conf={})
    assert str(done.state) == "success"
    assert {post["workspace_uuid"] for post in posts(sandbox)} == {w["uuid"] for w in sandbox.workspaces}
    assert [post["status"] for post in posts(sandbox)] == ["published", "published"]
    # An hour until they are due, and little more.
    assert max(naps) <= 3700


def test_campaigns_have_their_tags_and_posts_are_exported(sandbox: Sandbox, tmp_path: Path) -> None:
    with client(sandbox) as api:
        for number in range(60):
            content = [{"body": f"Post {number}"}]
            api.call(
                "create_post", body={"versions": [{"account_id": 0, "is_original": True, "content": content}]}
            )
    states = run("campaign_tags", folder=str(tmp_path / "export"), campaigns=["Spring", "Autumn"])
    assert set(states.values()) == {"success"}, states
    with client(sandbox) as api:
        assert {"Spring", "Autumn"} <= {tag["name"] for tag in api.pages("list_tags")}
    lines = (tmp_path / "export" / "posts.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["uuid"] for line in lines} == {post["uuid"] for post in posts(sandbox)}


def test_the_review_writes_the_published_posts(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.reset(publish_seconds=0)
    with client(sandbox) as api:
        content = [{"body": "Hello"}]
        versions = [{"account_id": 0, "is_original": True, "content": content}]
        body = {"versions": versions, "accounts": [1, 2], "schedule_now": True}
        uuid = api.call("create_post", body=body)["uuid"]
    states = run("weekly_review", folder=str(tmp_path / "review"))
    assert set(states.values()) == {"success"}, states
    today = datetime.now(UTC).date()
    rows = (tmp_path / "review" / "posts" / f"{today}.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["post_uuid"] for row in rows] == [uuid, uuid]
    assert (tmp_path / "review" / f"report-{today}.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_article_becomes_a_draft_when_the_accounts_are_healthy(
    sandbox: Sandbox, mocker: Any, deferrable: bool
) -> None:
    sandbox.reset(repurpose_seconds=30)
    sandbox.change_account(6, authorized=False)

    def nap(seconds: float) -> None:
        sandbox.change_account(6, authorized=True)
        sandbox.advance(seconds)

    naps = pass_at_once(mocker, nap, "airflow.sdk.bases.sensor")
    dag = load("article_to_draft")
    dag.task_dict["healthy"].mode = "poke"  # type: ignore[attr-defined]
    for task in dag.tasks:
        task.deferrable = deferrable  # type: ignore[attr-defined]
        task.retries = 0  # type: ignore[union-attr]  # a failure is to show at once
    assert str(dag.test(run_conf={}).state) == "success"
    (post,) = posts(sandbox)
    assert (post["status"], [each["id"] for each in post["accounts"]]) == ("draft", [1, 6, 7])
    assert naps


def test_every_part_of_a_workspace_has_its_job(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    use_connection(monkeypatch, sandbox, "admin")
    with client(sandbox, "admin") as api:
        api.call("create_account_group", body={"name": "Not one of these"})
    done = load("workspace_jobs").test(run_conf={})
    states = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
    assert set(states.values()) == {"success"}, states
    with client(sandbox, "admin") as api:
        made = {
            operation: list(api.pages(operation))
            for operation in (
                "list_tags", "list_mentions", "list_templates", "list_hashtag_groups", "list_account_groups",
                "list_media_folders", "list_recycling_rules", "list_rss_feeds", "list_webhook_subscriptions",
            )
        }  # fmt: skip
        voice = api.call("get_brand_voice")["data"]
    (tag,) = (tag for tag in made["list_tags"] if tag["name"] == "Evergreen tips")
    assert tag["hex_color"] == "#166534"
    assert [mention["name"] for mention in made["list_mentions"]] == ["Northwind Coffee"]
    assert [template["name"] for template in made["list_templates"]] == ["Tip of the week"]
    assert [group["name"] for group in made["list_hashtag_groups"]] == ["Coffee"]
    (group,) = (group for group in made["list_account_groups"] if group["name"] == "All of X")
    assert 1 in group["account_ids"]
    folders = {folder["name"]: folder for folder in made["list_media_folders"]}
    assert folders["Autumn"]["parent"] == folders["Campaigns"]["uuid"]
    assert [rule["tag_uuid"] for rule in made["list_recycling_rules"]] == [tag["uuid"]]
    assert [feed["account_ids"] for feed in made["list_rss_feeds"]] == [group["account_ids"]]
    assert voice["avoid_words"] == ["cheap", "synergy"]
    (webhook,) = made["list_webhook_subscriptions"]
    secret = Variable.get(f"postboost_webhook_secret_{webhook['uuid']}")  # noqa: AIR311 - not in a task
    assert len(secret) > 20
    assert secret not in json.dumps(xcoms(done.run_id))
    assert secret not in "".join(capfd.readouterr())


CREATIONS = ("create_user", "create_workspace", "add_user_to_workspace", "create_subscription", "create_tag")


def client_of(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """Return what there is of a client's workspace."""
    with client(sandbox, "admin") as api:
        (workspace,) = api.pages("list_workspaces", parameters={"keyword": name})
        there = {"workspace_uuid": workspace["uuid"]}
        return {
            "workspace": workspace,
            "subscription": api.call("get_subscription", parameters=there),
            "tags": sorted(tag["name"] for tag in api.pages("list_tags", parameters=there)),
            "webhooks": list(api.pages("list_webhook_subscriptions", parameters=there)),
        }


def xcoms(run_id: str) -> list[Any]:
    from airflow.models.xcom import XComModel
    from airflow.settings import Session

    with Session() as session:
        return [each.value for each in session.query(XComModel).filter(XComModel.run_id == run_id)]


def test_a_client_is_set_up_and_a_second_run_changes_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    password = "correct horse battery"
    use_connection(monkeypatch, sandbox, token="admin")
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLIENT_OWNER", json.dumps({"conn_type": "generic", "password": password})
    )
    # The first response of each creation is lost: the object is searched for, and exists once.
    sandbox.faults(*({"kind": "drop_after", "operation": operation} for operation in CREATIONS))
    dag = load("onboard_client")
    first = dag.test(run_conf={})
    assert str(first.state) == "success"
    assert sandbox.state()["faults"] == []
    before = client_of(sandbox, "Bergson Bikes")
    assert before["workspace"]["owner"]["email"] == "olga@bergson.example"
    assert before["subscription"]["platform_plan_id"] == "agency-5"
    assert before["tags"] == ["Evergreen", "Launch", "Service"]
    (webhook,) = before["webhooks"]
    # What is shown once is kept where it was sent to, and is nowhere else; nor is the password.
    secret = Variable.get(f"postboost_webhook_secret_{webhook['uuid']}")  # noqa: AIR311 - not in a task
    shown = "".join(capfd.readouterr()) + str(xcoms(first.run_id))
    assert webhook["uuid"] in shown
    assert secret not in shown
    assert password not in shown

    sent = len(sandbox.requests())
    second = dag.test(run_conf={})
    assert str(second.state) == "success"
    assert client_of(sandbox, "Bergson Bikes") == before
    writes = [r for r in sandbox.requests()[sent:] if r["method"] != "GET"]
    # PostBoost does not list members; its refusals show that they exist.
    assert [(r["operation"], r["status"]) for r in writes] == [("add_user_to_workspace", 422)] * 2


def test_the_approved_announcement_can_be_parsed() -> None:
    """Its approvals wait for a person; tests/live responds in their place."""
    tasks = [t.task_id for t in load("approved_announcement").topological_sort()]
    assert tasks == ["draft", "approve", "approve_again", "approve_a_last_time", "wait"]


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "announce_release",
        "approved_announcement",
        "article_to_draft",
        "campaign_tags",
        "onboard_client",
        "publish_content_calendar",
        "recurring_series",
        "rotate_key",
        "token_guard",
        "token_watch",
        "workspace_jobs",
        "weekly_review",
    }


def test_examples_need_nothing_of_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTBOOST_SANDBOX_CONTROL")
    assert "move_clock" not in load("publish_content_calendar").task_dict
    assert "POSTBOOST_SANDBOX_CONTROL" not in os.environ
