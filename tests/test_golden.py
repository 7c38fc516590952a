"""The idempotency keys and bodies that version 0.1.0 sends, as they are on the wire, its labels, and those of today.

PostBoost keeps a key for 24 hours, and refuses it with another body; it keeps a label for 90 days. A change of one of
these values would publish again, after an upgrade, whatever was published or scheduled in that time. Do not adapt them
to the code.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import respx

from postboost_provider.api.client import PostBoostClient
from postboost_provider.calendar.csv import number_rows, read_rows
from postboost_provider.calendar.run import CalendarRun
from postboost_provider.idempotency.label import LONGEST, Label
from postboost_provider.operators.ai import PostBoostRepurposeOperator
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.media import PostBoostUploadMediaOperator
from postboost_provider.operators.post_actions import (
    PostBoostRetryPostOperator,
    PostBoostSchedulePostOperator,
    PostBoostUpdatePostOperator,
)
from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.services.media import upload as media
from postboost_provider.services.media.upload import MediaFile
from tests.api.support import BASE, TOKEN, WORKSPACE, settings

ACCOUNT = {
    "id": 1,
    "uuid": "a-1",
    "provider": "twitter",
    "username": "acme",
    "name": "Acme",
    "authorized": True,
}
VERSION = {"account_id": 0, "is_original": True, "content": [{"body": "Hello", "media": []}]}
POST: dict[str, Any] = {"uuid": "p-1", "scheduled_at": None, "versions": [VERSION], "tags": []}
AT = "2031-05-04 09:30"
FIRST_RUN = "manual__2026-10-16T00:00:00+00:00"
URL = "https://files.example/straße.png?signature=1"
# Which task of which run: plain names, and names that are not ASCII, of a mapped task.
PLAIN = {"dag_id": "dag", "run_id": FIRST_RUN, "task_id": "publish", "map_index": -1}
ODD = {"dag_id": "Frühling/2026", "run_id": "lauf ☕", "task_id": "veröffentlichen", "map_index": 3}


class PostBoost:
    """PostBoost as far as these tests need it.

    ``sent`` has path, idempotency key, label and a hash of the body of each write. The next ``refused`` writes get a
    stored refusal, and the activity log has the labels ``logged``.
    """

    def __init__(self, router: respx.Router) -> None:
        self.sent: list[list[str | None]] = []
        self.refused = 0
        self.logged: list[str] = []
        version = {**VERSION, "content": [{"body": "Hello", "media": []}]}
        accounts = [{**ACCOUNT, "publish_status": None}]
        POST.update(status="draft", accounts=accounts, scheduled_at=None, versions=[version], tags=[])
        router.route().mock(side_effect=self.respond)

    def respond(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.partition(f"{WORKSPACE}/")[2]
        if request.method == "GET":
            return httpx.Response(200, json=self.found(path, dict(request.url.params)))
        headers = request.headers
        label = headers["x-postboost-client"]
        if path == "posts/validate":
            # Whether the activity log shows what is written now.
            self.logged.append(label)
            return httpx.Response(200, json={"valid": True})
        key = headers.get("idempotency-key")
        body = hashlib.sha256(request.content).hexdigest()[:12] if key else None
        self.sent.append([path, key, label if label.startswith("airflow/") else None, body])
        if self.refused:
            self.refused -= 1
            return httpx.Response(403, headers={"Idempotent-Replayed": "true"}, json={"message": "No."})
        if path.endswith("/p-1"):
            self.change(path.split("/")[1], json.loads(request.content or "{}"))
        made: dict[str, Any] = {
            "id": 7,
            "uuid": "m-7",
            "name": "x",
            "upload_uuid": "u-1",
            "chunk_size": 1 << 30,
        }
        if path.startswith("posts"):
            if path == "posts":
                self.create(json.loads(request.content))
            made = POST
        elif path == "media/remote/initiate":
            made = {"status": "completed", "media": {"uuid": "m-7"}}
        elif path == "ai/repurpose":
            made = {"data": {"run_id": 5}}
        return httpx.Response(201, json=made)

    def create(self, body: dict[str, Any]) -> None:
        """Make the post one of the mode that was asked for."""
        is_planned = body.get("schedule") or body.get("schedule_now") or body.get("queue")
        POST.update(status="scheduled" if is_planned else "draft")

    def change(self, action: str, body: dict[str, Any]) -> None:
        """Do what an action asks for, as far as it is read back."""
        if action in ("schedule", "add-to-queue", "approve"):
            at = None if body.get("postNow") or action != "schedule" else f"{AT.replace(' ', 'T')}:00Z"
            POST.update(status="scheduled", scheduled_at=at)
        elif "versions" in body:
            POST.update(versions=body["versions"], tags=[{"id": number} for number in body["tags"]])

    def found(self, path: str, query: dict[str, str]) -> Any:
        if path == "activity":
            found = [label for label in self.logged if label.startswith(query["client"])]
            done = {"outcome": "ok", "http_status": 500, "post_uuid": None, "created_at": None}
            return {"data": [{**done, "client": label} for label in found]}
        if path == "accounts":
            return {"data": [ACCOUNT, {**ACCOUNT, "id": 2, "uuid": "a-2", "username": "bäckerei"}]}
        if path == "media/folders":
            made = [each[0] for each in self.sent].count("media/folders")
            return {"data": [{"uuid": "f-1", "name": "Süßes", "parent": None}] * (made > 0)}
        if path.startswith("posts/"):
            return POST
        if path.startswith("media/"):
            return {"id": 7, "uuid": "m-7", "name": "x"}
        return {"data": []}


@pytest.fixture
def postboost(monkeypatch: pytest.MonkeyPatch) -> Any:
    connection = {
        "conn_type": "postboost",
        "host": BASE,
        "password": TOKEN,
        "extra": {"workspace_uuid": WORKSPACE},
    }
    monkeypatch.setenv("AIRFLOW_CONN_POSTBOOST_DEFAULT", json.dumps(connection))
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield PostBoost(router)


def run(operator: Any, task: dict[str, Any]) -> None:
    ti = SimpleNamespace(**task, xcom_push=lambda key, value: None, try_number=1, max_tries=0)
    now = datetime.now(UTC)
    dag_run = SimpleNamespace(run_after=now, start_date=now, clear_number=0)
    operator.execute({"ti": ti, "dag_run": dag_run})


def publish(task: dict[str, Any], **given: Any) -> None:
    values = {"text": "Hello", "accounts": "@acme", "validate": False, **given}
    run(PostBoostCreatePostOperator(task_id="x", **values), task)


def publish_row(calendar_id: str, **values: str) -> None:
    row = {"key": "monday", "publish_at": AT, "accounts": "@acme", "text": "Hello", **values}
    with PostBoostClient(settings()) as api:
        report = CalendarRun(
            api, calendar_id, find_media=find, clock=lambda: datetime(2031, 5, 1, tzinfo=UTC)
        ).run(read_rows(number_rows([row]), "UTC"))
    assert [r.result for r in report.rows] == ["created"], report.rows


def find(name: str) -> MediaFile:
    return MediaFile(name, lambda: io.BytesIO(b"\x89PNG"))


CASES = {
    "a draft of a task": lambda: publish(PLAIN),
    "a draft of an odd task": lambda: publish(ODD),
    "a post of a task with a key": lambda: publish(
        ODD, publish="now", idempotency_salt="søl", post_key="straße 1"
    ),
    "a post of a task that was refused twice": lambda: publish(
        PLAIN, publish="schedule", publish_at=AT, timezone="UTC", text="Grüße 🚀"
    ),
    "a row": lambda: publish_row("dag.task"),
    "a row with tags": lambda: publish_row("Frühling 2026", key="montag ☕", tags="Grüße;x", mode="queue"),
    "a row with media": lambda: publish_row("Frühling", media="a.png;" + URL),
    "actions": lambda: act_on_post(PLAIN),
    "actions of an odd task": lambda: act_on_post(ODD),
    "actions that were done before": lambda: act_on_post(PLAIN),
    "any operation": lambda: send_operations(PLAIN),
    "any operation of an odd task": lambda: send_operations(ODD),
    "a repurpose run": lambda: repurpose(PLAIN, accounts=[2, 1]),
    "a repurpose run for every account": lambda: repurpose(ODD),
    "a repurpose run for one account": lambda: repurpose(ODD, accounts="@bäckerei"),
    "media": lambda: upload(PLAIN),
    "media of an odd task": lambda: upload(ODD),
    "media in chunks": lambda: upload(ODD, alt_text="ä" * 300),
}
# How many requests get a stored refusal first, and how many entries the activity log has of each case.
REFUSED = {"a post of a task that was refused twice": 2, "any operation": 1, "media": 1, "media in chunks": 1}
LOGGED = {"actions that were done before": 2}


def act_on_post(task: dict[str, Any]) -> None:
    for how in ("at", "now", "queue", "approve"):
        POST["status"] = "needs_approval" if how == "approve" else "draft"
        schedule = PostBoostSchedulePostOperator(
            task_id="x", post_uuid="p-1", how=how, publish_at=AT, timezone="UTC"
        )
        run(schedule, task)
    run(
        PostBoostUpdatePostOperator(task_id="x", post_uuid="p-1", changes={"text": "Grüße", "tags": [1]}),
        task,
    )
    POST.update(status="failed", accounts=[{**ACCOUNT, "publish_status": "failed"}])
    run(PostBoostRetryPostOperator(task_id="x", post_uuid="p-1"), task)


def send_operations(task: dict[str, Any]) -> None:
    tag = {"name": "Grüße", "hex_color": "#f59e0b"}
    calls: dict[str, dict[str, Any]] = {
        "create_tag": {"body": tag},
        "schedule_post": {
            "body": {"postNow": True},
            "parameters": {"post_uuid": "p-1"},
            "idempotency_salt": "2",
        },
        "create_account_group": {"body": {"name": "Berlin", "accounts": [1]}},
        "update_tag": {"body": tag, "parameters": {"tag_uuid": "t"}},
    }
    for operation, given in calls.items():
        run(PostBoostOperator(task_id="x", operation=operation, **given), task)


def repurpose(task: dict[str, Any], **given: Any) -> None:
    url = "https://a.example/über"
    run(PostBoostRepurposeOperator(task_id="x", url=url, wait_for_completion=False, **given), task)


def upload(task: dict[str, Any], **given: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "straße.png")
        file.write_bytes(b"\x89PNG")
        for name in (str(file), URL):
            run(PostBoostUploadMediaOperator(task_id="x", media=name, folder="Süßes", **given), task)


GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())


@pytest.mark.parametrize("case", CASES)
def test_keys_and_bodies_are_those_of_version_0_1_0(
    postboost: PostBoost, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    postboost.refused = REFUSED.get(case, 0)
    postboost.logged = [former for *_, former in GOLDEN[case]] * LOGGED.get(case, 0)
    if case == "media in chunks":
        monkeypatch.setattr(media, "MULTIPART_LIMIT_BYTES", 1)
    CASES[case]()
    assert postboost.sent == [sent for *sent, _ in GOLDEN[case]]


@pytest.mark.parametrize(
    ("now", "former"),
    [(now, former) for sent in GOLDEN.values() for _, _, now, _, former in sent if former],
)
def test_labels_are_short_and_those_of_version_0_1_0_are_read_as_the_same(now: str, former: str) -> None:
    assert len(now) <= LONGEST < 64
    label, before = Label.parse(now), Label.parse(former)
    assert label is not None
    assert before is not None
    assert str(label) == now
    sent = label.post or label.operation
    # Version 0.1.0 wrote no revisions.
    assert (before if sent is None else before.at(sent.revision or 0)) == label
