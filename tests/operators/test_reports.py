"""Reports: made, fetched from the connection's own host, and saved whole; and what a file that is gone means."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from airflow.sdk.io import ObjectStoragePath, attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import (
    NotFinishedError,
    NotFoundError,
    PostBoostConfigError,
    PostBoostRequestError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.operators.reports import PostBoostReportOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client
from tests.failures import fails
from tests.naps import pass_at_once


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.reset(publish_seconds=0)


def save(path: Any, **options: Any) -> dict[str, Any]:
    operator = PostBoostReportOperator(task_id="report", path=str(path), **options)
    return operator.execute(context())  # type: ignore[arg-type]


def publish(sandbox: Sandbox, *accounts: int) -> None:
    with client(sandbox) as api:
        content = [{"body": "Hello", "media": []}]
        versions = [{"account_id": 0, "is_original": True, "content": content}]
        api.call("create_post", body={"versions": versions, "accounts": list(accounts), "schedule_now": True})


def requests(sandbox: Sandbox) -> list[str]:
    return [r["operation"] for r in sandbox.requests()]


def test_a_pdf_is_made_and_saved(sandbox: Sandbox, tmp_path: Path) -> None:
    result = save(tmp_path / "new" / "report.pdf", period="this_month")
    whole = (tmp_path / "new" / "report.pdf").read_bytes()
    assert whole.startswith(b"%PDF")
    assert (result["format"], result["dataset"], result["size"]) == ("pdf", None, len(whole))
    assert result["date_to"] == str(datetime.now(UTC).date())
    assert requests(sandbox) == ["create_report_export", "download_report_export"]


def test_a_csv_of_some_accounts_and_days(sandbox: Sandbox, tmp_path: Path) -> None:
    publish(sandbox, 1, 2, 7)
    today = datetime.now(UTC).date()
    result = save(
        tmp_path / "x.csv",
        file_format="csv",
        date_from=today - timedelta(days=1),
        date_to=str(today + timedelta(days=1)),
        accounts=["twitter:northwind", 7],
    )
    assert (result["dataset"], result["date_from"]) == ("posts", str(today - timedelta(days=1)))
    found = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text(encoding="utf-8-sig"))))
    assert [row["network"] for row in found] == ["twitter", "bluesky"]


def test_object_storage_gets_the_file(sandbox: Sandbox) -> None:
    attach("memory", fs=MemoryFileSystem())
    result = save("memory://bucket/report.pdf")
    whole = ObjectStoragePath("memory://bucket/report.pdf").read_bytes()
    assert (whole[:4], len(whole)) == (b"%PDF", result["size"])


def test_an_export_that_was_made_before_is_saved_and_none_is_made(sandbox: Sandbox, tmp_path: Path) -> None:
    first = save(tmp_path / "a.pdf")
    second = save(tmp_path / "b.pdf", export_uuid=first["export_uuid"])
    assert second["export_uuid"] == first["export_uuid"]
    assert requests(sandbox).count("create_report_export") == 1


def test_an_expired_file_is_not_retryable_and_the_error_says_what_to_do(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "a.pdf"
    first = save(path)
    before = path.read_bytes()
    sandbox.advance(8 * 86400)
    with fails(word="export_uuid"):
        save(path, export_uuid=first["export_uuid"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_410_says_what_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    first = save(tmp_path / "a.pdf")
    sandbox.advance(8 * 86400)
    with (
        client(sandbox) as api,
        pytest.raises(PostBoostRequestError, match="7 days") as caught,
    ):
        api.call("download_report_export", parameters={"export_uuid": first["export_uuid"]})
    assert caught.value.status == 410


def test_a_report_that_could_not_be_made_is_worth_a_retry(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.change(report_exports="failed")
    with pytest.raises(NotFinishedError) as caught:
        save(tmp_path / "a.pdf")
    assert caught.value.code == "report_failed"
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_starts_again(sandbox: Sandbox, tmp_path: Path, mocker: Any) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    sandbox.faults({"kind": "drop_after", "operation": "download_report_export", "count": 2})
    assert save(tmp_path / "a.pdf")["size"] == (tmp_path / "a.pdf").stat().st_size
    assert requests(sandbox).count("download_report_export") == 3


@pytest.mark.parametrize(
    ("options", "kind", "word"),
    [
        ({"path": ""}, PostBoostConfigError, "path"),
        ({"file_format": "xlsx"}, PostBoostConfigError, "file_format"),
        ({"dataset": "tags"}, PostBoostConfigError, "dataset"),
        ({"period": "this_week", "date_from": "2026-10-01"}, PostBoostConfigError, "period"),
        ({"date_from": "2026-10-01"}, PostBoostConfigError, "date_to"),
        ({"accounts": "@nobody"}, PostBoostConfigError, "'@nobody'"),
        ({"period": "for_ever"}, ValidationError, "period"),
        ({"export_uuid": "nothing"}, NotFoundError, "404"),
    ],
)
def test_an_error_that_is_not_retryable_fails_at_once(
    sandbox: Sandbox, tmp_path: Path, options: dict[str, Any], kind: Any, word: str
) -> None:
    with fails(kind, word):
        save(**{"path": tmp_path / "a.pdf", **options})
    assert list(tmp_path.iterdir()) == []


EXPORT = {
    "uuid": "e1",
    "format": "pdf",
    "status": "ready",
    "download_url": "https://elsewhere.example/e1.pdf",
}


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Any:
    with respx.mock(base_url=sandbox.base_url, assert_all_called=False) as router:
        yield router


def test_the_token_goes_to_no_other_host_than_the_connections(
    router: respx.MockRouter, sandbox: Sandbox, tmp_path: Path
) -> None:
    ours = f"/{sandbox.workspaces[0]['uuid']}/reports/exports"
    elsewhere = router.route(host="elsewhere.example").respond(content=b"theirs")
    router.post(ours).respond(201, json={"data": EXPORT})
    router.get(f"{ours}/e1/download").respond(content=b"ours")
    save(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == b"ours"
    router.get(f"{ours}/e1/download").respond(302, headers={"Location": EXPORT["download_url"]})
    with fails(PostBoostRequestError, "redirect"):
        save(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes() == b"ours"
    assert not elsewhere.called


def test_a_report_that_takes_longer_is_waited_for(
    router: respx.MockRouter, sandbox: Sandbox, tmp_path: Path, mocker: Any
) -> None:
    naps = pass_at_once(mocker, lambda _: None)
    ours = f"/{sandbox.workspaces[0]['uuid']}/reports/exports"
    waiting = {"data": {**EXPORT, "status": "generating"}}
    router.post(ours).respond(201, json=waiting)
    responses = [httpx.Response(200, json=waiting), httpx.Response(200, json={"data": EXPORT})]
    router.get(f"{ours}/e1").mock(side_effect=responses)
    router.get(f"{ours}/e1/download").respond(content=b"ours")
    assert save(tmp_path / "a.pdf")["export_uuid"] == "e1"
    assert len(naps) == 2
    router.get(f"{ours}/e1").mock(return_value=httpx.Response(200, json=waiting))
    with pytest.raises(NotFinishedError) as caught:
        save(tmp_path / "a.pdf", timeout=0)
    assert caught.value.code == "timeout"


def write_csv(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    def download(self: Any, operation: str, open_file: Any, **_: Any) -> None:
        with open_file() as file:
            file.write(content)

    monkeypatch.setattr("postboost_provider.api.client.PostBoostClient.download", download)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_formula_in_a_csv_is_written_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delimiter: str, mark: str
) -> None:
    lines = [["post", "text"], ["1", "=1+1"], ["2", '@x "y"\nz'], ["3", "-5"], ["4", "Grüße"]]
    content = io.StringIO()
    csv.writer(content, delimiter=delimiter).writerows(lines)
    write_csv(monkeypatch, (mark + content.getvalue()).encode())
    save(tmp_path / "a.csv", file_format="csv", file_mode=0o600)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o600
    found = (tmp_path / "a.csv").read_bytes().decode()
    assert found.startswith(mark + "post")
    read = list(csv.reader(io.StringIO(found.removeprefix(mark), newline=""), delimiter=delimiter))
    assert [row[1] for row in read] == ["text", "'=1+1", '\'@x "y"\nz', "-5", "Grüße"]
    save(tmp_path / "b.csv", file_format="csv", escape_formulas=False)
    assert (tmp_path / "b.csv").read_bytes() == (mark + content.getvalue()).encode()


def test_a_csv_that_can_not_be_read_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(monkeypatch, b"text\n" + b"x" * 200_000)
    with pytest.raises(UnexpectedResponseError) as caught:
        save(tmp_path / "a.csv", file_format="csv")
    assert (caught.value.code, caught.value.field) == ("not_csv", "escape_formulas")
    assert not (tmp_path / "a.csv").exists()
