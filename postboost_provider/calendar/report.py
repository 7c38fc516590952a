"""The report of a run over a content calendar, row by row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from postboost_provider.api.clean_text import clean_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.api.errors import PostBoostError
    from postboost_provider.calendar.csv import Row
    from postboost_provider.polling.outcome import PostOutcome
    from postboost_provider.publishing.post import Problem

RowResult = Literal["created", "replayed", "adopted", "updated", "skipped", "invalid", "failed"]
RESULTS: tuple[RowResult, ...] = get_args(RowResult)
GOOD = ("created", "replayed", "adopted", "updated")


@dataclass(frozen=True, slots=True)
class RowReport:
    """What a run did with one row.

    :param retry: a retry of the task can fix it.
    :param is_outage: PostBoost was down or its rate limit was reached: other rows would fail the same way.
    """

    row: Row
    result: RowResult
    why: str
    post_uuid: str | None = None
    outcome: PostOutcome | None = None
    warnings: tuple[str, ...] = ()
    retry: bool = False
    is_outage: bool = False

    @property
    def is_bad(self) -> bool:
        return self.result in ("invalid", "failed")

    def as_dict(self) -> dict[str, Any]:
        post = self.outcome.as_dict() if self.outcome else {}
        return {
            "place": self.row.place,
            "key": self.row.key,
            "result": self.result,
            "why": self.why,
            "uuid": self.post_uuid,
            "status": post.get("status"),
            "scheduled_at": post.get("scheduled_at"),
            "warnings": list(self.warnings),
        }


@dataclass
class Report:
    """What a run did. ``stopped`` is the error that ended it before its last row."""

    calendar_id: str
    rows: list[RowReport] = field(default_factory=list)
    stopped: PostBoostError | None = None

    @property
    def bad(self) -> list[RowReport]:
        return [r for r in self.rows if r.is_bad]

    @property
    def has_posts(self) -> bool:
        """Whether any row's post was created, updated or found."""
        return any(r.result in GOOD for r in self.rows)

    def counts(self) -> dict[str, int]:
        counted = Counter(r.result for r in self.rows)
        return {result: counted[result] for result in RESULTS if counted[result]}

    def post_uuids(self) -> list[str]:
        """Return the posts that are or will be published, in the order of their rows."""
        good = [r for r in self.rows if r.result in GOOD and r.outcome and r.outcome.status != "draft"]
        return [str(r.post_uuid) for r in good]

    def as_dict(self) -> dict[str, Any]:
        return {
            "calendar_id": self.calendar_id,
            "counts": self.counts(),
            "post_uuids": self.post_uuids(),
            "rows": [r.as_dict() for r in self.rows],
        }

    def describe_counts(self) -> str:
        return ", ".join(f"{n} {result}" for result, n in self.counts().items()) or "no rows"

    def describe_bad(self) -> str:
        return "\n".join(f"  {r.row}: {r.result}: {clean_text(r.why)}" for r in self.bad)


def invalid(row: Row, problems: Sequence[Problem]) -> RowReport:
    """Return the report of a row with problems."""
    return RowReport(row, "invalid", "; ".join(str(p) for p in problems))
