"""PostBoost's analytics as flat rows: per post and account, per account, or one for the workspace.

PostBoost does not document most of the numbers (SDK 1.66.3): ``data`` has all that it returns.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import logging
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import IO, TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostConfigError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.api.responses import reading_response
from postboost_provider.api.times import read_utc
from postboost_provider.polling.outcome import account_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)

Row = dict[str, Any]

LONGEST_DAYS = 366
METRICS = ("views", "likes", "comments", "shares", "engagement_rate")
_PERIOD = ("workspace_uuid", "date_from", "date_to")
_TOTALS = ("total_followers", "follower_growth", "total_posts")
_BEFORE = ("previous_date_from", "previous_date_to")
_ACCOUNT = ("account_id", "account_uuid", "provider", "account_name")
COLUMNS: dict[str, tuple[str, ...]] = {
    "posts": (*_PERIOD, "post_uuid", "published_at", *_ACCOUNT, "external_url", *METRICS, "data"),
    "accounts": (*_PERIOD, *_ACCOUNT, "username", "is_syncing", "followers", "posts", *METRICS, "data"),
    "summary": (*_PERIOD, *_BEFORE, *_TOTALS, "best_account", "posting_streak", "data"),
}
# The keys of a number that comes with its change against the previous period.
_VALUES = ("value", "total", "current", "count", "days")
# If a list grows while it is read, the last items of a page are also the first ones of the next.
_REMEMBERED = 500
# The last four are the full-width forms of the first four, which some spreadsheets take for the same.
_FORMULA_STARTS = (*"=+-@\t\r\n", *"\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, the first and the last included."""

    start: date
    end: date

    def covers(self, moment: datetime | None) -> bool:
        return moment is not None and self.start <= moment.date() <= self.end

    def as_parameters(self) -> dict[str, str]:
        return {"date_from": str(self.start), "date_to": str(self.end)}


def read_period(date_from: date | str | None, date_to: date | str | None) -> Period:
    """Return the period that these dates mean."""
    start, end = _read_day("date_from", date_from), _read_day("date_to", date_to)
    if end < start:
        raise PostBoostConfigError(
            f"date_to {end} is before date_from {start}: swap them.", code="bad_period", field="date_to"
        )
    if end - start > timedelta(days=LONGEST_DAYS):
        raise PostBoostConfigError(
            f"{start} to {end} is more than {LONGEST_DAYS} days, the longest period that PostBoost accepts. Shorten it.",
            code="bad_period",
            field="date_from",
        )
    return Period(start, end)


def _read_day(name: str, value: date | str | None) -> date:
    text = str(value or "").strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PostBoostConfigError(
            f"{name} is {text!r}, which is not a date. Write it as 2026-10-16 or {{{{ ds }}}}.",
            code="not_a_date",
            field=name,
        ) from None


def rows(api: PostBoostClient, kind: str, period: Period) -> Iterator[Row]:
    """Yield the rows of that kind, each with the columns of ``COLUMNS[kind]``."""
    found = {"posts": _post_rows, "accounts": _account_rows, "summary": _summary_rows}[kind](api, period)
    frame = {"workspace_uuid": api.settings.workspace_uuid, **period.as_parameters()}
    with reading_response(f"analytics of {kind}"):
        for row in found:
            yield {column: {**frame, **row}.get(column) for column in COLUMNS[kind]}


def _post_rows(api: PostBoostClient, period: Period) -> Iterator[Row]:
    """Yield a row for each account that a post of the period is live on. One request for each post."""
    recent: deque[str] = deque(maxlen=_REMEMBERED)
    for post in api.pages("list_posts"):
        at = read_utc(post.get("published_at")) or read_utc(post.get("scheduled_at"))
        live = [each for each in post.get("accounts") or () if each.get("publish_status") == "published"]
        if not live or not period.covers(at) or post["uuid"] in recent:
            continue
        recent.append(post["uuid"])
        try:
            response = api.call("get_post_analytics", parameters={"post_uuid": post["uuid"]})
        except NotFoundError:
            log.info("Post %s was deleted meanwhile: skipped.", clean_text(post["uuid"]))
            continue
        entries = response.get("accounts") or ()
        for account in live:
            entry: Row = next((each for each in entries if _is_about(each, account)), {})
            yield {
                "post_uuid": post["uuid"],
                "published_at": at.isoformat() if at else None,
                **_account_columns(account),
                "external_url": account.get("external_url"),
                **{name: _number(entry, name) for name in METRICS},
                "data": entry,
            }


def _account_rows(api: PostBoostClient, period: Period) -> Iterator[Row]:
    """Yield a row for each account that has analytics. One request for each account."""
    for account in api.pages("list_accounts"):
        try:
            parameters = {"account_uuid": account["uuid"], **period.as_parameters()}
            response = api.call("get_account_analytics", parameters=parameters)
        except ValidationError as error:
            if {"date_from", "date_to", "period"} & set(error.errors):
                raise
            log.info("%s has no analytics: skipped.", account_name(account))
            continue
        if is_syncing := bool((response.get("initial_sync") or {}).get("in_progress")):
            log.warning("PostBoost still imports the history of %s.", account_name(account))
        data = response.get("data") or {}
        yield {
            **_account_columns(account),
            "username": account.get("username"),
            "is_syncing": is_syncing,
            **{name: _number(data, name) for name in ("followers", "posts", *METRICS)},
            "data": data,
        }


def _summary_rows(api: PostBoostClient, period: Period) -> Iterator[Row]:
    response = api.call("get_analytics_summary", parameters=period.as_parameters())
    data, before = response.get("data") or {}, response.get("period") or {}
    if not isinstance(data, Mapping):
        raise UnexpectedResponseError(
            "get_analytics_summary: PostBoost's response has no data.", code="no_data"
        )
    best = data.get("best_account") or {}
    yield {
        "previous_date_from": before.get("previous_start_date"),
        "previous_date_to": before.get("previous_end_date"),
        **{name: _number(data, name) for name in (*_TOTALS, "posting_streak")},
        "best_account": best.get("name") if isinstance(best, Mapping) else None,
        "data": data,
    }


def _account_columns(account: Mapping[str, Any]) -> Row:
    values = int(account["id"]), account["uuid"], account["provider"], account["name"]
    return dict(zip(_ACCOUNT, values, strict=True))


def _is_about(entry: Mapping[str, Any], account: Mapping[str, Any]) -> bool:
    """Return whether an entry of a post's analytics is about this account: its keys are not documented."""
    nested = entry.get("account")
    about = {**nested, **entry} if isinstance(nested, Mapping) else entry
    ids = {str(about.get(key)) for key in ("account_uuid", "uuid", "account_id", "id")}
    return account["uuid"] in ids or str(account["id"]) in ids


def _number(found: Mapping[str, Any], name: str) -> int | float | None:
    """Return the number of that name, which may come with its change against the previous period, or None."""
    value: Any = found.get(name)
    for inside in ("metrics", "summary", "totals"):
        if value is None and isinstance(found.get(inside), Mapping):
            value = found[inside].get(name)
    if isinstance(value, Mapping):
        value = next((value[key] for key in _VALUES if value.get(key) is not None), None)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def json_line(row: Row) -> bytes:
    return _json(row).encode() + b"\n"


def csv_line(cells: Iterable[Any], *, escape_formulas: bool = True, delimiter: str = ",") -> bytes:
    """Return one line of CSV: objects and booleans as JSON text, None as an empty cell.

    :param escape_formulas: put an apostrophe before a text that a spreadsheet would run as a formula.
    """
    line = io.StringIO()
    found = (_json(cell) if isinstance(cell, (Mapping, bool)) else cell for cell in cells)
    csv.writer(line, delimiter=delimiter).writerow(
        f"'{c}" if escape_formulas and _is_formula(c) else c for c in found
    )
    return line.getvalue().encode(errors="surrogateescape")


def escape_csv(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a CSV file of UTF-8, with an apostrophe before each text that a spreadsheet would run as a formula."""
    mark = codecs.BOM_UTF8 if source.read(3) == codecs.BOM_UTF8 else b""
    source.seek(0)
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape", newline="")
    head = text.readline()
    text.seek(0)
    delimiter = next((each for each in ",;\t" if each in head), ",")
    target.write(mark)
    try:
        for cells in csv.reader(text, delimiter=delimiter):
            target.write(csv_line(cells, delimiter=delimiter))
    except csv.Error as error:
        message = f"The file can't be read as CSV ({error}). Save it as it is with escape_formulas=False."
        raise UnexpectedResponseError(message, code="not_csv", field="escape_formulas") from error


def _is_formula(cell: Any) -> bool:
    """Return whether a spreadsheet takes the text for a formula; one that is only a number is harmless."""
    if not isinstance(cell, str) or not cell.startswith(_FORMULA_STARTS):
        return False
    return re.fullmatch(r"[+-][0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", cell) is None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
