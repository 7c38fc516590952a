"""The names of a calendar and its rows in the activity log, now and in version 0.1.0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.idempotency.identity import Actor, log_scope, normal
from postboost_provider.idempotency.label import Owner

if TYPE_CHECKING:
    from postboost_provider.calendar.csv import Row
    from postboost_provider.publishing.post_history import History


@dataclass(frozen=True, slots=True)
class CalendarName:
    """A calendar's id, and what version 0.1.0 called it, where that differs."""

    calendar_id: str
    former_id: str | None = None

    @property
    def owners(self) -> list[Owner]:
        return [Owner(log_scope(name)) for name in (self.calendar_id, self.former_id) if name]

    def actor(self, row: Row) -> Actor:
        former = (self.former_id or self.calendar_id, row.former_key or row.key)
        return Actor.of_row(self.calendar_id, row.key, former)

    def check_former(self, history: History, intent: str | None) -> None:
        """Refuse to change a post of version 0.1.0 that may be another calendar's, of a DAG and a task of similar names.

        :raises PostBoostConfigError: it has other words; ``code`` is ``ambiguous_calendar``.
        """
        # Other ids differ only in form.
        if self.former_id is None or normal(self.former_id) == self.calendar_id:
            return
        known = history.known
        if known is None or replace(history, former=()).known is not None or intent in (None, known.intent):
            return
        raise PostBoostConfigError(
            f"Post {known.post_uuid} has this key in the calendar {self.former_id!r} of version 0.1.0, with different content. It may "
            f"be another calendar's. If it is this row's, set calendar_id={self.former_id!r}; if not, give the row another key.",
            code="ambiguous_calendar",
            field="calendar_id",
        )
