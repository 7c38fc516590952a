"""PostBoostOperator: every operation can be called, and what it takes and gives is what was asked for."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import PostBoostConfigError, ServerError
from postboost_provider.api.operations import Operation, load_operations
from postboost_provider.api.requests import DEFAULT_BASE_URL
from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client

PNG = (Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png").read_bytes()
TAG = {"name": "autumn", "hex_color": "#f59e0b"}


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Sandbox:
    use_connection(monkeypatch, sandbox)
    return sandbox


def run(operation: str, ctx: dict[str, Any] | None = None, **options: Any) -> Any:
    return PostBoostOperator(task_id="task", operation=operation, **options).execute(ctx or context())  # type: ignore[arg-type]


def written(sandbox: Sandbox) -> list[str]:
    return [r["operation"] for r in sandbox.requests() if r["method"] != "GET"]


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
    answer: dict[str, Any] = {"data": {"token": "s3cret-s3cret", "secret": "s3cret-s3cret"}, "slots": []}
    with respx.mock(base_url=DEFAULT_BASE_URL, assert_all_called=False) as postboost:
        postboost.get("/w-1/activity").respond(json={"data": []})
        sent = postboost.request(op.method, path).respond(op.status, json=answer)
        if op.operation == "list_api_activity":
            sent.respond(json={"data": []})
        run(
            op.operation,
            parameters=in_path | others or None,
            body=body,
            save_to=str(tmp_path / "saved") if op.reply == "binary" else None,
            secret_sink=print if op.secret else None,
        )
        assert sent.call_count == 1
        headers = sent.calls.last.request.headers
        assert ("Idempotency-Key" in headers) == op.idempotency_key
        assert headers["Authorization"] == "Bearer tok-en"


def test_a_mistyped_operation_is_an_error_when_the_dag_is_parsed() -> None:
    with pytest.raises(PostBoostConfigError, match="no operation 'creat_tag'. Did you mean create_tag or"):
        PostBoostOperator(task_id="task", operation="creat_tag")
    with pytest.raises(PostBoostConfigError, match="no operation 'creat_tag'. Did you mean create_tag or"):
        PostBoostOperator.partial(task_id="task", operation="creat_tag")


def test_an_operation_is_not_templated() -> None:
    assert "operation" not in PostBoostOperator.template_fields
    with pytest.raises(PostBoostConfigError, match="no operation"):
        PostBoostOperator(task_id="task", operation="{{ params.operation }}")
    other = PostBoostOperator(task_id="other", operation="list_tags")
    with pytest.raises(PostBoostConfigError, match="it must be the name of one, written out"):
        PostBoostOperator(task_id="task", operation=other.output)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"body": {"name": "autumn"}}, "The body of create_tag lacks hex_color"),
        ({"body": {**TAG, "color": "#fff"}}, "has no field 'color'.*Did you mean hex_color"),
        ({"body": TAG, "parameters": {"tag": "x"}}, "create_tag has no parameter 'tag'"),
        ({"body": TAG, "parameters": ["x"]}, "it must be a mapping"),
        ({"body": ["autumn"]}, "body is of type list; it must be a mapping"),
        ({"body": "{not json"}, "body is no JSON"),
        ({"body": "[1]"}, "body is of type list"),
        ({"body": TAG, "all_pages": True}, "create_tag does not answer with a list"),
        ({"body": TAG, "save_to": "/nowhere/x", "result": "id"}, "save_to and result exclude each other"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_sent(
    connection: Sandbox, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(AirflowFailException, match=said):
        run("create_tag", **options)
    assert connection.requests() == []


@pytest.mark.parametrize(
    ("operation", "options", "said"),
    [
        ("get_tag", {}, "get_tag needs the parameter tag_uuid"),
        ("list_tags", {"body": {"name": "x"}}, "list_tags takes no body"),
        ("list_tags", {"body": {"name": "x"}, "save_to": "/nowhere/x"}, "list_tags takes no body"),
        ("list_tags", {"body": {"name": "x"}, "all_pages": True}, "list_tags takes no body"),
        ("download_report_export", {"parameters": {"export_uuid": "e"}}, "answers with a file.*set save_to"),
        ("upload_media", {"body": {"file": "/nowhere/a.png"}}, "/nowhere/a.png can't be read"),
        ("upload_media", {}, "The body of upload_media lacks file"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(
    connection: Sandbox, operation: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(AirflowFailException, match=said):
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
        (lambda answer: len(answer["data"]), 2),
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
    ("result", "said"),
    [
        ("uid", "no 'uid' in its answer for result='uid'; at that place it has: .*uuid"),
        ("name.first", "no 'first' in its answer .* it has: 'autumn'"),
    ],
)
def test_a_result_that_is_not_there_says_what_is(connection: Sandbox, result: str, said: str) -> None:
    with pytest.raises(AirflowFailException, match=said):
        run("create_tag", body=TAG, result=result)


def test_all_pages_of_a_list_are_one_list(connection: Sandbox) -> None:
    with client(connection) as api:
        for number in range(120):
            api.call("create_account_group", body={"name": f"group {number:03}"})
    found = run("list_account_groups", parameters={"per_page": 50}, all_pages=True, result="name")
    assert [name for name in found if name.startswith("group ")] == [f"group {n:03}" for n in range(120)]
    assert len(run("list_account_groups", parameters={"per_page": 50})["data"]) == 50


def test_a_list_is_saved_as_a_line_for_each_item(connection: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "new" / "accounts.jsonl"
    saved = run("list_accounts", all_pages=True, save_to=str(target))
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert saved == {"path": str(target), "items": len(lines), "size": target.stat().st_size}
    assert [line["id"] for line in lines] == run("list_accounts", result="data.id")


def test_an_answer_is_saved_to_object_storage_and_replaces_what_was_there(connection: Sandbox) -> None:
    attach("memory", fs=MemoryFileSystem())
    path = ObjectStoragePath("memory://bucket/tags.json")
    path.write_bytes(b"something longer than what comes now, or so it should be")
    saved = run("list_tags", save_to=str(path))
    assert json.loads(path.read_bytes()) == run("list_tags")
    assert saved == {"path": str(path), "size": path.stat().st_size}


def test_the_answer_to_a_write_is_saved_too(connection: Sandbox, tmp_path: Path) -> None:
    run("create_tag", body=TAG, save_to=str(tmp_path / "tag.json"))
    assert json.loads((tmp_path / "tag.json").read_text())["name"] == "autumn"


def test_what_cannot_be_kept_is_not_asked_for(connection: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AirflowFailException, match="tag.json can't be written .*Correct the path"):
        run("create_tag", body=TAG, save_to=str(tmp_path / "file" / "tag.json"))
    assert written(connection) == []


def test_a_file_is_left_as_it_was_when_the_list_breaks_off(connection: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "groups.jsonl"
    target.write_text("as it was")
    with client(connection) as api:
        for number in range(3):
            api.call("create_account_group", body={"name": f"group {number}"})
    connection.faults({"kind": "server_error", "operation": "list_account_groups", "status": 501, "after": 1})
    with pytest.raises(Exception, match="501"):
        run("list_account_groups", parameters={"per_page": 2}, all_pages=True, save_to=str(target))
    assert target.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["groups.jsonl"]


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
    with pytest.raises(
        AirflowFailException, match="There is no connection 'postboost_default' and no POSTBOOST"
    ):
        run("generate_hooks", body={"topic": "coffee"})


def test_a_mistyped_connection_is_an_error_even_where_none_is_needed() -> None:
    with pytest.raises(AirflowFailException, match="There is no connection 'postboots'"):
        run("count_characters", body={"text": "Hello"}, postboost_conn_id="postboots")


@pytest.mark.parametrize("sink", [None, "vault"])
def test_a_secret_without_a_place_to_go_is_refused_before_anything_is_sent(
    connection: Sandbox, sink: Any
) -> None:
    with pytest.raises(
        AirflowFailException, match="create_api_key answers with a secret .* Pass secret_sink"
    ):
        run("create_api_key", body={"name": "ci", "abilities": ["read"]}, secret_sink=sink)
    assert connection.requests() == []


def test_a_secret_goes_to_its_sink_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, connection: Sandbox, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    use_connection(monkeypatch, connection, "admin")
    caplog.set_level(logging.DEBUG)
    kept: list[tuple[str, Any]] = []
    returned = run(
        "create_api_key",
        body={"name": "ci", "abilities": ["read"]},
        secret_sink=lambda secret, made: kept.append((secret, made)),
    )
    ((secret, made),) = kept
    with client(connection, secret) as api:
        assert api.call("list_tags")["data"]
    assert returned == made
    assert returned["data"]["name"] == "ci"
    assert secret not in json.dumps(returned)
    assert secret not in caplog.text


def test_a_sink_that_fails_says_what_to_delete_and_not_the_secret(
    monkeypatch: pytest.MonkeyPatch, connection: Sandbox
) -> None:
    use_connection(monkeypatch, connection, "admin")
    seen = []

    def sink(secret: str, made: Any) -> None:
        seen.append(secret)
        raise RuntimeError(f"no room for {secret}")

    with pytest.raises(
        AirflowFailException, match="create_api_key made .*'ci'.* secret_sink failed"
    ) as failed:
        run("create_api_key", body={"name": "ci", "abilities": ["read"]}, secret_sink=sink)
    error: BaseException | None = failed.value
    while error is not None:
        assert seen[0] not in str(error)
        error = error.__cause__ or error.__context__
    assert "no room for ***" in str(failed.value)


def test_a_proxy_page_is_not_saved_as_the_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_POSTBOOST_DEFAULT",
        json.dumps({"conn_type": "postboost", "password": "tok-en", "extra": {"workspace_uuid": "w-1"}}),
    )
    monkeypatch.setattr("postboost_provider.api.retry.may_retry", lambda *_: False)
    with respx.mock(base_url=DEFAULT_BASE_URL) as postboost:
        postboost.get("/w-1/tags").mock(return_value=httpx.Response(200, html="<p>Log in</p>"))
        with pytest.raises(Exception, match="is not JSON"):
            run("list_tags", save_to=str(tmp_path / "tags.json"))
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_downloaded_as_it_is(connection: Sandbox, tmp_path: Path) -> None:
    report = run("create_report_export", body={"format": "csv"}, result="data.uuid")
    target = tmp_path / "report.csv"
    saved = run("download_report_export", parameters={"export_uuid": report}, save_to=str(target))
    # PostBoost's CSV begins with a byte order mark.
    assert target.read_bytes().startswith(b"\xef\xbb\xbf")
    assert saved == {"path": str(target), "size": target.stat().st_size}


def test_a_connection_without_a_token_says_where_the_free_tools_are(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    connection = {"conn_type": "postboost", "host": sandbox.base_url}
    monkeypatch.setenv("AIRFLOW_CONN_POSTBOOST_DEFAULT", json.dumps(connection))
    assert "networks" in run("count_characters", body={"text": "Hello"})
    with pytest.raises(AirflowFailException, match="connection 'postboost_default' has no token"):
        run("generate_hooks", body={"topic": "coffee"})


@pytest.mark.parametrize("answer", [None, {}, {"data": None}, {"data": {"id": 1}}, {"data": "text"}, []])
def test_an_answer_without_its_secret_is_an_error(mocker: Any, connection: Sandbox, answer: Any) -> None:
    mocker.patch("postboost_provider.idempotency.perform.perform_operation", return_value=answer)
    with pytest.raises(ServerError, match="create_api_key: PostBoost's answer has no data.token"):
        run("create_api_key", body={"name": "ci", "abilities": ["read"]}, secret_sink=print)
