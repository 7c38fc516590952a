"""Rows that version 0.1.0 published under names that were not normal, and calendars whose default id was ambiguous."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from postboost_provider.calendar.csv import number_rows, read_rows
from postboost_provider.calendar.report import Report
from postboost_provider.calendar.run import CalendarRun
from postboost_provider.idempotency.identity import Actor, intent_hash
from postboost_provider.publishing.post import post_intent, stripped_text
from postboost_provider.publishing.post_history import Intention
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import files, results, row
from tests.clients import client, posts


def publish_as_0_1_0(sandbox: Sandbox, calendar_id: str, key: str, text: str) -> None:
    """Publish a row as version 0.1.0 did, which took names as they were written."""
    (read,) = read_rows(number_rows([row(key, text=text)]), None)
    actor = Actor.of_row(calendar_id, stripped_text(key))
    intention = Intention(actor, intent_hash(post_intent(read.post, {"": []})), read.post.mode)
    versions = [{"account_id": 0, "is_original": True, "content": [{"body": text, "media": []}]}]
    label = str(intention.act.label)
    with client(sandbox) as api:
        body = {"versions": versions, "accounts": [1]}
        api.send("create_post", body=body, idempotency_key=intention.act.key(0), client_label=label)


def run(sandbox: Sandbox, calendar_id: str, former_id: str | None, *rows: dict[str, Any]) -> Report:
    with client(sandbox) as api:
        run = CalendarRun(
            api, calendar_id, former_id=former_id, find_media=files(), clock=lambda: datetime.now(UTC)
        )
        return run.run(read_rows(number_rows(rows), None))


@pytest.mark.parametrize(
    ("calendar_id", "former_id", "key"),
    [
        ("spring", None, "a\u0308\u200b"),
        ("spring", None, "1.0"),
        ("spring", " spring", "a"),
        ("a.b/c", "a.b.c", "a"),
    ],
)
def test_a_row_of_version_0_1_0_is_found(
    sandbox: Sandbox, calendar_id: str, former_id: str | None, key: str
) -> None:
    sandbox.reset()
    publish_as_0_1_0(sandbox, former_id or calendar_id, key, "Hello")
    for _ in range(2):
        report = run(sandbox, calendar_id, former_id, row(key, text="Hello"))
        assert results(report) == ["adopted"], report.rows
    assert len(posts(sandbox)) == 1


def test_an_edit_of_a_row_that_may_be_another_calendars_is_refused(sandbox: Sandbox) -> None:
    sandbox.reset()
    publish_as_0_1_0(sandbox, "a.b.c", "a", "Hello")
    report = run(sandbox, "a.b/c", "a.b.c", row("a", text="Goodbye"))
    assert results(report) == ["failed"]
    assert "calendar_id='a.b.c'" in report.rows[0].why
    assert results(run(sandbox, "a.b.c", None, row("a", text="Goodbye"))) == ["updated"]
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("values", [{"publish_at": "", "mode": "draft"}, {}], ids=["draft", "later time"])
def test_a_cleared_run_that_is_beyond_memory_sends_no_unknown_row(
    sandbox: Sandbox, values: dict[str, Any]
) -> None:
    sandbox.reset()
    draft = row("a", **values)
    with client(sandbox) as api:
        since = datetime(2020, 1, 1, tzinfo=UTC)
        options: dict[str, Any] = {"find_media": files(), "clock": lambda: datetime.now(UTC), "since": since}
        rows = read_rows(number_rows([draft]), None)
        assert results(CalendarRun(api, "c", **options).run(rows)) == ["failed"]
        assert posts(sandbox) == []
        assert results(CalendarRun(api, "c", on_unknown="publish", **options).run(rows)) == ["created"]
