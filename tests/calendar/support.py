"""Rows, and a run over them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import ValidationError
from postboost_provider.calendar.csv import number_rows, read_rows
from postboost_provider.calendar.report import Report
from postboost_provider.calendar.run import CalendarRun
from postboost_provider.idempotency.identity import Actor
from postboost_provider.publishing.post_history import Intention
from postboost_provider.services.media.upload import MediaFile

# Once for all: a row that is sent twice must not have moved by a minute.
SOON = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")


PNG = (Path(__file__).parents[2] / "dags_examples" / "media" / "latte_art.png").read_bytes()


def row(key: str = "a", **values: Any) -> dict[str, Any]:
    return {
        "key": key,
        "publish_at": SOON,
        "timezone": "UTC",
        "accounts": "twitter:*",
        "text": f"Text {key}",
        **values,
    }


def files(**contents: bytes) -> Any:
    def find(name: str) -> MediaFile:
        def read() -> io.BytesIO:
            if name not in contents:
                raise FileNotFoundError(name)
            return io.BytesIO(contents[name])

        return MediaFile(name, read)

    return find


def run(api: PostBoostClient, *rows: dict[str, Any], media: Any = None, **options: Any) -> Report:
    todo = CalendarRun(
        api,
        "spring",
        find_media=media or files(),
        clock=options.pop("clock", lambda: datetime.now(UTC)),
        **options,
    )
    return todo.run(read_rows(number_rows(rows), None))


def results(report: Report) -> list[str]:
    return [r.result for r in report.rows]


def kill_after_refusal(api: PostBoostClient, key: str) -> None:
    """Let a run be refused a row, and be killed before it sends the same bytes again."""
    act = Intention(Actor.of_row("spring", key), "0" * 16, "schedule").act
    content = [{"body": "x" * 300, "media": []}]
    body = {"versions": [{"account_id": 0, "is_original": True, "content": content}], "accounts": [1]}
    with pytest.raises(ValidationError):
        api.send(
            "create_post",
            body={**body, "schedule_now": True},
            idempotency_key=act.key(0),
            client_label=str(act.label_at(0)),
        )
