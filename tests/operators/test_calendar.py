"""The calendar operator: where rows come from, which are due, how it ends."""

from __future__ import annotations

import builtins
import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from postboost_provider.api.errors import (
    AuthenticationError,
    UnreachableError,
)
from postboost_provider.operators.calendar import PostBoostPublishCalendarOperator
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context, use_connection
from tests.clients import client, make_key, posts
from tests.failures import fails
from tests.operators.calendars import SOON, publish, row

HEADER = "key,publish_at,timezone,accounts,text,media"
PNG = (Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png").read_bytes()


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mocker: Any) -> None:
    use_connection(monkeypatch, sandbox)
    mocker.patch("postboost_provider.api.client.time.sleep")


def calendar(folder: Path, *lines: str, header: str = HEADER) -> str:
    path = folder / "calendar.csv"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return str(path)


def test_a_csv_file_with_media_beside_it_is_published(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one.png").write_bytes(PNG)
    path = calendar(tmp_path, f"a,{SOON},UTC,instagram:northwind.berlin,Hello ☕,images/one.png")
    ctx = context()
    result = publish(path, ctx)
    assert result["counts"] == {"created": 1}
    assert result["calendar_id"] == "dag.task"
    assert result["post_uuids"] == ctx["pushed"]["post_uuids"] == [result["rows"][0]["uuid"]]
    with client(sandbox) as api:
        assert [m["name"] for m in api.pages("list_media")] == ["one.png"]


def test_a_calendar_on_object_storage_is_read_with_its_media(sandbox: Sandbox) -> None:
    # A store as s3:// or gs:// would be one, without a network.
    attach("memory", fs=MemoryFileSystem())
    root = ObjectStoragePath("memory://bucket/week")
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "images" / "one.png").write_bytes(PNG)
    (root / "calendar.csv").write_bytes(f"{HEADER}\na,{SOON},UTC,1,Hello,images/one.png".encode())
    assert publish("memory://bucket/week/calendar.csv")["counts"] == {"created": 1}


@pytest.mark.parametrize(
    ("rows", "media_root", "found"),
    [
        ("/calendar.csv", None, "/images/one.png"),
        ("/week/calendar.csv", None, "/week/images/one.png"),
        ("file:///calendar.csv", None, "file:///images/one.png"),
        ("s3://bucket/calendar.csv", None, "s3://bucket/images/one.png"),
        ("week/calendar.csv", None, "week/images/one.png"),
        ("calendar.csv", None, "./images/one.png"),
        ("/calendar.csv", "/media", "/media/images/one.png"),
        ("/calendar.csv", "/", "/images/one.png"),
    ],
)
def test_relative_media_are_in_the_folder_of_the_calendar_file_or_in_media_root(
    rows: str, media_root: str | None, found: str
) -> None:
    task = PostBoostPublishCalendarOperator(task_id="publish", rows=rows, media_root=media_root)
    assert task._find_media("images/one.png").name == found


def test_rows_from_another_task_are_published(sandbox: Sandbox) -> None:
    assert publish([row("a"), row("b", accounts=["1", 2])])["counts"] == {"created": 2}


def test_a_relative_path_in_rows_without_a_folder_asks_for_one(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(PNG)
    with fails(word="media_root"):
        publish([row(media="one.png")])
    assert publish([row(media="one.png")], media_root=str(tmp_path))["counts"] == {"created": 1}


def test_the_same_rows_under_the_same_calendar_id_are_published_once_whichever_dag_runs_them(
    sandbox: Sandbox,
) -> None:
    publish([row()], calendar_id="spring")
    other = context()
    other["ti"].dag_id = "another_dag"
    assert publish([row()], other, calendar_id="spring")["counts"] == {"adopted": 1}
    sandbox.advance(25 * 3600)
    assert publish([row()], other)["counts"] == {"created": 1}
    assert len(posts(sandbox)) == 2


def test_good_rows_stay_out_when_the_task_fails_for_bad_ones_and_it_lists_them(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = calendar(
        tmp_path,
        f"good,{SOON},UTC,1,Hello,",
        f"bad-time,{SOON},Mars/Base,1,Hello again,",
        f'"two\nlines",{SOON},UTC,@nobody,Hello once more,',
    )
    ctx = context()
    with fails() as caught:
        publish(path, ctx)
    said = str(caught.value)
    assert "2 of 3 rows" in said
    assert "line 3, bad-time: invalid: timezone: 'Mars/Base'" in said
    assert "line 4, two lines: invalid: accounts: '@nobody'" in said
    assert ctx["pushed"]["return_value"]["counts"] == {"created": 1, "invalid": 2}
    assert len(posts(sandbox)) == 1


def test_bad_rows_can_be_ignored(sandbox: Sandbox) -> None:
    result = publish([row("a"), row("b", text="")], on_row_error="ignore")
    assert result["counts"] == {"created": 1, "invalid": 1}


def test_failing_fast_sends_nothing_if_the_file_itself_has_errors(sandbox: Sandbox) -> None:
    with fails(word="row 2, b: invalid: text"):
        publish([row("a"), row("b", text="")], on_row_error="fail_fast")
    assert posts(sandbox) == []


def test_a_retryable_error_is_left_to_retries(sandbox: Sandbox) -> None:
    sandbox.faults({"operation": "create_post", "kind": "server_error", "count": 1000})
    with pytest.raises(UnreachableError, match="2 of 2"):
        publish([row("a"), row("b")])
    sandbox.faults()
    assert publish([row("a"), row("b")])["counts"] == {"created": 2}


def test_an_expired_token_fails_without_retries_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, token="expired", expires_on="2026-01-01")
    with fails(AuthenticationError, "2026-01-01 00:00 UTC"):
        publish([row()])


@pytest.mark.parametrize("status", [403, 404])
def test_a_wrong_workspace_says_where_to_correct_it(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, status: int
) -> None:
    sandbox.reset(unknown_workspace=status)
    use_connection(monkeypatch, sandbox, workspace_uuid="00000000-0000-0000-0000-000000000000")
    with fails(word="'postboost_default'", code="log_unreadable", field="on_unknown"):
        publish([row()])


def test_a_key_that_may_not_read_makes_no_second_posts_in_daily_runs(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    for _ in range(2):
        with fails(code="no_memory", field="on_unknown"):
            publish([row()])
        sandbox.advance(25 * 3600)
    assert posts(sandbox) == []
    assert publish([row(mode="now")], on_unknown="publish")["counts"] == {"created": 1}


def test_no_network_says_what_can_not_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox() as gone:
        use_connection(monkeypatch, gone)
    with pytest.raises(UnreachableError, match="127.0.0.1"):
        publish([row()])


def test_a_full_disk_on_the_worker_stops_nothing(sandbox: Sandbox, tmp_path: Path, monkeypatch: Any) -> None:
    """Publishing writes no file: the calendar and its media are only read."""
    (tmp_path / "one.png").write_bytes(PNG)
    path = calendar(tmp_path, f"a,{SOON},UTC,1,Hello,one.png")
    real = builtins.open

    def full(file: Any, mode: str = "r", *args: Any, **rest: Any) -> Any:
        if set(mode) & set("wax+"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, mode, *args, **rest)

    monkeypatch.setattr(builtins, "open", full)
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    assert publish(path)["counts"] == {"created": 1}


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ("/nowhere/calendar.csv", "/nowhere/calendar.csv"),
        ("warp://bucket/calendar.csv", "warp://bucket/calendar.csv"),
        ("[{'key': 'a'}]", "text of a list"),
        ([{"key": "a", "txt": "typo"}], "'txt'"),
        (["a"], "item 1"),
    ],
)
def test_rows_that_can_not_be_read_are_one_clear_error(sandbox: Sandbox, rows: Any, what: str) -> None:
    with fails(word=what):
        publish(rows)
    assert sandbox.requests() == []


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([f'a,{SOON},UTC,1,"never closed,', "b,,,,,"], "line 2"),
        (
            [f"a,{SOON},UTC,1,Hello, world,"],
            "line 2, a: invalid",
        ),
    ],
)
def test_a_malformed_csv_names_the_line(
    sandbox: Sandbox, tmp_path: Path, lines: list[str], what: str
) -> None:
    with fails(word=what):
        publish(calendar(tmp_path, *lines))
    assert posts(sandbox) == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"on_past": "later"}, "on_past"),
        ({"on_row_error": "cry"}, "on_row_error"),
        ({"window": 7}, "window"),
        ({"on_unknown": "guess"}, "on_unknown"),
        ({"late_by": -1}, "late_by"),
        ({"late_by": timedelta(days=11)}, "late_by"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(sandbox: Sandbox, options: dict[str, Any], field: str) -> None:
    with fails(field=field):
        publish([row()], **options)
    assert sandbox.requests() == []


def test_a_dry_run_creates_nothing(sandbox: Sandbox) -> None:
    assert publish([row()], dry_run=True)["counts"] == {"skipped": 1}
    assert posts(sandbox) == []


def test_airflows_own_dry_run_still_works() -> None:
    PostBoostPublishCalendarOperator(task_id="publish", rows=[], dry_run=True).dry_run()


def test_a_mapped_task_must_say_which_calendar_it_is() -> None:
    mapped = context()
    mapped["ti"].map_index = 1
    with fails(field="calendar_id"):
        publish([row()], mapped)
    assert publish([row()], mapped, calendar_id="client-b")["calendar_id"] == "client-b"


def test_the_rate_limit_is_kept(sandbox: Sandbox, mocker: Any) -> None:
    naps = mocker.patch("postboost_provider.api.client.time.sleep")
    publish([row("a"), row("b")], requests_per_minute=60)
    sent = len(sandbox.requests())
    assert sum(call.args[0] for call in naps.call_args_list) == pytest.approx(sum(range(sent)), rel=0.2)


def test_a_server_that_throttles_is_obeyed_and_nothing_is_lost(sandbox: Sandbox, mocker: Any) -> None:
    naps = mocker.patch("postboost_provider.api.client.time.sleep")
    sandbox.faults(
        {"operation": "create_post", "kind": "throttle", "retry_after": 17, "after": 1, "count": 2}
    )
    assert publish([row("a"), row("b"), row("c")])["counts"] == {"created": 3}
    assert sum(17 <= call.args[0] < 18 for call in naps.call_args_list) == 2
