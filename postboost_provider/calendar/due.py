"""When a row is due: how it is sent now, or why it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.calendar.report import RowReport, invalid
from postboost_provider.idempotency.activity_log import KEPT_FOR
from postboost_provider.publishing.post import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from postboost_provider.api.errors import ValidationError
    from postboost_provider.calendar.csv import Row

# Within this time before its scheduled time, a post is still in the activity log when that has passed.
MAX_SCHEDULING_HORIZON = KEPT_FOR - timedelta(days=10)
# A row that is later than this may have been published in time, and dropped from the activity log since.
MAX_DELAY = KEPT_FOR - MAX_SCHEDULING_HORIZON
LATE_BY = timedelta(hours=1)
# PostBoost's clock may be this far ahead of the worker's. A time that it refuses within that has come.
CLOCK_DIFFERENCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Due:
    """What the time means for rows: see :class:`CalendarRun`.

    :param began: when the run began.
    """

    clock: Callable[[], datetime]
    on_past: str
    began: datetime
    late_by: timedelta
    # The keys of rows whose time PostBoost refused as past.
    _past_for_postboost: set[str] = field(default_factory=set)

    def send_at_once(self, row: Row) -> None:
        """Take the row's time for past: PostBoost's clock is ahead."""
        self._past_for_postboost.add(row.key)

    def skip_beyond_horizon(self, row: Row) -> RowReport | None:
        """Skip a row whose post would not be in the activity log any more at its time."""
        publish_at, now = row.post.publish_at, self.clock()
        if publish_at is None or publish_at - now <= MAX_SCHEDULING_HORIZON:
            return None
        days, most = (publish_at - now).days, MAX_SCHEDULING_HORIZON.days
        why = (
            f"due in {days} days, beyond the maximum scheduling horizon of {most} days. A later run sends it"
        )
        return RowReport(row, "skipped", why)

    def check_horizon(self, row: Row) -> None:
        """Refuse to move a post to a time at which it would not be in the activity log any more.

        :raises PostBoostConfigError: ``code`` is ``horizon``.
        """
        if (publish_at := row.post.publish_at) is None or self.skip_beyond_horizon(row) is None:
            return
        raise PostBoostConfigError(
            f"publish_at {publish_at:%Y-%m-%d %H:%M} UTC is beyond the maximum scheduling horizon of "
            f"{MAX_SCHEDULING_HORIZON.days} days: the activity log would forget the row's post before it is published. The post "
            f"stays as it was. Make the change on {publish_at - MAX_SCHEDULING_HORIZON:%Y-%m-%d} or later; to publish nothing "
            "before, move the post to trash in PostBoost and give the row a new key.",
            code="horizon",
            field="publish_at",
        )

    def mode_now(self, row: Row) -> str | None:
        """Return the mode to send the row in now, or None where it is too late."""
        publish_at, now = row.post.publish_at, self.clock()
        mode_at_once = "now" if row.post.mode == "schedule" else row.post.mode
        if row.key in self._past_for_postboost:
            return mode_at_once
        if publish_at is None or publish_at > now:
            return row.post.mode
        late = now - publish_at
        # A row that became late during the run was not sent in time: its author has not decided against it.
        if (self._is_of_run(row) and late <= self.late_by) or (self.on_past == "now" and late <= MAX_DELAY):
            return mode_at_once
        return None

    def _is_of_run(self, row: Row) -> bool:
        """Return whether the row's time came after the run began."""
        return row.post.publish_at is not None and row.post.publish_at >= self.began

    def is_past_for_postboost(self, row: Row, error: ValidationError) -> bool:
        """Return whether PostBoost refused the time of a row because its clock is ahead of this one."""
        publish_at = row.post.publish_at
        return (
            publish_at is not None
            and publish_at - self.clock() <= min(CLOCK_DIFFERENCE, self.late_by)
            and bool(error.errors)
            and set(error.errors) <= {"date", "time"}
        )

    def report_past(self, row: Row) -> RowReport:
        publish_at = row.post.publish_at or self.clock()
        time, late = f"publish_at {publish_at:%Y-%m-%d %H:%M} UTC", self.clock() - publish_at
        forgotten = f"after {MAX_DELAY.days} days the activity log can't tell whether the row was published"
        if self._is_of_run(row):
            why = (
                f"{time} came during the run, and the row was not sent in time: it is {str(late).partition('.')[0]} late, and "
                f"late_by is {self.late_by}. Give it a later publish_at, or set a longer late_by"
            )
            return RowReport(row, "failed", f"{why}; {forgotten}" if late > MAX_DELAY else why)
        why = f"{time} has passed"
        if self.on_past == "now":
            why += f"; {forgotten}"
        if self.on_past == "fail":
            advice = "Correct it, or set on_past='now' to publish such rows at once."
            return invalid(row, [Problem("publish_at", f"{why}. {advice}", "past")])
        return RowReport(row, "skipped", why)
