"""PostBoostOperator with save_to: a response in a file, complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
import respx
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import PostBoostError
from postboost_provider.api.settings import DEFAULT_BASE_URL
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client
from tests.failures import fails
from tests.operators.operations import TAG, run, written


def test_a_list_is_saved_as_a_line_for_each_item(connection: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "new" / "accounts.jsonl"
    saved = run("list_accounts", all_pages=True, save_to=str(target))
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert saved == {"path": str(target), "items": len(lines), "size": target.stat().st_size}
    assert [line["id"] for line in lines] == run("list_accounts", result="data.id")


def test_a_response_is_saved_to_object_storage_and_replaces_what_was_there(connection: Sandbox) -> None:
    attach("memory", fs=MemoryFileSystem())
    path = ObjectStoragePath("memory://bucket/tags.json")
    path.write_bytes(b"something longer than what comes now, or so it should be")
    saved = run("list_tags", save_to=str(path))
    assert json.loads(path.read_bytes()) == run("list_tags")
    assert saved == {"path": str(path), "size": path.stat().st_size}


def test_the_response_to_a_write_is_saved_too(connection: Sandbox, tmp_path: Path) -> None:
    run("create_tag", body=TAG, save_to=str(tmp_path / "tag.json"))
    assert json.loads((tmp_path / "tag.json").read_text())["name"] == "autumn"


def test_what_cannot_be_kept_is_not_asked_for(connection: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with fails(word="tag.json"):
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


def test_a_proxy_page_is_not_saved_as_the_response(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_POSTBOOST_DEFAULT",
        json.dumps({"conn_type": "postboost", "password": "tok-en", "extra": {"workspace_uuid": "w-1"}}),
    )
    monkeypatch.setattr("postboost_provider.api.retry.may_retry", lambda *_: False)
    with respx.mock(base_url=DEFAULT_BASE_URL) as postboost:
        postboost.get("/w-1/tags").mock(return_value=httpx.Response(200, html="<p>Log in</p>"))
        with pytest.raises(PostBoostError):
            run("list_tags", save_to=str(tmp_path / "tags.json"))
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_downloaded_as_it_is(connection: Sandbox, tmp_path: Path) -> None:
    report = run("create_report_export", body={"format": "csv"}, result="data.uuid")
    target = tmp_path / "report.csv"
    saved = run("download_report_export", parameters={"export_uuid": report}, save_to=str(target))
    # PostBoost's CSV begins with a byte order mark.
    assert target.read_bytes().startswith(b"\xef\xbb\xbf")
    assert saved == {"path": str(target), "size": target.stat().st_size}
