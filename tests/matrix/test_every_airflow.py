"""What has to hold on every Airflow from 2.11 on: it imports, it is found, and a DAG does the main job.

Run on the installed Airflow by ``make test``, and on each supported minor by ``make matrix``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow import settings
from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowOptionalProviderFeatureException
from airflow.providers_manager import ProvidersManager

from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import creates, posts

pytestmark = pytest.mark.airflow
MODES = ("poke", "reschedule", "deferrable")


@pytest.fixture(scope="session")
def airflow_database() -> None:
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)


@pytest.fixture
def connection(airflow_database: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(Path(__file__).parent)
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", folder)
    monkeypatch.setattr(settings, "DAGS_FOLDER", folder)
    sandbox.change(publish_seconds=0)
    use_connection(monkeypatch, sandbox, expires_on="never")


def run(name: str) -> dict[str, str]:
    """Run the DAG as a person does while writing it, and return the state of each task."""
    file = Path(__file__).with_name("main_job.py")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    done = module.DAGS[name].test()
    return {ti.task_id: str(ti.state) for ti in done.get_task_instances()}


def test_airflow_finds_the_provider() -> None:
    manager = ProvidersManager()
    assert "airflow-provider-postboost" in manager.providers
    assert "postboost" in manager.hooks
    assert manager.hooks["postboost"].hook_name == "PostBoost"


def test_everything_public_can_be_imported() -> None:
    info = importlib.import_module("postboost_provider.get_provider_info").get_provider_info()
    modules = [
        name
        for kind in ("operators", "sensors", "hooks", "triggers")
        for each in info[kind]
        for name in each["python-modules"]
    ]
    assert len(modules) > 8
    missing = []
    for name in modules:
        try:
            importlib.import_module(name)
        except AirflowOptionalProviderFeatureException as error:
            missing.append((name, str(error)))
    # What asks a person needs human-in-the-loop operators, which came with Airflow 3.1.
    asking = [f"postboost_provider.operators.{name}" for name in ("approval", "tokens")]
    assert [name for name, _ in missing] in ([], asking)
    assert all("Airflow 3.1" in said for _, said in missing)


def test_a_connection_is_tested(sandbox: Sandbox, connection: None) -> None:
    works, message = PostBoostHook().test_connection()
    assert works, message
    stored = Connection(
        conn_id="x", uri=Connection.from_json(os.environ["AIRFLOW_CONN_POSTBOOST_DEFAULT"], "x").get_uri()
    )
    assert stored.password == sandbox.tokens["member"]


@pytest.mark.parametrize("mode", MODES)
def test_a_calendar_is_published_and_waited_for(sandbox: Sandbox, connection: None, mode: str) -> None:
    for _ in range(2):
        assert run(f"calendar_{mode}") == {"token": "success", "publish": "success", "wait": "success"}
    assert len(creates(sandbox)) == 2
    assert {post["status"] for post in posts(sandbox)} == {"published"}


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
def test_one_post_with_media_is_waited_for(sandbox: Sandbox, connection: None, mode: str) -> None:
    sandbox.change(publish_seconds=0.5)
    assert run(f"post_{mode}") == {"upload": "success", "post": "success"}
    (made,) = posts(sandbox)
    assert (made["text"], made["status"]) == (f"Hello post_{mode}", "published")


def test_an_expired_token_fails_at_once_without_a_retry(
    sandbox: Sandbox, connection: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, token="expired")
    try:
        states = run("post_poke")
    except AirflowFailException:  # dag.test() of Airflow 2.11 raises it
        states = {}
    assert states.get("upload", "failed") == "failed"
    assert creates(sandbox) == []
    assert len(sandbox.requests()) == 1
