"""PostBoost's activity log, which remembers what a killed worker can't.

It keeps the client label of each write with its outcome and the post's uuid for 90 days, and can be filtered by the start
of a label (SDK 1.66.3, ``list_api_activity``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PermissionDeniedError

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient

KEPT_FOR = timedelta(days=90)
_LABEL = re.compile(r"airflow/(?P<scope>[^/ ]+)/(?P<identity>[^ ]+)(?: (?P<act>.*))?")


@dataclass(frozen=True, slots=True)
class Label:
    """The client label of a write: ``airflow/<scope>/<identity> <act>``. The start of one is a label, too.

    The scope is a task or a calendar, the identity a run or a row, and the act what was done, such as ``schedule now``.
    """

    scope: str
    identity: str
    act: str | None = None

    def __str__(self) -> str:
        return f"airflow/{self.scope}/{self.identity}" + ("" if self.act is None else f" {self.act}")

    @classmethod
    def parse(cls, text: str) -> Label | None:
        """Return the label, or None if another client wrote it."""
        found = _LABEL.fullmatch(text)
        return cls(**found.groupdict()) if found else None


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


def read_log(
    api: PostBoostClient, start: Label | str, *, workspace_uuid: str | None = None
) -> list[LogEntry] | None:
    """Return the writes whose labels begin with ``start``, newest first; None if the token may not read the log.

    Only PostBoost's code for a missing ability says that it may not. Any other 403 is an error: a log that was not read must
    not count as one that can't be.

    :param workspace_uuid: a workspace other than the connection's.
    :raises UnexpectedResponseError: the 403 of something else than PostBoost, such as a firewall.
    """
    prefix = str(start)
    try:
        where = {"workspace_uuid": workspace_uuid, "client": prefix}
        rows = list(api.pages("list_api_activity", parameters=where))
    except PermissionDeniedError as error:
        if error.code != "insufficient_scope":
            raise
        return None
    return [
        LogEntry(
            label,
            outcome=row.get("outcome"),
            http_status=int(row.get("http_status") or 0),
            post_uuid=str(row["post_uuid"]) if row.get("post_uuid") else None,
            user_id=row.get("user_id"),
            created_at=row.get("created_at"),
        )
        for row in rows
        # A server that matches with LIKE takes "_" in the prefix for any character.
        if (label := Label.parse(str(row.get("client") or ""))) and str(label).startswith(prefix)
    ]
