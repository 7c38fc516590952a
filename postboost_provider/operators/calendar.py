"""Publish a content calendar, each row once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.airflow_support.storage import locate
from postboost_provider.api.errors import AuthenticationError, PostBoostConfigError, UnreachableError
from postboost_provider.operators.publishing import PublishingOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.calendar.csv import Row
    from postboost_provider.calendar.report import Report, RowResult
    from postboost_provider.services.media.upload import MediaFile


class PostBoostPublishCalendarOperator(PublishingOperator):
    """Publish the rows of a content calendar, each exactly once, however often the task runs.

    ``calendar_id`` and a row's ``key`` identify the row. A row that an earlier run has sent is found and reused; after an
    edit, its post is updated while it is not live yet. Good rows are published even if others are bad; then the task
    fails and lists the bad ones. ``docs/content-calendar.md`` describes the columns.

    :param rows: the path of a CSV file, local or any ``ObjectStoragePath`` URI, or a list of mappings. Templated.
    :param calendar_id: the calendar's name, for all DAGs that publish it. Default: DAG id and task id. Templated.
    :param timezone: IANA time zone of times without an offset. Templated.
    :param window: publish the rows with a time in ``[anchor, anchor + window)``; the anchor is the run's
        ``data_interval_end`` if it has one, otherwise its ``run_after``. Days are those of the DAG's time zone: when the
        clocks go back, one has 25 hours. Default: every row.
    :param on_past: what to do with a row whose time had passed before the run began (its anchor): ``skip``, ``fail``, or
        publish it ``now``.
    :param late_by: a row whose time came after the run began, and that was not sent in time, is published at once while it
        is at most this late, and fails the task after that; in seconds or as a timedelta, up to 10 days. Default: one hour.
    :param on_unknown: what to do if the token may not read what was published before (ability ``read``), so that only the
        last 24 hours are known: ``fail`` before anything is sent, or ``publish``, which may publish rows again. Also for rows
        without a time, if the first attempt or the DAG's last successful run was more than 89 days ago.
    :param on_edit_after_live: what to do if a row was changed after its post went live: ``fail`` the row, or ``keep`` the
        post as it is and log a warning.
    :param on_edit_while_waiting: what to do if a row was changed while its post waits for approval: ``fail`` the row, or
        ``edit`` the post. PostBoost does not document whether an edit takes a post out of its approval; if it does, the row
        fails afterwards, when the post may be published already.
    :param on_altered_text: what to do if PostBoost changes a text: ``warn`` with both, or ``fail``.
    :param on_row_error: ``fail_at_end``, ``fail_fast`` (stop at the first bad row), or ``ignore`` (only report).
    :param on_nothing_sent: what to do if no row has a post, because all are past, too far ahead or deleted in PostBoost, or
        because none is due: ``warn``, ``skip`` the task, or ``fail`` it. A row whose post is found has one. Not with
        ``dry_run``, nor with bad rows that are ignored.
    :param dry_run: have PostBoost check every row, and create nothing.
    :param requests_per_minute: the maximum number of requests per minute. Default: the server's rate limit.
    :param media_root: the folder of the rows' media; a file elsewhere, also behind a link, is an error of its row.
        Default: the folder of the calendar file. Templated.
    :param media_allow: paths and URIs of other folders and files that rows may name, such as ``["s3://bucket/shared"]``.
        Templated.
    :param object_storage_conn_id: the Airflow connection for ``rows`` and media on object storage. Templated.
    :xcom return_value: (dict; also if bad rows fail the task, or it is skipped) ``calendar_id``, ``counts`` by result, ``rows``
        (``place``, ``key``, ``result``, ``why``, ``warnings``, and the post's ``uuid``, ``status`` and ``scheduled_at``)
        and ``post_uuids``.
    :xcom post_uuids: (list[str]; also if bad rows fail the task, or it is skipped) The uuids of the posts to wait for.
    :raises AirflowSkipException: no row has a post, and ``on_nothing_sent`` is ``skip``.
    :raises AirflowFailException: rows are bad, or another error that is not retryable.
    """

    template_fields: Sequence[str] = (
        "rows",
        "calendar_id",
        "timezone",
        "media_root",
        "media_allow",
        "postboost_conn_id",
        "object_storage_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"rows": "json"}

    def __init__(
        self,
        *,
        rows: str | Sequence[Mapping[str, Any]] | XComArg,
        calendar_id: str | None = None,
        timezone: str | None = None,
        window: timedelta | None = None,
        on_past: Literal["skip", "fail", "now"] = "skip",
        late_by: timedelta | float = timedelta(hours=1),
        on_unknown: Literal["fail", "publish"] = "fail",
        on_edit_after_live: Literal["fail", "keep"] = "fail",
        on_edit_while_waiting: Literal["fail", "edit"] = "fail",
        on_altered_text: Literal["warn", "fail"] = "warn",
        on_row_error: Literal["fail_at_end", "fail_fast", "ignore"] = "fail_at_end",
        on_nothing_sent: Literal["warn", "skip", "fail"] = "skip",
        dry_run: bool = False,
        requests_per_minute: float | None = None,
        media_root: str | None = None,
        media_allow: Sequence[str] = (),
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rows = rows
        self.calendar_id = calendar_id
        self.timezone = timezone
        self.window = window
        self.on_past = on_past
        self.late_by = late_by
        self.on_unknown = on_unknown
        self.on_edit_after_live = on_edit_after_live
        self.on_edit_while_waiting = on_edit_while_waiting
        self.on_altered_text = on_altered_text
        self.on_row_error = on_row_error
        self.on_nothing_sent = on_nothing_sent
        # Not ``dry_run``: that is a method of Airflow's operators.
        self.only_ask = dry_run
        self.requests_per_minute = requests_per_minute
        self.media_root = media_root
        self.media_allow = media_allow
        self.object_storage_conn_id = object_storage_conn_id

    def client(self) -> PostBoostClient:
        from postboost_provider.api.rate_limit import RateLimit

        return self.hook.client(pace=RateLimit(self.requests_per_minute))

    def prepare(self, context: Context) -> Callable[[PostBoostClient], dict[str, Any]]:
        from postboost_provider.airflow_support.confinement import read_places
        from postboost_provider.airflow_support.run_times import attempt_began, last_success, run_anchor
        from postboost_provider.airflow_support.task_memory import TaskMemory
        from postboost_provider.api.arguments import argument, check_choice, read_seconds
        from postboost_provider.api.rate_limit import RateLimit
        from postboost_provider.api.safety import describe
        from postboost_provider.calendar.due import MAX_DELAY
        from postboost_provider.calendar.run import CalendarRun
        from postboost_provider.idempotency.identity import digest
        from postboost_provider.publishing.attempt_start import AttemptStart

        check_choice("on_past", self.on_past, ("skip", "fail", "now"))
        check_choice("on_unknown", self.on_unknown, ("fail", "publish"))
        check_choice("on_edit_after_live", self.on_edit_after_live, ("fail", "keep"))
        check_choice("on_edit_while_waiting", self.on_edit_while_waiting, ("fail", "edit"))
        check_choice("on_altered_text", self.on_altered_text, ("warn", "fail"))
        check_choice("on_row_error", self.on_row_error, ("fail_at_end", "fail_fast", "ignore"))
        check_choice("on_nothing_sent", self.on_nothing_sent, ("warn", "skip", "fail"))
        with argument("requests_per_minute"):
            RateLimit(self.requests_per_minute)
        read_places(self.media_allow)
        if (late_by := read_seconds("late_by", self.late_by)) > MAX_DELAY.total_seconds():
            raise PostBoostConfigError(
                f"late_by is {self.late_by!r}; it must be at most {MAX_DELAY.days} days: after that the activity log can't tell "
                "whether a row was published.",
                field="late_by",
            )
        began, why_stale = datetime.now(UTC), self.stale_check(context)
        stale: RowResult = "failed" if self.on_backfill == "fail" else "skipped"
        # What can't be read fails before anything is sent. A file is read again when the activity log was.
        (calendar_id, former_id), rows = self._calendar_id(context), self._rows_due(context)
        is_file = not self._is_list

        memory = TaskMemory(context, began, digest("calendar", calendar_id)[:16])

        def act(api: PostBoostClient) -> dict[str, Any]:
            checks = api.settings.mode == "check"
            run = CalendarRun(
                api,
                calendar_id,
                former_id=former_id,
                find_media=self._find_media,
                clock=lambda: datetime.now(UTC),
                on_past=self.on_past,
                began=run_anchor(context) or getattr(context["dag_run"], "start_date", None),
                late_by=timedelta(seconds=late_by),
                on_unknown=self.on_unknown,
                on_edit_after_live=self.on_edit_after_live,
                since=memory.begin(),
                last_run=partial(last_success, context),
                on_altered_text=self.on_altered_text,
                fail_fast=self.on_row_error == "fail_fast",
                dry_run=self.only_ask or checks,
                refused=lambda mode: (stale, why) if (why := why_stale(mode)) else None,
                reread=partial(self._rows_due, context) if is_file else None,
                start=None if is_file else AttemptStart(attempt_began(context)),
                on_edit_while_waiting=self.on_edit_while_waiting,
            )
            return self._conclude(run.run(rows), context, describe(api.settings) if checks else "")

        return act

    def _conclude(self, report: Report, context: Context, mode: str) -> dict[str, Any]:
        """Return the report; if it has bad rows, push it to XCom and fail.

        :param mode: the safety mode, where it does not let anything be sent.
        """
        result = report.as_dict()
        # Also under its own key, for a sensor that takes publish.output["post_uuids"].
        context["ti"].xcom_push(key="post_uuids", value=result["post_uuids"])
        if not report.bad or (self.on_row_error == "ignore" and report.stopped is None):
            if report.bad:
                self.log.warning("%d bad rows were ignored:\n%s", len(report.bad), report.describe_bad())
            if mode:
                context["ti"].xcom_push(key="return_value", value=result)
                raise AirflowSkipException(f"Nothing was sent: {mode}. {report.describe_counts()}.")
            if not (report.bad or report.has_posts or self.only_ask):
                self._end_with_nothing(report, context)
            return result
        context["ti"].xcom_push(key="return_value", value=result)
        message = (
            f"{len(report.bad)} of {len(report.rows)} rows were not published ({report.describe_counts()}):\n"
            f"{report.describe_bad()}\nCorrect these and run the task again: it publishes nothing twice."
        )
        if isinstance(report.stopped, AuthenticationError):
            raise AuthenticationError(message, **report.stopped.details)
        if not any(r.retry for r in report.bad):
            raise PostBoostConfigError(message, code="bad_rows", field="rows")
        raise UnreachableError(message, code="rows_failed")

    def _end_with_nothing(self, report: Report, context: Context) -> None:
        message = f"Nothing was sent: {report.describe_counts()}. The report names each row and why."
        if self.on_nothing_sent == "warn":
            self.log.warning("%s", message)
            return
        context["ti"].xcom_push(key="return_value", value=report.as_dict())
        if self.on_nothing_sent == "skip":
            raise AirflowSkipException(message)
        message += " Correct the calendar, or accept that with on_nothing_sent='skip' or 'warn'."
        raise PostBoostConfigError(message, code="nothing_sent", field="on_nothing_sent")

    def _calendar_id(self, context: Context) -> tuple[str, str | None]:
        """Return the calendar's id, and what version 0.1.0 called it, where that differs."""
        from postboost_provider.idempotency.identity import default_calendar_id, normal

        if calendar_id := normal(self.calendar_id):
            former = str(self.calendar_id)
            return calendar_id, former if former != calendar_id else None
        ti = context["ti"]
        if (ti.map_index if ti.map_index is not None else -1) >= 0:
            raise PostBoostConfigError(
                "calendar_id is empty. Expand a mapped calendar task over calendar_id too, such as the name of the file.",
                field="calendar_id",
            )
        return default_calendar_id(ti.dag_id, ti.task_id)

    def _rows_due(self, context: Context) -> list[Row]:
        from postboost_provider.airflow_support.run_times import run_anchor, window_end
        from postboost_provider.calendar.csv import in_window, read_rows

        window = self.window
        if window is not None and not (isinstance(window, timedelta) and window > timedelta(0)):
            raise PostBoostConfigError(
                f"window is {window!r}; it must be a timedelta of more than 0, or None.", field="window"
            )
        anchor, window = run_anchor(context), self.window
        rows = read_rows(self._numbered_rows(), self.timezone or None)
        if window is not None and anchor is not None:
            until = window_end(context, anchor, window)
            window = until - anchor
        due = [row for row in rows if in_window(row, anchor, window)]
        if window is not None and anchor is not None:
            self.log.info("%d of %d rows are due from %s to %s.", len(due), len(rows), anchor, until)
        return due

    @property
    def _is_list(self) -> bool:
        rows = self.rows
        return (
            isinstance(rows, Iterable) and not isinstance(rows, (str, Mapping)) and not hasattr(rows, "open")
        )

    def _numbered_rows(self) -> list[tuple[str, dict[str, Any]]]:
        from postboost_provider.calendar.csv import number_rows, read_csv

        rows: Any = self.rows
        if self._is_list:
            return number_rows(list(rows))
        path = str(rows or "").strip()
        if not path or isinstance(rows, Mapping):
            raise PostBoostConfigError(
                f"rows is {rows!r}; it must be the path of a CSV file, or a list of mappings.", field="rows"
            )
        if path.startswith(("[", "{")):
            raise PostBoostConfigError(
                "rows is the text of a list. Pass rows=my_task.output, or set render_template_as_native_obj on the DAG.",
                field="rows",
            )
        from postboost_provider.services.media.file_content import reading

        with reading(path, "rows"), locate(path, self.object_storage_conn_id).open("rb") as stream:
            content = stream.read()
        return read_csv(content, path)

    def _find_media(self, name: str) -> MediaFile:
        from postboost_provider.airflow_support.confinement import find_confined_file, read_places

        root = str(self.media_root) if self.media_root else None
        if root is None:
            if isinstance(self.rows, str) or hasattr(self.rows, "open"):
                path = str(self.rows).strip()
                # With the slash at its end: the folder of /calendar.csv is /.
                root = path[: path.rfind("/") + 1] or "."
            elif "://" not in name and not name.startswith("/"):
                raise PostBoostConfigError(
                    f"{name!r} is a relative path, and rows from a list have no folder. Set media_root.",
                    field="media_root",
                )
        return find_confined_file(name, root, read_places(self.media_allow), self.object_storage_conn_id)
