"""PostBoost's activity log: under which label something was written, and what came of it.

PostBoost keeps the client label of each write with its outcome and the post's uuid for 90 days, and can be asked by the
start of a label (SDK 1.66.3, ``list_api_activity``). It remembers what a worker that was killed can't.
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
    """What the activity log calls a write: ``airflow/<scope>/<identity> <act>``. The start of a label is one, too.

    :param scope: the task of a DAG, or the calendar.
    :param identity: which run of the task, or which row of the calendar.
    :param act: what was done, such as ``schedule now``. Each kind of act has words of its own.
    """

    scope: str
    identity: str
    act: str | None = None

    def __str__(self) -> str:
        return f"airflow/{self.scope}/{self.identity}" + ("" if self.act is None else f" {self.act}")

    @classmethod
    def parse(cls, text: str) -> Label | None:
        """Return the label that a text is, or None for that of another client."""
        found = _LABEL.fullmatch(text)
        return cls(**found.groupdict()) if found else None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A write, as the activity log has it."""

    label: Label
    outcome: str | None
    http_status: int
    post_uuid: str | None
    user_id: int | None
    created_at: str | None

    @property
    def is_success(self) -> bool:
        """It was done by this request. A replayed response did nothing."""
        return self.http_status < 400 and self.outcome != "replayed"

    @property
    def is_refusal(self) -> bool:
        """Nothing was done, and PostBoost repeats that response under the same idempotency key for 24 hours."""
        return 400 <= self.http_status < 429


def read_log(
    api: PostBoostClient, start: Label | str, *, workspace_uuid: str | None = None
) -> list[LogEntry] | None:
    """Return what was written under labels that begin like this, newest first.

    :param workspace_uuid: another workspace than the connection's.
    :return: None where the token may not read the log.
    """
    prefix = str(start)
    entries = []
    try:
        where = {"workspace_uuid": workspace_uuid, "client": prefix}
        for row in api.pages("list_api_activity", parameters=where):
            label = Label.parse(str(row.get("client") or ""))
            # A server that matches with LIKE takes "_" in the prefix for any character.
            if label is None or not str(label).startswith(prefix):
                continue
            entries.append(
                LogEntry(
                    label,
                    outcome=row.get("outcome"),
                    http_status=int(row.get("http_status") or 0),
                    post_uuid=str(row["post_uuid"]) if row.get("post_uuid") else None,
                    user_id=row.get("user_id"),
                    created_at=row.get("created_at"),
                )
            )
    except PermissionDeniedError:
        return None
    return entries
