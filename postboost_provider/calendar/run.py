"""One run over a content calendar: each row published once, and what became of it. No Airflow in here."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider import identity as identities, publishing
from postboost_provider.api import media as uploads
from postboost_provider.api.errors import (
    AuthenticationError,
    PostBoostConfigError,
    PostBoostError,
    PostBoostRequestError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnreachableError,
    ValidationError,
)
from postboost_provider.api.ledger import KEPT_FOR, Entry, read_ledger
from postboost_provider.api.lookup import Accounts, Tags, load_accounts
from postboost_provider.api.post import Post, check_first_comment, post_body
from postboost_provider.calendar.report import Report, RowReport, invalid
from postboost_provider.calendar.rows import Problem, Row, row_intent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.media import MediaFile

log = logging.getLogger(__name__)

# A post may be created this long before it goes out: then the ledger still knows it when its time has passed.
LONGEST_LEAD = KEPT_FOR - timedelta(days=10)
# So many rows in a row that PostBoost failed mean that it is down: trying the others would only take time.
FAILURES_IN_A_ROW = 3
PROGRESS_SECONDS = 10.0

# The API's field names -> the column that the author wrote.
COLUMN_OF_FIELD = (
    ("accounts", "accounts"),
    ("tags", "tags"),
    ("date", "publish_at"),
    ("time", "publish_at"),
    ("timezone", "publish_at"),
    ("schedule", "publish_at"),
)


class RowError(Exception):
    """A row that can't be sent, and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(p) for p in problems))
        self.problems = tuple(problems)


class CalendarRun:
    """Publish rows with one client.

    :param find_media: gives the file that a row's media path means.
    :param clock: returns the present as an aware instant.
    :param on_past: ``skip``, ``fail`` or ``now``.
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
        fail_fast: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._api = api
        self._calendar_id = calendar_id
        self._find_media = find_media
        self._clock = clock
        self._on_past = on_past
        self._fail_fast = fail_fast
        self._dry_run = dry_run
        self._tags = Tags(api)
        self._accounts: Accounts | None = None
        self._ledger: dict[str, Entry] | None = None

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
        told, transient = time.monotonic(), 0
        for number, row in enumerate(rows, 1):
            done = self._report_row(row, report)
            report.rows.append(done)
            transient = transient + 1 if done.retry else 0
            if transient == FAILURES_IN_A_ROW and report.stopped is None:
                report.stopped = UnreachableError(f"PostBoost failed {transient} rows one after another.")
            if report.stopped is not None:
                why = f"not tried, because the run stopped at {row.place}"
                report.rows += [RowReport(r, "failed", why, retry=True) for r in rows[number:]]
                break
            if done.is_bad and self._fail_fast:
                break
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                log.info("%d of %d rows: %s", number, len(rows), report.describe_counts())
        log.info("%d of %d rows: %s", len(report.rows), len(rows), report.describe_counts())
        return report

    @property
    def _scope(self) -> str:
        return identities.ledger_scope(self._calendar_id)

    def _report_row(self, row: Row, report: Report) -> RowReport:
        if row.problems:
            return invalid(row, row.problems)
        try:
            done = self._publish(row)
        except RowError as error:
            return invalid(row, error.problems)
        except (AuthenticationError, UnreachableError) as error:
            report.stopped = error
            return RowReport(row, "failed", str(error), retry=isinstance(error, UnreachableError))
        except (RateLimitedError, ServerError, UnconfirmedError) as error:
            return RowReport(row, "failed", str(error), retry=True)
        except PostBoostRequestError as error:
            return RowReport(row, "failed", self._explain(row, error))
        except PostBoostError as error:
            return RowReport(row, "failed", str(error))
        for warning in done.warnings:
            log.warning("%s, %s: PostBoost warns: %s", row.place, row.key, warning)
        log.debug("%s, %s: %s post %s", row.place, row.key, done.result, done.post_uuid)
        return done

    def _publish(self, row: Row) -> RowReport:
        identity = identities.row_identity(self._calendar_id, row.key)
        entry = (self._ledger or {}).get(identities.ledger_identity(identity))
        media: list[tuple[str, MediaFile | None]] = []
        try:
            media = [self._read_media(name) for name in row.media]
            intent = identities.intent_hash(row_intent(row, [content for content, _ in media]))
        except RowError:
            # The file of a post that is out may be gone: that takes nothing back.
            if entry is None:
                raise
            intent = None
        intention = publishing.Intention(self._scope, identity, intent)

        def body() -> Mapping[str, Any]:
            return self._body(row, mode, media)

        mode: str = row.mode
        if entry is None:
            now = self._clock()
            if row.publish_at is not None and row.publish_at <= now:
                if self._on_past != "now":
                    return self._past(row, now)
                mode = "now" if row.mode == "schedule" else row.mode
            if row.publish_at is not None and row.publish_at - now > LONGEST_LEAD:
                why = (
                    f"due in {(row.publish_at - now).days} days. PostBoost's log remembers a post for "
                    f"{KEPT_FOR.days} days, so a run within {LONGEST_LEAD.days} days of it sends the row"
                )
                return RowReport(row, "skipped", why)
        if self._dry_run:
            return self._ask(row, mode, media, entry)
        if entry is not None:
            done = publishing.adopt(self._api, intention, entry, body)
        else:
            done = publishing.create_once(self._api, intention, body, ledger=self._ledger is not None)
        return RowReport(row, done.result, done.why, done.post_uuid, done.outcome, done.warnings)

    def _past(self, row: Row, now: datetime) -> RowReport:
        why = f"publish_at {row.publish_at:%Y-%m-%d %H:%M} UTC has passed (it is {now:%Y-%m-%d %H:%M} UTC)"
        if self._on_past == "fail":
            cure = "Correct it, or set on_past='now' to publish such rows at once."
            return invalid(row, [Problem("publish_at", f"{why}. {cure}")])
        return RowReport(row, "skipped", why)

    def _ask(
        self, row: Row, mode: str, media: Sequence[tuple[str, MediaFile | None]], entry: Entry | None
    ) -> RowReport:
        """Have PostBoost check the row without creating anything. Files are checked here and not uploaded."""
        answer = self._api.call("validate_post", body=self._body(row, mode, media, dry_run=True))
        has_files = any(file is not None for _, file in media)
        problems = []
        for name, messages in (answer.get("errors") or {}).items():
            column = column_of(name)
            if not (has_files and column == "media"):
                problems.append(Problem(column, "; ".join(messages)))
        for issue in answer.get("issues") or ():
            if not (entry is not None and issue.get("code") == "duplicate_post"):
                problems.append(Problem("accounts", self._describe_issue(issue)))
        if problems:
            return invalid(row, problems)
        would = "is created already" if entry is not None else "would be created"
        unasked = ", its files were checked here alone" if has_files else ""
        warnings = tuple(str(w.get("message") or w.get("code")) for w in answer.get("warnings") or ())
        uuid = entry.post_uuid if entry else None
        return RowReport(row, "skipped", f"dry run: it {would}{unasked}", uuid, warnings=warnings)

    def _body(
        self, row: Row, mode: str, media: Sequence[tuple[str, MediaFile | None]], *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Resolve the row's names to ids, uploading its files and making its tags."""
        with column("accounts"):
            accounts = self._known_accounts().find(row.accounts)
            if mode != "draft":
                _check_connected(accounts)
        with column("first_comment"):
            if row.first_comment:
                check_first_comment(accounts)
        key = identities.digest(self._scope, "tags")
        with column("tags"):
            if dry_run:
                known = [tag for tag in row.tags if tag not in self._tags.missing(row.tags)]
            tags = self._tags.ids(known if dry_run else row.tags, idempotency_key=key) if row.tags else []
        with column("media"):
            ids = [
                self._media_id(content, file) for content, file in media if not (dry_run and file is not None)
            ]
        return post_body(
            Post(
                text=row.text,
                accounts=accounts,
                mode=mode,  # type: ignore[arg-type]  # one of Mode by construction
                publish_at=row.publish_at,
                media=ids,
                tags=tags,
                first_comment=row.first_comment,
            )
        )

    def _known_accounts(self) -> Accounts:
        if self._accounts is None:
            self._accounts = load_accounts(self._api)
        return self._accounts

    def _read_media(self, name: str) -> tuple[str, MediaFile | None]:
        """Return the uuid, or a hash of the file's content and the file."""
        if uploads.is_media_uuid(name):
            return name.lower(), None
        with column("media"):
            file = self._find_media(name)
            return uploads.check_image(file), file

    def _media_id(self, content: str, file: MediaFile | None) -> int:
        if file is None:
            return uploads.find_media(self._api, content)
        return uploads.upload_image(self._api, file, content)

    def _explain(self, row: Row, error: PostBoostRequestError) -> str:
        """Say what PostBoost refused in the author's words: columns and account names."""
        if isinstance(error, ValidationError) and error.errors:
            problems = [Problem(column_of(name), "; ".join(texts)) for name, texts in error.errors.items()]
            return "PostBoost refused it: " + "; ".join(str(p) for p in problems)
        if error.body.get("account_id"):
            return f"{self._describe_issue(error.body)} ({error})"
        return str(error)

    def _describe_issue(self, issue: Mapping[str, Any]) -> str:
        account_id = issue.get("account_id")
        said = str(issue.get("message") or issue.get("code"))
        if account_id is None:
            return said
        try:
            account = self._known_accounts().find([account_id])[0]
        except PostBoostConfigError:
            return f"account {account_id}: {said}"
        return f"{account['provider']}:{account.get('username') or account['name']}: {said}"


@contextmanager
def column(name: str) -> Iterator[None]:
    """Say of an error that the author made in which column."""
    try:
        yield
    except PostBoostConfigError as error:
        raise RowError([Problem(name, str(error))]) from error


def column_of(field_name: str) -> str:
    """Return the column behind the API's name of a field, such as ``versions.0.content.0.body``."""
    if field_name.startswith("versions"):
        if ".media" in field_name:
            return "media"
        return "first_comment" if ".content.1" in field_name else "text"
    return next((column for start, column in COLUMN_OF_FIELD if field_name.startswith(start)), field_name)


def _check_connected(accounts: Sequence[Mapping[str, Any]]) -> None:
    dead = [
        f"{a['provider']}:{a.get('username') or a['name']}" for a in accounts if a.get("authorized") is False
    ]
    if dead:
        raise PostBoostConfigError(
            f"{', '.join(dead)} must be reconnected before anything goes out there. Reconnect it in PostBoost "
            "under Accounts, then run the task again."
        )
