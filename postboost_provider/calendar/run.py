"""One run over a content calendar: each row published once, and what became of it."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import (
    AuthenticationError,
    PostBoostError,
    PostBoostRequestError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnreachableError,
    is_retryable,
)
from postboost_provider.api.pagination import PostLists
from postboost_provider.calendar.report import Report, RowReport, invalid
from postboost_provider.idempotency import identity as identities
from postboost_provider.idempotency.activity_log import KEPT_FOR, Entry, read_ledger
from postboost_provider.polling.outcome import PostOutcome, read_post
from postboost_provider.publishing import create as publishing
from postboost_provider.publishing.post import Problem, Row, row_intent
from postboost_provider.publishing.resolve import MediaByWho, Resolver, RowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.services.media.upload import MediaFile

log = logging.getLogger(__name__)

# A post may be created this long before it goes out: then the ledger still knows it when its time has passed.
LONGEST_LEAD = KEPT_FOR - timedelta(days=10)
# A row that is later than this may have gone out at its time, and been forgotten since.
LONGEST_DELAY = KEPT_FOR - LONGEST_LEAD
# So late a row of the run's own window is due, not past: a task takes a moment to start.
START_DELAY = timedelta(minutes=15)
# After this many outages in a row PostBoost counts as down: sending the other rows would only take time.
FAILURES_IN_A_ROW = 3
PROGRESS_SECONDS = 10.0


class CalendarRun:
    """Publish rows with one client.

    :param find_media: gives the file that a row's media path means.
    :param clock: returns the present as an aware instant.
    :param on_past: ``skip``, ``fail`` or ``now``.
    :param in_window: the rows are those of the run's window; one that has just become due is sent at once.
    :param fail_fast: stop at the first bad row.
    :param dry_run: ask and create nothing.
    """

    def __init__(
        self,
        api: PostBoostClient,
        calendar_id: str,
        *,
        find_media: Callable[[str], MediaFile],
        clock: Callable[[], datetime],
        on_past: str = "skip",
        in_window: bool = False,
        fail_fast: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._api = api
        self._calendar_id = calendar_id
        self._scope = identities.ledger_scope(calendar_id)
        self._resolver = Resolver(api, self._scope, find_media)
        self._clock = clock
        self._on_past = on_past
        self._in_window = in_window
        self._fail_fast = fail_fast
        self._dry_run = dry_run
        self._ledger: dict[str, Entry] | None = None
        self._listed: dict[str, PostOutcome] = {}
        # The keys of rows that another try held, by generation.
        self._met: dict[str, int] = {}

    def run(self, rows: Sequence[Row]) -> Report:
        """Publish the rows in their order and return what became of each."""
        report = Report(self._calendar_id)
        if self._fail_fast and (bad := [r for r in rows if r.problems]):
            report.rows = [invalid(r, r.problems) for r in bad]
            return report
        if not rows:
            return report
        self._ledger = read_ledger(self._api, self._scope)
        if self._ledger is None:
            log.warning(
                "The token may not read PostBoost's activity log (ability 'read'), so that only the idempotency key "
                "keeps a row from going out twice, and only for 24 hours."
            )
        self._listed = self._list_known(rows)
        told, outages = time.monotonic(), 0
        held: list[int] = []
        for number, row in enumerate(rows, 1):
            done = self._report_row(row, report)
            if done is None:
                held.append(len(report.rows))
                done = RowReport(row, "failed", "not tried again, because the run stopped", retry=True)
                report.rows.append(done)
                continue
            report.rows.append(done)
            outages = outages + 1 if done.is_outage else 0
            if outages == FAILURES_IN_A_ROW and report.stopped is None:
                report.stopped = UnreachableError(f"PostBoost was down for {outages} rows in a row.")
            if report.stopped is not None:
                why = f"not tried, because the run stopped at {row.place}"
                report.rows += [RowReport(r, "failed", why, retry=True) for r in rows[number:]]
                break
            if done.is_bad and self._fail_fast:
                break
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                log.info("%d of %d rows: %s", number, len(rows), report.describe_counts())
        self._settle(held, report)
        log.info("%d of %d rows: %s", len(report.rows), len(rows), report.describe_counts())
        return report

    def _settle(self, held: list[int], report: Report) -> None:
        """Try the rows again that other tries were sending with another content, after one wait for all of them."""
        for _ in range(publishing.MAX_WAITS):
            if not held or report.stopped is not None:
                return
            sent = [self._ledger_identity(report.rows[number].row) for number in held]
            self._ledger = publishing.wait_for_others(self._api, self._scope, sent)
            again, held = held, []
            for number in again:
                row = report.rows[number].row
                done = self._report_row(row, report)
                if done is None:
                    held.append(number)
                    done = RowReport(row, "failed", str(publishing.KeyHeldError(0)), retry=True)
                report.rows[number] = done

    def _ledger_identity(self, row: Row) -> str:
        return identities.ledger_identity(identities.row_identity(self._calendar_id, row.key))

    def _entry(self, row: Row) -> Entry | None:
        """Return what the ledger knows of a row."""
        return (self._ledger or {}).get(self._ledger_identity(row))

    def _list_known(self, rows: Sequence[Row]) -> dict[str, PostOutcome]:
        """Read the posts of earlier runs through lists, as far as that costs less than a get for each."""
        lists = PostLists(entry.post_uuid for row in rows if (entry := self._entry(row)) is not None)
        found: dict[str, PostOutcome] = {}
        try:
            while (parameters := lists.next()) is not None:
                for post in lists.find(self._api.call("list_posts", parameters=parameters)):
                    found[post["uuid"]] = read_post(post)
        except PostBoostError as error:
            # Whatever it is, it keeps no row back: each post that no list gave is read on its own.
            log.info("The other posts are read one by one: %s", error)
        return found

    def _report_row(self, row: Row, report: Report) -> RowReport | None:
        """Publish a row and return what became of it, or None where another try is sending it."""
        if row.problems:
            return invalid(row, row.problems)
        try:
            done = self._publish(row)
        except publishing.KeyHeldError as error:
            self._met[row.key] = error.generation
            return None
        except RowError as error:
            return invalid(row, error.problems)
        except (AuthenticationError, UnreachableError) as error:
            report.stopped = error
            return RowReport(row, "failed", str(error), retry=is_retryable(error))
        except PostBoostRequestError as error:
            why = str(error) if is_retryable(error) else self._resolver.explain(error)
            return _failed(row, why, error)
        except PostBoostError as error:
            return _failed(row, str(error), error)
        except Exception as error:
            # Whatever it is, it is this row's: what became of the others must not be lost with it.
            log.exception("%s, %s", row.place, row.key)
            why = (
                f"unexpected {type(error).__name__}: {error}. The log has the whole of it; please report it."
            )
            return RowReport(row, "failed", why)
        for warning in done.warnings:
            log.warning("%s, %s: PostBoost warns: %s", row.place, row.key, warning)
        if done.result == "skipped" and not self._dry_run:
            log.warning("%s, %s: skipped: %s", row.place, row.key, done.why)
        log.debug("%s, %s: %s post %s", row.place, row.key, done.result, done.post_uuid)
        return done

    def _publish(self, row: Row) -> RowReport:
        entry = self._entry(row)
        media: MediaByWho = {}
        try:
            media = self._resolver.media(row)
            contents = {who: [content for content, _ in found] for who, found in media.items()}
            intent = identities.intent_hash(row_intent(row, contents))
        except RowError:
            # The file of a post that is out may be gone: that takes nothing back.
            if entry is None:
                raise
            intent = None
        identity = identities.row_identity(self._calendar_id, row.key)
        intention = publishing.Intention(self._scope, identity, intent, row.mode)
        if entry is None and (skipped := self._check_lead(row)) is not None:
            return skipped
        found = None
        if entry is not None:
            found = publishing.compare(self._api, intention, entry, self._listed.get(entry.post_uuid))
        if isinstance(found, publishing.Published):
            return self._row_report(row, found)
        # The time of a draft that is there already is its people's affair.
        mode = "draft" if found is not None and row.mode == "draft" else self._mode_now(row)
        if mode is None:
            return self._past(row)
        if self._dry_run:
            return self._ask(row, mode, media, entry)

        def body() -> Mapping[str, Any]:
            return self._resolver.body(row, mode, media)

        if entry is not None and found is not None:
            return self._row_report(row, publishing.update(self._api, intention, entry, found, body))
        ledger = self._ledger is not None
        made = publishing.create(self._api, intention, body, ledger=ledger, met=self._met.pop(row.key, None))
        return self._row_report(row, made)

    def _row_report(self, row: Row, done: publishing.Published) -> RowReport:
        why = f"dry run: {done.why}" if self._dry_run else done.why
        result = "skipped" if self._dry_run else done.result
        return RowReport(row, result, why, done.post_uuid, done.outcome, done.warnings)

    def _check_lead(self, row: Row) -> RowReport | None:
        """Hold a row back that the ledger would have forgotten before it goes out."""
        now = self._clock()
        if row.publish_at is None or row.publish_at - now <= LONGEST_LEAD:
            return None
        why = (
            f"due in {(row.publish_at - now).days} days. PostBoost's log remembers a post for {KEPT_FOR.days} days, so "
            f"a run within {LONGEST_LEAD.days} days of it sends the row"
        )
        return RowReport(row, "skipped", why)

    def _mode_now(self, row: Row) -> str | None:
        """Return the mode to send the row in at this time, or None where its time has passed."""
        now = self._clock()
        if row.publish_at is None or row.publish_at > now:
            return row.mode
        late = now - row.publish_at
        if (self._in_window and late <= START_DELAY) or (self._on_past == "now" and late <= LONGEST_DELAY):
            return "now" if row.mode == "schedule" else row.mode
        return None

    def _past(self, row: Row) -> RowReport:
        now = self._clock()
        why = f"publish_at {row.publish_at:%Y-%m-%d %H:%M} UTC has passed (it is {now:%Y-%m-%d %H:%M} UTC)"
        if self._on_past == "now":
            why += f" by more than {LONGEST_DELAY.days} days, so that it may have gone out and been forgotten"
        if self._on_past == "fail":
            cure = "Correct it, or set on_past='now' to publish such rows at once."
            return invalid(row, [Problem("publish_at", f"{why}. {cure}")])
        return RowReport(row, "skipped", why)

    def _ask(self, row: Row, mode: str, media: MediaByWho, entry: Entry | None) -> RowReport:
        """Have PostBoost check the row without creating anything. Files are checked here and not uploaded."""
        body = self._resolver.body(row, mode, media, dry_run=True)
        answer = self._api.call("validate_post", body=body)
        has_files = any(file is not None for found in media.values() for _, file in found)
        problems = [
            problem
            for problem in self._resolver.problems(answer.get("errors") or {})
            # What was not uploaded can't be seen by PostBoost.
            if not (has_files and "media" in problem.column)
        ]
        for issue in answer.get("issues") or ():
            # The dry run takes our own earlier post for a duplicate.
            if not (entry is not None and issue.get("code") == "duplicate_post"):
                problems.append(Problem("accounts", self._resolver.describe_issue(issue)))
        if problems:
            return invalid(row, problems)
        would = "would be updated" if entry is not None else "would be created"
        unasked = ", its files were checked here alone" if has_files else ""
        warnings = tuple(str(w.get("message") or w.get("code")) for w in answer.get("warnings") or ())
        uuid = entry.post_uuid if entry else None
        return RowReport(row, "skipped", f"dry run: it {would}{unasked}", uuid, warnings=warnings)


def _failed(row: Row, why: str, error: PostBoostError) -> RowReport:
    is_outage = isinstance(error, (RateLimitedError, ServerError, UnconfirmedError))
    return RowReport(row, "failed", why, retry=is_retryable(error), is_outage=is_outage)
