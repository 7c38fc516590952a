"""One run over a content calendar: each row is published once, and reported."""

from __future__ import annotations

import logging
import time
from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import (
    LOST_RESPONSE,
    AuthenticationError,
    ModeError,
    PostBoostError,
    PublishError,
    RateLimitedError,
    UnreachableError,
    ValidationError,
    is_retryable,
)
from postboost_provider.api.times import read_utc
from postboost_provider.calendar.dry_run import check_row
from postboost_provider.calendar.due import LATE_BY, Due
from postboost_provider.calendar.lookups import identify_edited, in_mode, list_known, read_all, read_since
from postboost_provider.calendar.naming import CalendarName
from postboost_provider.calendar.renewal import renew
from postboost_provider.calendar.report import GOOD, Report, RowReport, invalid
from postboost_provider.idempotency.identity import Actor, intent_hash, log_scope
from postboost_provider.idempotency.memory import KEY_IS_SURE_FOR, check_memory
from postboost_provider.polling.outcome import describe_failures
from postboost_provider.publishing.create import send_held
from postboost_provider.publishing.create_attempt import CreateAttempt, KeyInUseError
from postboost_provider.publishing.lost_files import is_gone, is_unchanged
from postboost_provider.publishing.post import InvalidPostError, post_intent
from postboost_provider.publishing.post_history import (
    History,
    Intention,
    KnownPost,
    Published,
    history_of,
    require_sight,
)
from postboost_provider.publishing.resolve import MediaByTarget, PostResolution, Resolver, media_contents
from postboost_provider.publishing.update import compare, update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.calendar.csv import Row
    from postboost_provider.calendar.report import RowResult
    from postboost_provider.publishing.attempt_start import AttemptStart
    from postboost_provider.services.media.upload import MediaFile

log = logging.getLogger(__name__)

# After this many outages in a row PostBoost counts as down: sending the other rows would only take time.
MAX_OUTAGES = 3
OUTAGES = (*LOST_RESPONSE, RateLimitedError, UnreachableError)
PROGRESS_SECONDS = 10.0


@dataclass
class CalendarRun:
    """Publish rows with one client.

    :param find_media: returns the file of a media path.
    :param clock: returns the present as an aware instant.
    :param on_past: ``skip``, ``fail`` or ``now``, for rows whose time had passed before the run began.
    :param began: when the run began, whatever attempt this is. Default: now.
    :param late_by: how late a row whose time came after that is still sent. After that it is an error.
    :param on_unknown: ``fail`` or ``publish`` where the token may not read what earlier runs did.
    :param on_altered_text: ``warn`` or ``fail`` where PostBoost changes a text.
    :param is_sight_proven: it is known that the activity log shows what is written.
    :param fail_fast: stop at the first bad row.
    :param dry_run: only have PostBoost check the rows.
    :param former_id: the calendar's id in version 0.1.0, where that differs: its posts are found under both.
    :param on_edit_after_live: ``fail`` or ``keep`` where a row was changed after its post went live.
    :param reread: reads the rows again, once the activity log was read: what it has then, their author may have replaced.
    :param start: when this attempt began, for rows that can't be read again.
    :param on_edit_while_waiting: ``fail`` or ``edit`` where a row was changed while its post waits for approval.
    :param since: earlier attempts of this run may have begun since then; None if there was none.
    :param refused: returns result and reason if this run creates no post of a mode, such as ``now``.
    :param last_run: returns when the last run before this one began; None if there was none, or nothing tells.
    """

    api: PostBoostClient
    calendar_id: str
    _: KW_ONLY
    find_media: Callable[[str], MediaFile]
    clock: Callable[[], datetime]
    on_past: str = "skip"
    began: datetime | None = None
    late_by: timedelta = LATE_BY
    on_unknown: str = "fail"
    on_altered_text: str = "warn"
    is_sight_proven: bool = False
    fail_fast: bool = False
    dry_run: bool = False
    former_id: str | None = None
    on_edit_after_live: str = "fail"
    since: datetime | None = None
    last_run: Callable[[], datetime | None] = lambda: None
    reread: Callable[[], Sequence[Row]] | None = None
    start: AttemptStart | None = None
    on_edit_while_waiting: str = "fail"
    refused: Callable[[str], tuple[RowResult, str] | None] = lambda _: None

    def __post_init__(self) -> None:
        self._name = CalendarName(self.calendar_id, self.former_id)
        self._scope = log_scope(self.calendar_id)
        now = self.clock()
        self._due = Due(self.clock, self.on_past, min(self.began or now, now), self.late_by)
        self._resolver = Resolver(self.api, self.find_media, upload_again=self.on_unknown == "publish")
        self._histories: dict[str, History] | None = None
        self._listed: dict[str, Mapping[str, Any]] = {}
        self._actors: dict[str, Actor] = {}
        # Rows whose idempotency keys other attempts were using, by the key of the row.
        self._held: dict[str, CreateAttempt] = {}
        # What each row's author wrote, by the key of the row.
        self._intents: dict[str, str | None] = {}

    def run(self, rows: Sequence[Row]) -> Report:
        """Publish the rows in their order, and report each.

        :raises PostBoostConfigError: it can't be known what earlier runs published; ``code`` is ``no_memory``.
        """
        report = Report(self.calendar_id)
        if self._stops_for_bad(rows, report) or not rows:
            return report
        self._histories = read_all(self.api, self._name, self.on_unknown)
        # Another run may have published a newer file since: every write that is not in the log by now is found as one.
        if self.reread is not None and self._stops_for_bad(rows := self.reread(), report):
            return report
        if self._histories is not None and self._must_prove_sight(rows):
            require_sight(self.api, Actor(self._scope, ("sight",)))
        self._listed = list_known(self.api, map(self._known_post, rows))
        logged_at, outages = time.monotonic(), 0
        for number, row in enumerate(rows, 1):
            done = self._report_row(row, report)
            report.rows.append(done)
            if row.key in self._held:
                continue
            outages = outages + 1 if done.is_outage else 0
            if outages == MAX_OUTAGES and report.stopped is None:
                report.stopped = UnreachableError(f"PostBoost was down for {outages} rows in a row.")
            if report.stopped is not None:
                why = f"not attempted, because the run stopped at {row.place}"
                report.rows += [RowReport(r, "failed", why, retry=True) for r in rows[number:]]
                break
            if done.is_bad and self.fail_fast:
                break
            if time.monotonic() - logged_at > PROGRESS_SECONDS:
                logged_at = time.monotonic()
                log.info("%d of %d rows: %s", number, len(rows), report.describe_counts())
        self._send_held(report)
        self._fail_overtaken(report)
        log.info("%d of %d rows: %s", len(report.rows), len(rows), report.describe_counts())
        return report

    def _stops_for_bad(self, rows: Sequence[Row], report: Report) -> bool:
        if self.fail_fast:
            report.rows = [invalid(r, r.problems) for r in rows if r.problems]
        return bool(report.rows)

    def _send_held(self, report: Report) -> None:
        """Send the rows again whose keys other attempts were using, after one wait for all of them."""
        held = {n: self._held[r.row.key] for n, r in enumerate(report.rows) if r.row.key in self._held}
        if not held or report.stopped is not None:
            return

        def send(number: int) -> None:
            report.rows[number] = self._report_row(report.rows[number].row, report)

        try:
            send_held(self.api, Actor(self._scope, ("sight",)), held, send)
        except PostBoostError as error:
            # The other rows are done, and the report must say so.
            log.warning("The activity log can't be read: %s", error)
            report.stopped = error

    def _fail_overtaken(self, report: Report) -> None:
        """Fail the rows to which another run has written other words since: a retry reads which ones are wanted."""
        if self._histories is None or self.dry_run or report.stopped is not None:
            return
        latest = read_since(self.api, self._name, self._histories)
        for number, done in enumerate(report.rows):
            before = self._history(done.row) or History()
            written = history_of(latest, self._actor(done.row)).written_since(before)
            wanted = (None, self._intents.get(done.row.key))
            if done.result in GOOD and written and written[0].intent not in wanted:
                why = "another run has changed the post to different content at the same time. Retry the task"
                report.rows[number] = replace(done, result="failed", why=why, retry=True)

    def _must_prove_sight(self, rows: Sequence[Row]) -> bool:
        """Return whether rows may be created, and the log has shown nothing of this calendar while keys are kept."""
        if self.dry_run or self.on_unknown == "publish" or self.is_sight_proven:
            return False
        written = [
            at
            for history in (self._histories or {}).values()
            for entry in history.entries
            if (at := read_utc(entry.created_at)) is not None
        ]
        if written and self.clock() - max(written) < KEY_IS_SURE_FOR:
            return False
        return any(
            not row.problems
            and self._known_post(row) is None
            and self._due.skip_beyond_horizon(row) is None
            and self._due.mode_now(row) is not None
            for row in rows
        )

    def _actor(self, row: Row) -> Actor:
        if row.key not in self._actors:
            self._actors[row.key] = self._name.actor(row)
        return self._actors[row.key]

    def _known_post(self, row: Row) -> KnownPost | None:
        """Return the post that the activity log has of a row."""
        history = self._history(row)
        return history.known if history is not None else None

    def _history(self, row: Row) -> History | None:
        if self._histories is None:
            return None
        return history_of(self._histories, self._actor(row))

    def _report_row(self, row: Row, report: Report) -> RowReport:
        """Publish a row, and report it. If another attempt is using its key, it is in ``_held`` afterwards."""
        if row.problems:
            return invalid(row, row.problems)
        mode, row = row.post.mode, in_mode(self.api, row, self._known_post(row))
        # The salt of version 0.1.0.
        resolution = PostResolution(self._resolver, row.post, f"{self._scope}\n\n{row.key}")
        try:
            done = self._publish(row, resolution, mode)
        except ModeError as error:
            done = RowReport(row, "skipped", str(error))
        except InvalidPostError as error:
            return invalid(row, error.problems)
        except PostBoostError as error:
            if isinstance(error, (AuthenticationError, UnreachableError)):
                report.stopped = error
            retry, uuid = is_retryable(error), None
            why = str(error) if retry else resolution.explain(error)
            if isinstance(error, PublishError) and error.outcomes:
                uuid = error.outcomes[0]["uuid"]
            is_outage = isinstance(error, OUTAGES) and not isinstance(error, KeyInUseError)
            return RowReport(row, "failed", why, uuid, retry=retry, is_outage=is_outage)
        except Exception as error:
            # Whatever it is, it is about this row: the report of the others must not be lost.
            log.exception("%s", row)
            why = f"unexpected {type(error).__name__}: {error}. Please report it with the task's log."
            return RowReport(row, "failed", why)
        for warning in done.warnings:
            log.warning("%s: PostBoost warns: %s", row, warning)
        if done.result == "skipped" and not self.dry_run:
            log.warning("%s: skipped: %s", row, done.why)
        log.debug("%s: %s post %s", row, done.result, done.post_uuid)
        return done

    def _publish(self, row: Row, resolution: PostResolution, wanted: str) -> RowReport:
        known = self._known_post(row)
        media: MediaByTarget = {}
        intent = None
        try:
            media = resolution.media()
            intent = intent_hash(post_intent(row.post, media_contents(media)))
        except InvalidPostError as error:
            # The file of a published post may have been deleted: that changes nothing.
            uuid = known.post_uuid if known is not None and is_gone(error) else None
            bare = resolution.body(row.post.mode, {}, dry_run=True) if uuid else {}
            if uuid is None or not is_unchanged(self.api, row.post, bare, uuid):
                raise
        self._intents[row.key], history = intent, self._history(row)
        if known is not None and history is not None:
            self._name.check_former(history, intent)
            if not self.dry_run and ((at := row.post.publish_at) is None or at > self.clock()):
                renew(self.api, self._actor(row), known, history, self.clock())
        intention = Intention(
            self._actor(row),
            intent,
            row.post.mode,
            refuse_altered=self.on_altered_text == "fail",
            keep_live=self.on_edit_after_live == "keep",
            edit_waiting=self.on_edit_while_waiting == "edit",
            start=self.start,
        )
        if known is None and (skipped := self._due.skip_beyond_horizon(row)) is not None:
            return skipped
        if known is not None and not known.post_uuid and known.intent and intent not in (None, known.intent):
            known = identify_edited(self.api, known, row.post, media)
        asked = partial(resolution.body, row.post.mode, media, dry_run=True)
        listed = self._listed.get(known.post_uuid or "") if known else None
        found = compare(self.api, intention, known, asked, listed) if known else None
        if isinstance(found, Published):
            return self._row_report(row, found)
        if found is not None:
            self._due.check_horizon(row)
        # People decide when a draft is published.
        mode = "draft" if found is not None and row.post.mode == "draft" else self._due.mode_now(row)
        if mode is None:
            return self._due.report_past(row)
        if known is None and not self.dry_run and self.on_unknown != "publish":
            # A row with a time that was published and forgotten has a later time by now.
            check_memory(self.since, self.clock(), can_read_log=True)
            if row.post.publish_at is None:
                # Runs renew what the log is about to forget. Where there was none for so long, it may have forgotten the row.
                check_memory(self.last_run(), self.clock(), can_read_log=True)
        is_new = known is None or (found is not None and found.status == "draft" and row.post.mode != "draft")
        if is_new and (refused := self.refused(wanted)):
            return RowReport(row, *refused)
        if self.dry_run:
            return check_row(self.api, self._resolver, row, resolution, mode, media, known)
        if known is not None and found is not None:
            body = partial(resolution.body, mode, media)
            return self._row_report(row, update(self.api, intention, known, found, body))
        attempt = self._held.get(row.key) or CreateAttempt(self.api, intention, history)
        return self._row_report(row, self._create(row, resolution, attempt, mode, media))

    def _create(
        self, row: Row, resolution: PostResolution, attempt: CreateAttempt, mode: str, media: MediaByTarget
    ) -> Published:
        try:
            done = attempt.send(resolution.body(mode, media))
        except KeyInUseError:
            self._held[row.key] = attempt
            raise
        except ValidationError as error:
            if mode != "schedule" or not self._due.is_past_for_postboost(row, error):
                raise
            log.warning("%s: its time has come by PostBoost's clock. Sending it at once.", row)
            self._due.send_at_once(row)
            return self._create(row, resolution, attempt, "now", media)
        self._held.pop(row.key, None)
        return done

    def _row_report(self, row: Row, done: Published) -> RowReport:
        why = f"dry run: {done.why}" if self.dry_run else done.why
        if done.result != "skipped" and done.outcome is not None and done.outcome.is_failed_everywhere:
            failed = describe_failures([done.outcome]).strip()
            advice = "Fix the cause and retry the accounts in PostBoost, or give the row a new key"
            why = f"{failed}. {advice}"
            return RowReport(row, "failed", why, done.post_uuid, done.outcome, done.warnings)
        result = "skipped" if self.dry_run else done.result
        return RowReport(row, result, why, done.post_uuid, done.outcome, done.warnings)
