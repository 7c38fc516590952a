"""PostBoost's own reports, as PDF or CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.base import DOWNLOAD_SECONDS, BasePostBoostOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, timedelta

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient


class PostBoostReportOperator(BasePostBoostOperator):
    """Have PostBoost create a report of a period, and save its file.

    A PDF has the workspace's branding, a summary, the accounts and the ten best posts. A CSV has a row for each post and
    account, or for each account; it is UTF-8 with a byte order mark. PostBoost puts at most 500 posts into a report:
    ``PostBoostAnalyticsToStorageOperator`` has no such limit.

    :param path: a path or an ``ObjectStoragePath`` URI (``s3://``, ``gs://``, ``file://`` ...). An existing file is
        replaced when the new one is complete. Templated.
    :param file_format: ``pdf`` or ``csv``.
    :param dataset: the rows of a CSV: ``posts`` or ``accounts``.
    :param period: ``this_week``, ``last_week``, ``this_month``, ``last_month`` (PostBoost's default), ``last_3_months`` or
        ``this_year``. Templated.
    :param date_from: the first day, in place of ``period``: a date or ``YYYY-MM-DD``. Templated.
    :param date_to: the last day, included; at most 366 days later. Templated.
    :param accounts: at most 100 ids, ``@username``, ``provider:username``, ``provider:*``, or names of account groups.
        Default: all. Templated.
    :param export_uuid: save this existing export in place of a new one. PostBoost keeps files for 7 days. Templated.
    :param timeout: how long to wait for PostBoost to create the file, in seconds or as a timedelta.
    :param escape_formulas: in a CSV, put an apostrophe before texts that a spreadsheet would run as formulas; numbers stay.
    :param file_mode: the permissions of a local file, such as ``0o600``. Default: those of the umask.
    :param object_storage_conn_id: the Airflow connection for object storage. Templated.
    :xcom return_value: (dict) ``path``, ``size`` in bytes, ``export_uuid``, ``format``, ``dataset``, ``date_from``,
        ``date_to`` and ``expires_at``.
    :raises AirflowFailException: an argument is wrong, the token may not create reports, or the file has expired (410).
    """

    template_fields: Sequence[str] = (
        "path",
        "period",
        "date_from",
        "date_to",
        "accounts",
        "export_uuid",
        "object_storage_conn_id",
        "postboost_conn_id",
    )
    ui_color = "#ede9fe"

    def __init__(
        self,
        *,
        path: str,
        file_format: Literal["pdf", "csv"] = "pdf",
        dataset: Literal["posts", "accounts"] = "posts",
        period: str | None = None,
        date_from: date | str | None = None,
        date_to: date | str | None = None,
        accounts: str | int | Sequence[str | int] | None = None,
        export_uuid: str | None = None,
        timeout: timedelta | float = 300,
        escape_formulas: bool = True,
        file_mode: int | None = None,
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.file_format = file_format
        self.dataset = dataset
        self.period = period
        self.date_from = date_from
        self.date_to = date_to
        self.accounts = accounts
        self.export_uuid = export_uuid
        self.timeout = timeout
        self.escape_formulas = escape_formulas
        self.file_mode = file_mode
        self.object_storage_conn_id = object_storage_conn_id

    def prepare(self, context: Context) -> Callable[[PostBoostClient], dict[str, Any]]:
        from postboost_provider.airflow_support.storage import check_file_mode, locate, replacing
        from postboost_provider.api.arguments import read_seconds, require_text
        from postboost_provider.services import reports

        storage = self.object_storage_conn_id or None
        path = require_text("path", self.path)
        check_file_mode(self.file_mode, path)
        body = self._body()
        timeout = read_seconds("timeout", self.timeout)

        def act(api: PostBoostClient) -> dict[str, Any]:
            # The file first: what can't be saved is not requested.
            with replacing(path, storage, self.file_mode) as open_file:
                if self.export_uuid:
                    export = reports.find(api, self.export_uuid.strip(), timeout)
                else:
                    export = reports.create(api, {**body, **self._account_ids(api)}, timeout)
                with self.hook.client(deadline_seconds=DOWNLOAD_SECONDS) as download_api:
                    is_csv = self.file_format == "csv" or export.get("format") == "csv"
                    reports.download(
                        download_api,
                        export["uuid"],
                        open_file,
                        escape_formulas=is_csv and self.escape_formulas,
                    )
            size = locate(path, storage).stat().st_size
            self.log.info(
                "Saved report %s to %s (%d bytes).", clean_text(export["uuid"]), clean_text(path), size
            )
            names = ("format", "dataset", "date_from", "date_to", "expires_at")
            about = {name: export.get(name) for name in names}
            return {"path": path, "size": size, "export_uuid": export["uuid"], **about}

        return act

    def _body(self) -> dict[str, Any]:
        """Return the body of the request, without the accounts, which only PostBoost knows."""
        from postboost_provider.api.arguments import check_choice
        from postboost_provider.services.analytics import read_period

        check_choice("file_format", self.file_format, ("pdf", "csv"))
        check_choice("dataset", self.dataset, ("posts", "accounts"))
        has_dates = self.date_from or self.date_to
        if has_dates and self.period:
            raise PostBoostConfigError(
                "period and date_from are both given. Remove one.",
                field="period",
                code="conflicting_arguments",
            )
        about: dict[str, Any] = {"format": self.file_format}
        if self.file_format == "csv":
            about["dataset"] = self.dataset
        if has_dates:
            return {**about, **read_period(self.date_from, self.date_to).as_parameters()}
        return {**about, "period": self.period} if self.period else about

    def _account_ids(self, api: PostBoostClient) -> dict[str, list[int]]:
        from postboost_provider.api.arguments import read_text
        from postboost_provider.services.accounts import account_ids

        return {"account_ids": list(account_ids(api, read_text(self.accounts)))} if self.accounts else {}
