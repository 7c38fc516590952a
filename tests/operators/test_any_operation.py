"""PostBoostOperator: every operation can be called, and what it takes and gives is what was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import respx
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.operations import Operation, load_operations
from postboost_provider.api.settings import DEFAULT_BASE_URL
from postboost_provider.idempotency.effect import find_read
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.clients import client
from tests.failures import fails
from tests.operators.operations import TAG, run

PNG = (Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png").read_bytes()


@pytest.mark.parametrize("op", load_operations().values(), ids=lambda op: op.operation)
def test_every_operation_is_sent_as_the_table_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, op: Operation
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_POSTBOOST_DEFAULT",
        json.dumps({"conn_type": "postboost", "password": "tok-en", "extra": {"workspace_uuid": "w-1"}}),
    )
    upload = tmp_path / "a.png"
    upload.write_bytes(PNG)
    in_path = {p.name: "7" for p in op.parameters if p.place == "path" and p.name != "workspace_uuid"}
    others = {p.name: "7" for p in op.parameters if p.place == "query" and p.required}
    if op.tier != "workspace" and "workspace_uuid" in [p.name for p in op.parameters if p.required]:
        others["workspace_uuid"] = "w-1"
    body = {name: str(upload) if name in op.files else "x" for name in op.required_fields} or None
    path = op.path.format(**{p.name: "7" for p in op.parameters} | {"workspace_uuid": "w-1"})
    response: dict[str, Any] = {"data": {"token": "s3cret-s3cret", "secret": "s3cret-s3cret"}, "slots": []}
    with respx.mock(base_url=DEFAULT_BASE_URL, assert_all_called=False) as postboost:
        postboost.get("/w-1/activity").respond(json={"data": []})
        sent = postboost.request(op.method, path).respond(op.status, json=response)
        if op.operation == "list_api_activity":
            sent.respond(json={"data": []})
        if not op.is_read:
            # What is read back afterwards.
            read = find_read(op)
            gone = op.method == "DELETE" and read is not None and not read.is_list
            found = {"message": "Not found."} if gone else {"data": []}
            postboost.get(url__regex=".*").respond(404 if gone else 200, json=found)
        run(
            op.operation,
            parameters=in_path | others or None,
            body=body,
            save_to=str(tmp_path / "saved") if op.response == "binary" else None,
            secret_sink=print if op.secret else None,
        )
        assert sent.call_count == 1
        headers = sent.calls.last.request.headers
        assert ("Idempotency-Key" in headers) == op.idempotency_key
        assert headers["Authorization"] == "Bearer tok-en"


def test_a_mistyped_operation_is_an_error_when_the_dag_is_parsed() -> None:
    with pytest.raises(PostBoostConfigError, match="create_tag"):
        PostBoostOperator(task_id="task", operation="creat_tag")
    with pytest.raises(PostBoostConfigError, match="create_tag"):
        PostBoostOperator.partial(task_id="task", operation="creat_tag")


def test_an_operation_is_not_templated() -> None:
    assert "operation" not in PostBoostOperator.template_fields
    with pytest.raises(PostBoostConfigError, match="params.operation"):
        PostBoostOperator(task_id="task", operation="{{ params.operation }}")
    other = PostBoostOperator(task_id="other", operation="list_tags")
    with pytest.raises(PostBoostConfigError):
        PostBoostOperator(task_id="task", operation=other.output)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "field", "word"),
    [
        ({"body": {"name": "autumn"}}, None, "hex_color"),
        ({"body": {**TAG, "color": "#fff"}}, None, "'color'"),
        ({"body": TAG, "parameters": {"tag": "x"}}, None, "'tag'"),
        ({"body": TAG, "parameters": ["x"]}, "parameters", ""),
        ({"body": ["autumn"]}, "body", "list"),
        ({"body": "{not json"}, "body", "JSON"),
        ({"body": "[1]"}, "body", "list"),
        ({"body": TAG, "all_pages": True}, "all_pages", ""),
        ({"body": TAG, "save_to": "/nowhere/x", "result": "id"}, "result", "save_to"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_sent(
    connection: Sandbox, options: dict[str, Any], field: str | None, word: str
) -> None:
    with fails(word=word, field=field):
        run("create_tag", **options)
    assert connection.requests() == []


@pytest.mark.parametrize(
    ("operation", "options", "word"),
    [
        ("get_tag", {}, "tag_uuid"),
        ("list_tags", {"body": {"name": "x"}}, "body"),
        ("list_tags", {"body": {"name": "x"}, "save_to": "/nowhere/x"}, "body"),
        ("list_tags", {"body": {"name": "x"}, "all_pages": True}, "body"),
        ("download_report_export", {"parameters": {"export_uuid": "e"}}, "save_to"),
        ("upload_media", {"body": {"file": "/nowhere/a.png"}}, "/nowhere/a.png"),
        ("upload_media", {}, "file"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(
    connection: Sandbox, operation: str, options: dict[str, Any], word: str
) -> None:
    with fails(word=word):
        run(operation, **options)
    assert connection.requests() == []


def test_a_body_may_be_the_text_that_a_template_was_rendered_to(connection: Sandbox) -> None:
    assert run("create_tag", body=json.dumps(TAG))["name"] == "autumn"


def test_a_file_of_a_body_is_a_path_or_a_uri(connection: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    attach("memory", fs=MemoryFileSystem())
    ObjectStoragePath("memory://bucket/b.png").write_bytes(PNG)
    run("upload_media", body={"file": str(tmp_path / "a.png"), "alt_text": "A cup"})
    run("upload_media", context(ti=_other("two")), body={"file": "memory://bucket/b.png"})
    assert [item["name"] for item in connection.state()["media"]] == ["a.png", "b.png"]
    assert run("list_media", result="data.0.mime_type") == "image/png"


def _other(task_id: str, **changes: Any) -> Any:
    ti = context()["ti"]
    ti.task_id = task_id
    for name, value in changes.items():
        setattr(ti, name, value)
    return ti


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (None, {"data": [{"name": "b"}, {"name": "a"}]}),
        ("data", [{"name": "b"}, {"name": "a"}]),
        ("data.name", ["b", "a"]),
        ("data.0.name", "b"),
        (lambda response: len(response["data"]), 2),
    ],
)
def test_the_result_is_what_goes_to_xcom(connection: Sandbox, result: Any, found: Any, mocker: Any) -> None:
    mocker.patch(
        "postboost_provider.api.transport.Transport.send",
        return_value=mocker.Mock(
            status=200, headers={}, content=json.dumps({"data": [{"name": "b"}, {"name": "a"}]}).encode()
        ),
    )
    assert run("list_tags", result=result) == found


@pytest.mark.parametrize(
    ("result", "word"),
    [
        ("uid", "'uid'"),
        ("name.first", "'autumn'"),
    ],
)
def test_a_result_that_is_not_there_says_what_is(connection: Sandbox, result: str, word: str) -> None:
    with fails(word=word, code="not_in_response", field="result"):
        run("create_tag", body=TAG, result=result)


def test_all_pages_of_a_list_are_one_list(connection: Sandbox) -> None:
    with client(connection) as api:
        for number in range(120):
            api.call("create_account_group", body={"name": f"group {number:03}"})
    found = run("list_account_groups", parameters={"per_page": 50}, all_pages=True, result="name")
    assert [name for name in found if name.startswith("group ")] == [f"group {n:03}" for n in range(120)]
    assert len(run("list_account_groups", parameters={"per_page": 50})["data"]) == 50


def test_a_free_tool_needs_neither_token_nor_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with respx.mock(base_url=DEFAULT_BASE_URL) as postboost:
        tool = postboost.post("/tools/social-media-character-counter").respond(json={"characters": 5})
        assert run("count_characters", body={"text": "Hello"}) == {"characters": 5}
        assert "Authorization" not in tool.calls.last.request.headers


def test_a_free_tool_takes_the_token_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTBOOST_DEFAULT", "postboost://:tok-en@")
    with respx.mock(base_url=DEFAULT_BASE_URL) as postboost:
        tool = postboost.post("/tools/social-media-character-counter").respond(json={})
        run("count_characters", body={"text": "Hello"})
        assert tool.calls.last.request.headers["Authorization"] == "Bearer tok-en"


def test_a_tool_that_spends_credits_needs_a_token() -> None:
    with fails(word="'postboost_default'"):
        run("generate_hooks", body={"topic": "coffee"})


def test_a_mistyped_connection_is_an_error_even_where_none_is_needed() -> None:
    with fails(word="'postboots'"):
        run("count_characters", body={"text": "Hello"}, postboost_conn_id="postboots")


def test_a_connection_without_a_token_says_where_the_free_tools_are(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    connection = {"conn_type": "postboost", "host": sandbox.base_url}
    monkeypatch.setenv("AIRFLOW_CONN_POSTBOOST_DEFAULT", json.dumps(connection))
    assert "networks" in run("count_characters", body={"text": "Hello"})
    with fails(word="'postboost_default'"):
        run("generate_hooks", body={"topic": "coffee"})
