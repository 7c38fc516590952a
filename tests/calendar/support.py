"""Rows, and a run over them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.calendar.csv import number_rows, read_rows
from postboost_provider.calendar.report import Report
from postboost_provider.calendar.run import CalendarRun
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
