"""One run over a content calendar: each row is published once, and reported."""

from __future__ import annotations

import logging
import time
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from postboost_provider.api.errors import (
    LOST_RESPONSE,
    AuthenticationError,
    PostBoostConfigError,
    PostBoostError,
    RateLimitedError,
    UnreachableError,
    ValidationError,
    is_retryable,
)
from postboost_provider.calendar.report import Report, RowReport, invalid
from postboost_provider.idempotency.activity_log import KEPT_FOR
from postboost_provider.idempotency.identity import Actor, intent_hash, log_scope
from postboost_provider.idempotency.label import Owner
from postboost_provider.polling.outcome import PostOutcome, describe_failures, read_post
from postboost_provider.polling.post_lists import PostLists
from postboost_provider.publishing.create import MAX_WAITS, KeyInUseError, attempt_create, wait_for_others
from postboost_provider.publishing.intention import Intention, KnownPost, Published, find_posts, read_warnings
from postboost_provider.publishing.post import InvalidPostError, Problem, post_intent
from postboost_provider.publishing.resolve import MediaByTarget, PostResolution, Resolver, media_contents
from postboost_provider.publishing.update import compare, update

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.calendar.csv import Row
    from postboost_provider.services.media.upload import MediaFile

log = logging.getLogger(__name__)

# Within this time before its scheduled time, a post is still in the activity log when that has passed.
MAX_SCHEDULING_HORIZON = KEPT_FOR - timedelta(days=10)
# A row that is later than this may have been published in time, and dropped from the activity log since.
MAX_DELAY = KEPT_FOR - MAX_SCHEDULING_HORIZON
LATE_BY = timedelta(hours=1)
# PostBoost's clock may be this far ahead of the worker's. A time that it refuses within that has come.
CLOCK_DIFFERENCE = timedelta(minutes=15)
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
    :param late_by: a row whose time came after that is sent at once while it is at most this late, and is an error after
        that.
    :param on_unknown: ``fail`` or ``publish`` where the token may not read what earlier runs did.
    :param fail_fast: stop at the first bad row.
    :param dry_run: only have PostBoost check the rows.
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
    fail_fast: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        self._scope = log_scope(self.calendar_id)
        now = self.clock()
        self._began = min(self.began or now, now)
        self._resolver = Resolver(self.api, self.find_media)
        self._known: dict[str, KnownPost] | None = None
        self._listed: dict[str, PostOutcome] = {}
        # The key revisions that other attempts were using, by the key of the row.
        self._in_use: dict[str, int] = {}
        # The keys of rows whose time PostBoost refused as past.
        self._past_for_postboost: set[str] = set()

    def run(self, rows: Sequence[Row]) -> Report:
        """Publish the rows in their order, and report each.

        :raises PostBoostConfigError: it can't be known what earlier runs published; ``code`` is ``no_memory``.
        """
        report = Report(self.calendar_id)
        if self.fail_fast and (bad := [r for r in rows if r.problems]):
            report.rows = [invalid(r, r.problems) for r in bad]
            return report
        if not rows:
            return report
        self._known = find_posts(self.api, Owner(self._scope))
        if self._known is None:
            if self.on_unknown != "publish":
                raise PostBoostConfigError(
                    "The token may not read PostBoost's activity log (ability 'read'), so a run can't tell which rows an earlier "
                    "one published more than 24 hours ago. Nothing was sent. Give the token the ability, or accept that rows "
                    "may be published again with on_unknown='publish'.",
                    code="no_memory",
                    field="on_unknown",
                )
            log.warning(
                "The token may not read PostBoost's activity log (ability 'read'). Only the idempotency key prevents a row "
                "from being published twice, and only for 24 hours."
            )
        self._listed = self._list_known(rows)
        logged_at, outages = time.monotonic(), 0
        for number, row in enumerate(rows, 1):
            done = self._report_row(row, report)
            report.rows.append(done)
            if row.key in self._in_use:
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
        self._send_in_use(report)
        log.info("%d of %d rows: %s", len(report.rows), len(rows), report.describe_counts())
        return report

    def _send_in_use(self, report: Report) -> None:
        """Send the rows again whose keys other attempts were using, after one wait for all of them."""
        for _ in range(MAX_WAITS):
            in_use = {n: done.row for n, done in enumerate(report.rows) if done.row.key in self._in_use}
            if not in_use or report.stopped is not None:
                return
            identities = [self._actor(row).log_identity for row in in_use.values()]
            try:
                self._known = wait_for_others(self.api, Owner(self._scope), identities)
            except PostBoostError as error:
                # The other rows are done, and the report must say so.
                log.warning("The activity log can't be read: %s", error)
                report.stopped = error
                return
            for number, row in in_use.items():
                report.rows[number] = self._report_row(row, report)

    def _actor(self, row: Row) -> Actor:
        return Actor.of_row(self.calendar_id, row.key)

    def _known_post(self, row: Row) -> KnownPost | None:
        """Return the post that the activity log has of a row."""
        return (self._known or {}).get(self._actor(row).log_identity)

    def _list_known(self, rows: Sequence[Row]) -> dict[str, PostOutcome]:
        """Read the posts of earlier runs from lists, where that takes fewer requests than one per post."""
        lists = PostLists(known.post_uuid for row in rows if (known := self._known_post(row)) is not None)
        found: dict[str, PostOutcome] = {}
        try:
            while (parameters := lists.next()) is not None:
                for post in lists.find(self.api.call("list_posts", parameters=parameters)):
                    found[post["uuid"]] = read_post(post)
        except Exception as error:  # noqa: BLE001  # whatever it is, no row depends on it
            log.warning("Posts can't be listed (%s); the others are read one by one.", error)
        return found

    def _report_row(self, row: Row, report: Report) -> RowReport:
        """Publish a row, and report it. If another attempt is using its key, it is in ``_in_use`` afterwards."""
        if row.problems:
            return invalid(row, row.problems)
        # The salt of version 0.1.0.
        resolution = PostResolution(self._resolver, row.post, f"{self._scope}\n\n{row.key}")
        try:
            done = self._publish(row, resolution)
        except KeyInUseError as error:
            self._in_use[row.key] = error.revision
            return RowReport(row, "failed", str(error), retry=True)
        except InvalidPostError as error:
            return invalid(row, error.problems)
        except PostBoostError as error:
            if isinstance(error, (AuthenticationError, UnreachableError)):
                report.stopped = error
            retry = is_retryable(error)
            why = str(error) if retry else resolution.explain(error)
            return RowReport(row, "failed", why, retry=retry, is_outage=isinstance(error, OUTAGES))
        except Exception as error:
            # Whatever it is, it is about this row: the report of the others must not be lost.
            log.exception("%s, %s", row.place, row.key)
            why = f"unexpected {type(error).__name__}: {error}. Please report it with the task's log."
            return RowReport(row, "failed", why)
        for warning in done.warnings:
            log.warning("%s, %s: PostBoost warns: %s", row.place, row.key, warning)
        if done.result == "skipped" and not self.dry_run:
            log.warning("%s, %s: skipped: %s", row.place, row.key, done.why)
        log.debug("%s, %s: %s post %s", row.place, row.key, done.result, done.post_uuid)
        return done

    def _publish(self, row: Row, resolution: PostResolution) -> RowReport:
        known = self._known_post(row)
        waited_for = self._in_use.pop(row.key, None)
        media: MediaByTarget = {}
        intent = None
        try:
            media = resolution.media()
            intent = intent_hash(post_intent(row.post, media_contents(media)))
        except InvalidPostError:
            # The file of a published post may have been deleted: that changes nothing.
            if known is None:
                raise
        intention = Intention(self._actor(row), intent, row.post.mode)
        if known is None and (skipped := self._skip_beyond_horizon(row)) is not None:
            return skipped
        found = compare(self.api, intention, known, self._listed.get(known.post_uuid)) if known else None
        if isinstance(found, Published):
            return self._row_report(row, found)
        # People decide when a draft is published.
        mode = "draft" if found is not None and row.post.mode == "draft" else self._mode_now(row)
        if mode is None:
            return self._report_past(row)
        if self.dry_run:
            return self._check(row, resolution, mode, media, known)
        body = partial(resolution.body, mode, media)
        if known is not None and found is not None:
            return self._row_report(row, update(self.api, intention, known, found, body))
        can_read_log = self._known is not None
        try:
            created = attempt_create(
                self.api, intention, body, can_read_log=can_read_log, waited_for=waited_for
            )
        except ValidationError as error:
            if mode != "schedule" or not self._is_past_for_postboost(row, error):
                raise
            log.warning(
                "%s, %s: its time has come by PostBoost's clock. Sending it at once.", row.place, row.key
            )
            self._past_for_postboost.add(row.key)
            # The first key was this row's own: its request has ended, and created nothing.
            self._in_use[row.key] = 0
            return self._publish(row, resolution)
        return self._row_report(row, created)

    def _row_report(self, row: Row, done: Published) -> RowReport:
        why = f"dry run: {done.why}" if self.dry_run else done.why
        if done.result != "skipped" and done.outcome is not None and done.outcome.is_failed_everywhere:
            failed = describe_failures([done.outcome]).strip()
            advice = "Fix the cause and retry the accounts in PostBoost, or give the row a new key"
            return RowReport(
                row, "failed", f"{failed}. {advice}", done.post_uuid, done.outcome, done.warnings
            )
        result = "skipped" if self.dry_run else done.result
        return RowReport(row, result, why, done.post_uuid, done.outcome, done.warnings)

    def _skip_beyond_horizon(self, row: Row) -> RowReport | None:
        """Skip a row whose post would not be in the activity log any more at its time."""
        publish_at, now = row.post.publish_at, self.clock()
        if publish_at is None or publish_at - now <= MAX_SCHEDULING_HORIZON:
            return None
        days, most = (publish_at - now).days, MAX_SCHEDULING_HORIZON.days
        why = (
            f"due in {days} days, beyond the maximum scheduling horizon of {most} days. A later run sends it"
        )
        return RowReport(row, "skipped", why)

    def _mode_now(self, row: Row) -> str | None:
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
        return row.post.publish_at is not None and row.post.publish_at >= self._began

    def _is_past_for_postboost(self, row: Row, error: ValidationError) -> bool:
        """Return whether PostBoost refused the time of a row because its clock is ahead of this one."""
        publish_at = row.post.publish_at
        return (
            publish_at is not None
            and publish_at - self.clock() <= min(CLOCK_DIFFERENCE, self.late_by)
            and bool(error.errors)
            and set(error.errors) <= {"date", "time"}
        )

    def _report_past(self, row: Row) -> RowReport:
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

    def _check(
        self, row: Row, resolution: PostResolution, mode: str, media: MediaByTarget, known: KnownPost | None
    ) -> RowReport:
        """Have PostBoost check the row without creating anything. Files are checked here and not uploaded."""
        response = self.api.call("validate_post", body=resolution.body(mode, media, dry_run=True))
        has_files = any(file is not None for found in media.values() for _, file in found)
        problems = [
            problem
            for problem in resolution.problems(response.get("errors") or {})
            # PostBoost does not have the files.
            if not (has_files and "media" in problem.field)
        ]
        for issue in response.get("issues") or ():
            # The check reports the row's own earlier post as a duplicate.
            if not (known is not None and issue.get("code") == "duplicate_post"):
                problems.append(Problem("accounts", self._resolver.describe_issue(issue), issue.get("code")))
        if problems:
            return invalid(row, problems)
        files = "; its files were only checked here" if has_files else ""
        why = f"dry run: the post would be {'updated' if known else 'created'}{files}"
        uuid = known.post_uuid if known else None
        return RowReport(row, "skipped", why, uuid, warnings=read_warnings(response))
