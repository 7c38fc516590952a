"""PostBoost's activity log, which remembers what a killed worker can't.

It keeps the client label of each write with its outcome and the post's uuid for 90 days, and can be filtered by the start
of a label (SDK 1.66.3, ``list_api_activity``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PermissionDeniedError, ValidationError
from postboost_provider.api.responses import reading_response
from postboost_provider.api.times import read_utc
from postboost_provider.idempotency.label import Label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.label import Owner

_EVERY = "airflow/"
KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A write in the activity log."""

    label: Label
    outcome: str | None
    http_status: int
    post_uuid: str | None
    user_id: int | None
    created_at: str | None

    @property
    def is_success(self) -> bool:
        """This request did it. A replayed response did nothing."""
        return self.http_status < 400 and self.outcome != "replayed"

    @property
    def is_refusal(self) -> bool:
        """It did nothing, and PostBoost repeats this response under the same idempotency key for 24 hours."""
        return 400 <= self.http_status < 429

    @property
    def is_settled_refusal(self) -> bool:
        """PostBoost returned a stored refusal: nothing is created under this idempotency key for 24 hours."""
        return self.outcome == "replayed" and self.is_refusal


def read_log(
    api: PostBoostClient,
    owner: Owner,
    *,
    workspace_uuid: str | None = None,
    since: str | None = None,
    latest: bool = False,
) -> list[LogEntry] | None:
    """Return the owner's writes, newest first; None if the token may not read the log.

    Only PostBoost's code for a missing ability says that it may not. Any other 403 is an error: a log that was not read must
    not count as one that can't be.

    :param workspace_uuid: a workspace other than the connection's.
    :param since: only the writes from then on, in PostBoost's time.
    :param latest: read those with labels of now last, to see what other attempts have just written. First, they tell an
        attempt that begins what was written before it.
    :raises UnexpectedResponseError: the 403 of something else than PostBoost, such as a firewall.
    """
    entries: list[LogEntry] = []
    try:
        for start in reversed(owner.starts) if latest else owner.starts:
            rows, has_all = _rows(api, start, workspace_uuid, since)
            # A server that matches with LIKE takes "_" in the start for any character.
            with reading_response("list_api_activity"):
                entries += [entry for row in rows if (entry := _read(row)) and owner.wrote(entry.label)]
            if has_all:
                break
    except PermissionDeniedError as error:
        if error.code != "insufficient_scope":
            raise
        return None
    return _newest_first(entries)


def _rows(
    api: PostBoostClient, start: str, workspace_uuid: str | None, since: str | None
) -> tuple[list[Any], bool]:
    """Return the rows whose labels begin so, and whether they are those of every label of this package.

    How long a filter may be is not documented: one that is refused is sent again with a shorter start.
    """

    def read(prefix: str) -> list[Any]:
        where = {"workspace_uuid": workspace_uuid, "client": prefix, "since": since}
        return list(api.pages("list_api_activity", parameters=where))

    for prefix in dict.fromkeys((start, f"{start.rpartition('/')[0]}/")):
        try:
            return read(prefix), False
        except ValidationError:
            continue
    return read(_EVERY), True


def label_of(row: Mapping[str, Any]) -> Label | None:
    """Return the label of a row of the log; None if another client wrote it, or too little of it is left."""
    return Label.parse(str(row.get("client") or ""))


def _read(row: Mapping[str, Any]) -> LogEntry | None:
    label = label_of(row)
    if label is None:
        return None
    return LogEntry(
        label,
        outcome=row.get("outcome"),
        http_status=int(row.get("http_status") or 0),
        post_uuid=str(row["post_uuid"]) if row.get("post_uuid") else None,
        user_id=row.get("user_id"),
        created_at=row.get("created_at"),
    )


def _newest_first(entries: list[LogEntry]) -> list[LogEntry]:
    """Return the entries of several requests in one order; those of one second stay as PostBoost ordered them."""
    times = {id(entry): read_utc(entry.created_at) for entry in entries}
    if None in times.values():
        return entries
    return sorted(entries, key=lambda entry: times[id(entry)] or datetime.min, reverse=True)
