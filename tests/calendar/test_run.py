"""A run over a calendar: what becomes of each row, and what is sent."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    AuthenticationError,
    PostBoostConfigError,
)
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import PNG, files, results, row, run
from tests.clients import VARIANTS, client, creates, make_key, posts, variant_name
from tests.remote_files import serving


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_name)
def test_a_second_run_sends_nothing_and_an_edited_row_is_updated(
    sandbox: Sandbox, api: PostBoostClient, variant: dict[str, Any]
) -> None:
    sandbox.reset(**variant)
    rows = [row(str(n), mode=mode) for n, mode in enumerate(("schedule", "queue", "now", "draft"))]
    assert results(run(api, *rows)) == ["created"] * 4
    sent = len(creates(sandbox))
    assert results(run(api, *rows)) == ["adopted"] * 4
    rows[0]["text"] = "Another text"
    assert results(run(api, *rows)) == ["updated", "adopted", "adopted", "adopted"]
    assert len(creates(sandbox)) == sent
    assert len(posts(sandbox)) == 4


def test_modes_do_what_they_say(sandbox: Sandbox, api: PostBoostClient) -> None:
    report = run(api, *(row(mode, mode=mode) for mode in ("schedule", "queue", "now", "draft")))
    statuses = {r.row.key: r.outcome.status for r in report.rows if r.outcome}
    assert statuses == {"schedule": "scheduled", "queue": "scheduled", "now": "publishing", "draft": "draft"}
    assert len(report.post_uuids()) == 3


def test_good_rows_are_published_even_when_others_are_bad(sandbox: Sandbox, api: PostBoostClient) -> None:
    report = run(
        api,
        row("a"),
        row("b", text=" "),
        row("c", accounts="myspace:tom"),
        row("d", publish_at="next Friday"),
        row("e", media="gone.png"),
        row("f", accounts="facebook_page:northwindold"),
        row("g", text="x" * 281),
        row("h"),
    )
    assert results(report) == ["created", *["invalid"] * 5, "failed", "created"]
    whys = {r.row.key: r.why for r in report.rows}
    assert whys["b"].startswith("text: ")
    assert whys["c"].startswith("accounts: 'myspace:tom'")
    assert whys["d"].startswith("publish_at: 'next Friday'")
    assert whys["e"].startswith("media: ")
    assert whys["f"].startswith("accounts: facebook_page:northwindold")
    assert whys["g"].startswith("PostBoost refused it: text:")
    assert len(posts(sandbox)) == 2


def test_a_dry_run_asks_about_every_row_and_creates_nothing(sandbox: Sandbox, api: PostBoostClient) -> None:
    run(api, row("known"))
    before = len(posts(sandbox))
    report = run(
        api,
        row("known"),
        row("new", tags="never made"),
        row("picture", accounts="instagram:*", media="one.png"),
        row("long", text="x" * 281),
        row("unread", text=""),
        row("old", publish_at="2026-01-02 03:04"),
        media=files(**{"one.png": PNG}),
        dry_run=True,
    )
    assert results(report) == ["skipped", "skipped", "skipped", "invalid", "invalid", "skipped"]
    assert all(r.why.startswith("dry run: ") for r in report.rows[:3])
    assert "files" in report.rows[2].why
    assert report.rows[3].why.startswith("text:")
    assert len(posts(sandbox)) == before
    writes = {r["operation"] for r in sandbox.requests() if r["method"] != "GET"}
    assert writes == {"create_post", "validate_post"}
    assert len(creates(sandbox)) == 1


def test_a_run_that_fails_fast_stops_at_the_first_bad_row(sandbox: Sandbox, api: PostBoostClient) -> None:
    report = run(api, row("a"), row("b", text=""), row("c"), fail_fast=True)
    assert results(report) == ["invalid"]
    assert posts(sandbox) == []
    report = run(api, row("a"), row("b", accounts="@nobody"), row("c"), fail_fast=True)
    assert results(report) == ["created", "invalid"]


def test_an_expired_token_stops_the_run_and_keeps_what_was_published(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    send, sent = api.send, iter(range(100))

    def expire(operation: str, **rest: Any) -> Any:
        if operation == "create_post" and next(sent) == 1:
            api.settings = type(api.settings)(**{**_fields(api.settings), "token": sandbox.tokens["expired"]})
        return send(operation, **rest)

    mocker.patch.object(api, "send", expire)
    report = run(api, row("a"), row("b"), row("c"))
    assert results(report) == ["created", "failed", "failed"]
    assert isinstance(report.stopped, AuthenticationError)
    assert report.rows[2].why.endswith("row 2")
    assert len(posts(sandbox)) == 1


def _fields(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def test_no_network_ends_the_run_at_once_and_says_what_is_left(sandbox: Sandbox, mocker: Any) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    with client(sandbox) as api:
        run(api, row("a"))
        sandbox.faults({"operation": "create_post", "kind": "server_error", "status": 503, "count": 1000})
        report = run(api, *(row(str(n)) for n in range(6)))
    assert results(report) == ["failed"] * 6
    assert report.stopped is not None
    assert all(r.retry for r in report.rows)
    assert report.rows[5].why.endswith("row 3")


@pytest.mark.parametrize("background_bytes", [1, 10**7], ids=["in the background", "at once"])
def test_image_urls_that_cannot_be_fetched_fail_only_their_own_rows(
    sandbox: Sandbox, api: PostBoostClient, background_bytes: int
) -> None:
    sandbox.reset(remote_background_bytes=background_bytes)
    with serving() as source:
        missing = [row(f"missing-{n}", media=f"{source.url}/gone-{n}.png") for n in range(3)]
        report = run(api, *missing, row("a", media=f"{source.url}/bean.png"), row("b"))
    assert results(report) == [*["invalid"] * 3, "created", "created"]
    assert all(bad.why.startswith("media: ") and "404" in bad.why for bad in report.bad)
    assert not any(bad.retry for bad in report.bad)
    assert report.stopped is None
    assert len(posts(sandbox)) == 2


def test_a_daily_cap_names_the_account_and_what_to_do(sandbox: Sandbox, api: PostBoostClient) -> None:
    sandbox.reset(daily_cap=1)
    report = run(api, row("a"), row("b"))
    assert results(report) == ["created", "failed"]
    assert "twitter:northwind" in report.rows[1].why
    assert "day" in report.rows[1].why


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_token_without_the_read_ability_is_refused_before_anything_is_sent(
    sandbox: Sandbox, dry_run: bool
) -> None:
    with (
        client(sandbox, make_key(sandbox, "write", "publish")) as api,
        pytest.raises(PostBoostConfigError, match="'read'") as caught,
    ):
        run(api, row(accounts="1"), dry_run=dry_run)
    assert (caught.value.code, caught.value.field) == ("no_memory", "on_unknown")
    assert (creates(sandbox), posts(sandbox)) == ([], [])


def test_a_token_without_the_read_ability_publishes_where_that_is_accepted(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, mocker: Any
) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    anyway: dict[str, Any] = {"on_unknown": "publish"}
    with client(sandbox, make_key(sandbox, "write", "publish")) as api:
        assert results(run(api, row(accounts="1"), **anyway)) == ["created"]
        assert results(run(api, row(accounts="1"), **anyway)) == ["replayed"]
        assert "list_accounts" in run(api, row("b"), **anyway).rows[0].why
    assert "activity log" in caplog.text
    assert len(posts(sandbox)) == 1


def test_a_thousand_rows_are_asked_about_in_few_requests_beside_their_own(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    sandbox.reset(daily_cap=10_000)
    rows = [row(str(n), text=f"Number {n}") for n in range(300)]
    assert run(api, *rows).counts() == {"created": 300}
    # The log before and after, the proof that it shows what is written, and the accounts.
    assert len(sandbox.requests()) <= 300 + 14
    before = len(sandbox.requests())
    rows[7]["text"] = "Another text"
    assert run(api, *rows).counts() == {"adopted": 299, "updated": 1}
    # Seven pages of the log, what is in it since its last second (on a fast machine, all of it), and six lists of posts.
    # The edited post and what the log has of it are read before and after it is changed.
    assert len(sandbox.requests()) - before <= 34


def test_posts_that_no_list_gives_are_read_one_by_one(sandbox: Sandbox, api: PostBoostClient) -> None:
    sandbox.reset(daily_cap=10_000)
    rows = [row(str(n), text=f"Number {n}") for n in range(20)]
    uuids = run(api, *rows).post_uuids()
    sandbox.faults({"operation": "list_posts", "kind": "server_error", "status": 501, "count": 1})
    before = len(sandbox.requests())
    report = run(api, *rows)
    assert (report.counts(), report.post_uuids()) == ({"adopted": 20}, uuids)
    asked = Counter(r["operation"] for r in sandbox.requests()[before:])
    assert (asked["list_posts"], asked["get_post"]) == (1, 20)


def test_a_post_that_was_published_after_it_was_listed_is_not_taken_for_scheduled(
    sandbox: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    rows = [row(str(n), text=f"Number {n}") for n in range(10)]
    run(api, *rows)
    rows[5]["text"] = "Too late"
    call = api.call

    def publish_meanwhile(operation: str, **rest: Any) -> Any:
        response = call(operation, **rest)
        if operation == "list_posts":
            sandbox.advance(3 * 86400)
        return response

    mocker.patch.object(api, "call", publish_meanwhile)
    report = run(api, *rows)
    assert results(report) == [*["adopted"] * 5, "failed", *["adopted"] * 4]
    assert "too late" in report.rows[5].why


def test_a_dry_run_says_what_would_become_of_posts_that_are_there(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    run(api, row("live", mode="now"), row("planned"), row("edited"), row("gone"))
    sandbox.advance(60)
    uuids = {r.row.key: r.post_uuid for r in run(api, row("gone")).rows}
    api.call("delete_post", parameters={"post_uuid": uuids["gone"]}, body={"trash": True})
    report = run(
        api,
        row("live", mode="now"),
        row("planned"),
        row("edited", text="New words"),
        row("gone"),
        row("live-edit", mode="now"),
        dry_run=True,
    )
    whys = {r.row.key: (r.result, r.why) for r in report.rows}
    assert (whys["live"][0], "created" in whys["live"][1]) == ("skipped", True)
    assert (whys["edited"][0], "updated" in whys["edited"][1]) == ("skipped", True)
    assert "trash" in whys["gone"][1]
    late = run(api, row("live", mode="now", text="Too late"), dry_run=True).rows[0]
    assert (late.result, "is published" in late.why) == ("failed", True)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("is_listed", [False, True])
def test_a_row_whose_post_failed_on_every_account_fails_and_names_it(
    sandbox: Sandbox, api: PostBoostClient, dry_run: bool, is_listed: bool
) -> None:
    sandbox.faults({"kind": "fail_account", "account_id": 1, "message": "Revoked."})
    rows = [row("a", mode="now", accounts="1"), *(row(str(n)) for n in range(9 * is_listed))]
    uuid = run(api, *rows).rows[0].post_uuid
    sandbox.advance(60)
    report = run(api, *rows, dry_run=dry_run)
    assert [(bad.row.key, bad.result, bad.post_uuid, bad.retry) for bad in report.bad] == [
        ("a", "failed", uuid, False)
    ]
    assert "Revoked." in report.rows[0].why
    assert uuid not in report.post_uuids()
