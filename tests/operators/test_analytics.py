"""Analytics into files: what the rows hold, that a file is whole or as it was, and what it costs."""

from __future__ import annotations

import csv
import json
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.io import ObjectStoragePath, attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import ServerError
from postboost_provider.operators.analytics import PostBoostAnalyticsToStorageOperator
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.analytics import COLUMNS, Period, rows
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.failures import fails


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.reset(publish_seconds=0, daily_cap=10_000)


def publish(sandbox: Sandbox, text: str, *accounts: int) -> str:
    with client(sandbox) as api:
        content = [{"body": text, "media": []}]
        versions = [{"account_id": 0, "is_original": True, "content": content}]
        body = {"versions": versions, "accounts": list(accounts), "schedule_now": True}
        return str(api.call("create_post", body=body)["uuid"])


def write(kind: Any, path: Any, **options: Any) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    days = {"date_from": today - timedelta(days=1), "date_to": today + timedelta(days=30), **options}
    operator = PostBoostAnalyticsToStorageOperator(task_id="analytics", kind=kind, path=str(path), **days)
    return operator.execute(context())  # type: ignore[arg-type]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_posts_accounts_and_summary_hold_the_same_numbers(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 7})
    first, second = publish(sandbox, "Grüße", 1, 2), publish(sandbox, "One of two", 1, 7)
    sandbox.advance(86400)
    result = write("posts", tmp_path / "posts.jsonl")
    assert (result["kind"], result["rows"], result["path"]) == ("posts", 3, f"{tmp_path}/posts.jsonl")
    posts = read(tmp_path / "posts.jsonl")
    assert [(p["post_uuid"], p["account_id"]) for p in posts] == [(second, 1), (first, 1), (first, 2)]
    write("accounts", tmp_path / "accounts.jsonl")
    accounts = {a["account_id"]: a for a in read(tmp_path / "accounts.jsonl")}
    assert len(accounts) == 12
    for metric in ("views", "likes", "comments", "shares"):
        for account in (1, 2):
            total = sum(p[metric] for p in posts if p["account_id"] == account)
            assert accounts[account][metric] == total
    write("summary", tmp_path / "summary.jsonl")
    (summary,) = read(tmp_path / "summary.jsonl")
    assert summary["total_posts"] == len(posts) == sum(a["posts"] for a in accounts.values())
    assert summary["total_followers"] == sum(a["followers"] for a in accounts.values())
    assert summary["data"]["total_views"]["value"] == sum(p["views"] for p in posts)


def test_a_row_says_what_it_is_about(sandbox: Sandbox, tmp_path: Path) -> None:
    uuid = publish(sandbox, "Hello", 2)
    write("posts", tmp_path / "posts.jsonl", date_from="2026-01-01", date_to="2027-01-01")
    (row,) = read(tmp_path / "posts.jsonl")
    assert row["workspace_uuid"] == sandbox.workspaces[0]["uuid"]
    assert (row["date_from"], row["date_to"], row["post_uuid"]) == ("2026-01-01", "2027-01-01", uuid)
    assert (row["provider"], row["account_name"]) == ("threads", "Northwind Coffee")
    assert datetime.fromisoformat(row["published_at"]).tzinfo is not None
    assert row["external_url"].startswith("https://")
    assert row["data"]["views"] == row["views"]


@pytest.mark.parametrize("kind", COLUMNS)
def test_csv_has_the_columns_of_the_kind_and_the_values_of_json_lines(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    publish(sandbox, "One", 1, 2)
    write(kind, tmp_path / "x.jsonl")
    write(kind, tmp_path / "x.csv", file_format="csv")
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    expected = read(tmp_path / "x.jsonl")
    assert found
    assert tuple(found[0]) == tuple(expected[0]) == COLUMNS[kind]
    for row, other in zip(found, expected, strict=True):
        assert json.loads(row.pop("data")) == other.pop("data")
        assert row == {
            name: "" if value is None else json.dumps(value) if isinstance(value, bool) else str(value)
            for name, value in other.items()
        }


def test_a_rerun_replaces_the_file_with_what_is_known_by_then(sandbox: Sandbox, tmp_path: Path) -> None:
    publish(sandbox, "One", 1)
    path = tmp_path / "deep" / "posts.jsonl"
    write("posts", path)
    (before,) = read(path)
    sandbox.advance(3 * 86400)
    publish(sandbox, "Two", 1)
    write("posts", path)
    after = read(path)
    assert len(after) == 2
    assert after[1]["views"] > before["views"]
    assert [each.name for each in path.parent.iterdir()] == ["posts.jsonl"]


def test_a_failed_attempt_leaves_the_former_file(sandbox: Sandbox, tmp_path: Path, mocker: Any) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    for number in range(3):
        publish(sandbox, f"Number {number}", 1)
    path = tmp_path / "posts.jsonl"
    path.write_text("former\n")
    sandbox.faults({"kind": "server_error", "operation": "get_post_analytics", "after": 2, "count": 100})
    with pytest.raises(ServerError):
        write("posts", path)
    assert path.read_text() == "former\n"
    assert list(tmp_path.iterdir()) == [path]
    sandbox.faults()
    assert write("posts", path)["rows"] == 3


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_object_storage_gets_the_file(sandbox: Sandbox, file_format: str) -> None:
    attach("memory", fs=MemoryFileSystem())
    publish(sandbox, "One", 1)
    path = f"memory://bucket/{file_format}/posts"
    for _ in range(2):
        assert write("posts", path, file_format=file_format)["rows"] == 1
    text = ObjectStoragePath(path).read_text()
    assert len(text.splitlines()) == (1 if file_format == "jsonl" else 2)
    assert [each.name for each in ObjectStoragePath(f"memory://bucket/{file_format}").iterdir()] == ["posts"]


def test_a_period_without_posts_is_a_file_without_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    publish(sandbox, "One", 1)
    days = {"date_from": "2026-01-01", "date_to": "2026-01-02"}
    assert write("posts", tmp_path / "x.jsonl", **days)["rows"] == 0
    assert (tmp_path / "x.jsonl").read_bytes() == b""
    write("posts", tmp_path / "x.csv", file_format="csv", **days)
    assert (tmp_path / "x.csv").read_text().strip() == ",".join(COLUMNS["posts"])


def test_more_than_500_posts_are_all_there(sandbox: Sandbox, tmp_path: Path) -> None:
    for number in range(520):
        publish(sandbox, f"Number {number}", 1)
    assert write("posts", tmp_path / "x.jsonl")["rows"] == 520
    assert len({row["post_uuid"] for row in read(tmp_path / "x.jsonl")}) == 520


def test_an_account_without_analytics_is_left_out(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, workspace_uuid=sandbox.workspaces[1]["uuid"])
    assert write("accounts", tmp_path / "x.jsonl")["rows"] == 4
    assert "telegram" not in {row["provider"] for row in read(tmp_path / "x.jsonl")}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"kind": "followers"}, "kind"),
        ({"file_format": "xlsx"}, "file_format"),
        ({"path": " "}, "path"),
        ({"date_from": ""}, "date_from"),
        ({"date_to": "16.10.2026"}, "date_to"),
        ({"date_from": "2026-10-02", "date_to": "2026-10-01"}, "date_to"),
        ({"date_from": "2025-10-01", "date_to": "2026-10-03"}, "366"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    sandbox: Sandbox, tmp_path: Path, options: dict[str, Any], word: str
) -> None:
    given = {"kind": "posts", "path": tmp_path / "x", **options}
    with fails(word=word):
        write(given.pop("kind"), given.pop("path"), **given)
    assert sandbox.requests() == []
    assert list(tmp_path.iterdir()) == []


class Responses:
    """An API with many posts, which are made when they are asked for."""

    def __init__(self, count: int, entry: dict[str, Any] | None = None) -> None:
        self.settings = type("Settings", (), {"workspace_uuid": "w"})
        self._count = count
        self._entry = entry

    def pages(self, operation: str) -> Any:
        assert operation == "list_posts"
        for number in range(self._count):
            account = {
                "id": 1,
                "uuid": "a",
                "provider": "twitter",
                "name": "A",
                "publish_status": "published",
            }
            yield {"uuid": f"p{number}", "published_at": "2026-10-16 09:00:00", "accounts": [account]}

    def call(self, operation: str, parameters: dict[str, Any]) -> Any:
        entry = self._entry or {"account_uuid": "a", "views": 7, "text": "x" * 1000}
        return {"summary": {}, "accounts": [entry]}


DAY = Period(date(2026, 10, 16), date(2026, 10, 16))


def peak(count: int) -> int:
    tracemalloc.start()
    try:
        made = sum(1 for _ in rows(Responses(count), "posts", DAY))  # type: ignore[arg-type]
        assert made == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_posts() -> None:
    peak(100)
    assert peak(5_000) < 1.5 * peak(1_000)


@pytest.mark.parametrize(
    ("entry", "views"),
    [
        ({"account_uuid": "a", "views": 7}, 7),
        ({"id": 1, "metrics": {"views": {"value": 8, "change": 1}}}, 8),
        ({"account": {"uuid": "a"}, "views": {"total": 9}}, 9),
        ({"account_id": "1", "views": None}, None),
        ({"account_id": 1, "views": "many"}, None),
        ({"account_id": 2, "views": 7}, None),
    ],
)
def test_a_number_is_found_in_the_shapes_that_postboost_leaves_open(
    entry: dict[str, Any], views: Any
) -> None:
    (row,) = rows(Responses(1, entry), "posts", DAY)  # type: ignore[arg-type]
    assert row["views"] == views


class Accounts(Responses):
    """An API whose account is still being read, with the empty lists that PHP gives for empty objects."""

    def pages(self, operation: str) -> Any:
        yield {"id": 1, "uuid": "a", "provider": "twitter", "name": "A", "username": "a"}

    def call(self, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "get_analytics_summary":
            return {"period": [], "data": {"total_followers": 7, "total_posts": [], "best_account": []}}
        return {"initial_sync": {"in_progress": True, "progress": 3}, "data": []}


def test_an_account_that_is_still_read_says_so_and_empty_lists_are_nothing(caplog: Any) -> None:
    (row,) = rows(Accounts(1), "accounts", DAY)  # type: ignore[arg-type]
    assert (row["is_syncing"], row["views"], row["data"]) == (True, None, {})
    assert "the history of twitter:a" in caplog.text
    (row,) = rows(Accounts(1), "summary", DAY)  # type: ignore[arg-type]
    assert (row["total_followers"], row["total_posts"], row["best_account"]) == (7, None, None)


def test_posts_that_a_growing_list_brings_again_are_one_row() -> None:
    class Twice(Responses):
        def pages(self, operation: str) -> Any:
            for post in super().pages(operation):
                yield post
                yield post

    assert len(list(rows(Twice(3), "posts", DAY))) == 3  # type: ignore[arg-type]


FORMULAS = [
    "=1+1",
    "+A1",
    "-2+3",
    "@SUM(A1)",
    "\tA1",
    "\r=A1",
    "\n=A1",
    "\uff1dA1",
    "\uff0bA1",
    "\uff0dA1",
    "\uff20A1",
    "-1 OR",
    "-",
]


def written(path: Path, mocker: Any, *values: Any, **options: Any) -> list[str]:
    """Return the column best_account of the CSV file in which it has these values."""
    found = [{**dict.fromkeys(COLUMNS["summary"]), "best_account": value, "data": {}} for value in values]
    mocker.patch("postboost_provider.services.analytics.rows", return_value=found)
    write("summary", path, file_format="csv", **options)
    with path.open(encoding="utf-8", newline="") as file:
        return [row["best_account"] for row in csv.DictReader(file)]


def test_a_text_that_is_a_formula_to_a_spreadsheet_is_written_as_text(tmp_path: Path, mocker: Any) -> None:
    assert written(tmp_path / "x.csv", mocker, *FORMULAS) == [f"'{text}" for text in FORMULAS]
    assert written(tmp_path / "x.csv", mocker, *FORMULAS, escape_formulas=False) == FORMULAS


def test_numbers_and_other_texts_are_written_as_they_are(tmp_path: Path, mocker: Any) -> None:
    values = [-1, -0.5, 0, "-1", "+49", "-1.5e-3", "Northwind", "a=b", "", "'=1", True, None]
    expected = ["-1", "-0.5", "0", "-1", "+49", "-1.5e-3", "Northwind", "a=b", "", "'=1", "true", ""]
    assert written(tmp_path / "x.csv", mocker, *values) == expected
