"""A row that fails, or waits for another attempt, takes no other row with it."""

from __future__ import annotations

import io
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import ServerError, ValidationError
from postboost_provider.publishing.post_history import History
from postboost_provider.publishing.resolve import PostResolution
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.media.upload import MediaFile
from tests.calendar.support import PNG, files, kill_after_refusal, results, row, run
from tests.clients import client, creates, make_key, posts
from tests.naps import pass_at_once


def test_one_bad_path_keeps_no_other_row_back(sandbox: Sandbox, api: PostBoostClient) -> None:
    class StorageError(Exception):
        pass

    def find(name: str) -> MediaFile:
        if name.startswith("s3://"):
            raise StorageError("no credentials")

        def vanish() -> Any:
            read.append(name)
            if len(read) > 1:
                raise FileNotFoundError(name)
            return io.BytesIO(PNG)

        return MediaFile(name, vanish)

    read: list[str] = []
    report = run(api, row("a", media="s3://bucket/a.png"), row("b", media="gone.png"), row("c"), media=find)
    assert results(report) == ["invalid", "invalid", "created"]
    assert "s3://bucket/a.png can't be read (StorageError: no credentials)" in report.rows[0].why
    assert "gone.png can't be read (FileNotFoundError" in report.rows[1].why


def test_an_unexpected_error_of_a_row_loses_no_other(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    make = PostResolution.body

    def fail(self: PostResolution, *args: Any, **rest: Any) -> Any:
        if self._post.text == "Text b":
            raise KeyError("surprise")
        return make(self, *args, **rest)

    mocker.patch.object(PostResolution, "body", fail)
    report = run(api, row("a"), row("b"), row("c"))
    assert results(report) == ["created", "failed", "created"]
    assert "KeyError: 'surprise'" in report.rows[1].why


def test_an_error_before_a_rows_body_exists_is_not_explained_with_another_rows_names(
    api: PostBoostClient, mocker: Any
) -> None:
    pages = api.pages

    def refuse(operation: str, **rest: Any) -> Any:
        if operation == "list_tags":
            body = {"errors": {"accounts.0": ["Is not allowed."]}}
            raise ValidationError("list_tags: refused", status=422, body=body)
        return pages(operation, **rest)

    mocker.patch.object(api, "pages", refuse)
    report = run(api, row("a"), row("b", tags="launch"))
    assert results(report) == ["created", "failed"]
    assert "accounts.0" in report.rows[1].why
    assert "twitter:northwind" not in report.rows[1].why


def test_a_list_that_can_not_be_read_holds_no_row_back(api: PostBoostClient, mocker: Any) -> None:
    rows = [row(str(n)) for n in range(20)]
    run(api, *rows)
    mocker.patch("postboost_provider.calendar.lookups.PostLists.find", side_effect=KeyError("status"))
    assert set(results(run(api, *rows, row("new")))) == {"adopted", "created"}


def test_a_refused_upload_or_tag_is_sent_again_once_its_cause_is_fixed(sandbox: Sandbox, mocker: Any) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    one, media = row("a", media="one.png", tags="fresh"), files(**{"one.png": PNG})
    with client(sandbox, make_key(sandbox, "read", "publish")) as weak:
        assert results(run(weak, one, media=media)) == ["failed"]
    with client(sandbox, "admin") as api:
        assert results(run(api, one, media=media)) == ["created"]


def test_a_row_whose_key_is_still_in_use_is_left_to_a_retry(sandbox: Sandbox, api: PostBoostClient) -> None:
    sandbox.faults({"operation": "create_post", "kind": "throttle", "retry_after": None, "count": 1000})
    report = run(api, row("a"))
    assert (results(report), report.rows[0].retry) == (["failed"], True)


def test_rows_that_were_refused_and_corrected_go_out_at_once(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    slept = pass_at_once(mocker, lambda _: None)
    names = "abcde"
    for _ in range(3):
        assert set(results(run(api, *(row(key, text=key * 300) for key in names)))) == {"failed"}
    before = len(creates(sandbox))
    assert results(run(api, row("z"), *(row(key) for key in names))) == ["created"] * 6
    assert len(creates(sandbox)) == before + 6
    assert slept == []
    assert len(posts(sandbox)) == 6


def test_corrected_rows_of_a_run_that_was_killed_share_one_wait(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    slept = pass_at_once(mocker, lambda _: None)
    names = "abcde"
    for key in names:
        kill_after_refusal(api, key)
    report = run(api, row("z"), *(row(key) for key in names), row("y"))
    assert results(report) == ["created"] * 7
    assert [r.row.key for r in report.rows] == ["z", *names, "y"]
    assert 60 <= sum(slept) < 75
    assert len(posts(sandbox)) == 7


def test_a_row_that_another_run_has_sent_with_other_words_is_left_to_a_retry(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    slept = pass_at_once(mocker, lambda _: None)
    run(api, row("a"))
    # This run has read the activity log before the other one's post was there.
    early = mocker.patch("postboost_provider.calendar.run.read_all", return_value={})
    mocker.patch("postboost_provider.publishing.create_attempt.read_history", return_value=History())
    (overtaken,) = run(api, row("a", text="Edited")).rows
    assert (overtaken.result, overtaken.retry) == ("failed", True)
    assert slept == [0.5]
    mocker.stop(early)
    assert results(run(api, row("a", text="Edited"))) == ["updated"]
    assert [p["text"] for p in posts(sandbox)] == ["Edited"]


def test_a_wait_for_other_attempts_that_fails_loses_no_row(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    kill_after_refusal(api, "b")
    error = ServerError("PostBoost is down", status=503)
    mocker.patch("postboost_provider.calendar.run.send_held", side_effect=error)
    report = run(api, row("a"), row("b"), row("c"))
    assert results(report) == ["created", "failed", "created"]
    assert (report.stopped, report.rows[1].retry) == (error, True)
    assert len(posts(sandbox)) == 2


def test_a_stored_response_to_a_stalled_run_is_no_newer_change(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    send, sent = api.send, []

    def record(operation: str, **call: Any) -> Any:
        if operation == "create_post":
            sent.append(call)
        return send(operation, **call)

    mocker.patch.object(api, "send", record)
    assert results(run(api, row("a"))) == ["created"]
    sandbox.advance(60)
    assert results(run(api, row("a", text="Newer"))) == ["updated"]
    sandbox.advance(60)
    assert send("create_post", **sent[0]).replayed
    assert results(run(api, row("a", text="Newer"))) == ["adopted"]
