"""PostBoost's own reports, as PDF or CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, timedelta

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient

# A file takes as long as it takes; each part of it must come within the connection's timeout_seconds.
DOWNLOAD_SECONDS = 3600.0


class PostBoostReportOperator(RetryPolicyMixin, BaseOperator):
    """Have PostBoost make a report of a period, and save its file.

    A PDF has the workspace's branding, a summary, the accounts and the ten best posts. A CSV has a row for each post and
    account, or for each account; it is UTF-8 with a byte order mark. PostBoost takes at most 500 posts into a report:
    ``PostBoostAnalyticsToStorageOperator`` has no such cap.

    The file is fetched from the connection's own host, with the token, and written as it comes. What was at ``path`` is
    replaced when the new file is whole.

    Returns ``{"path", "size", "export_uuid", "format", "dataset", "date_from", "date_to", "expires_at"}``, ``size`` in bytes.

    :param path: a path or an ``ObjectStoragePath`` URI (``s3://``, ``gs://``, ``file://`` ...). Templated.
    :param file_format: ``pdf`` (default) or ``csv``.
    :param dataset: the rows of a CSV: ``posts`` (default) or ``accounts``.
    :param period: ``this_week``, ``last_week``, ``this_month``, ``last_month`` (PostBoost's default), ``last_3_months`` or
        ``this_year``. Templated.
    :param date_from: the first day, in place of ``period``: a date or ``YYYY-MM-DD``. Templated.
    :param date_to: the last day, included; at most 366 days later. Templated.
    :param accounts: limit the report to these: ids, ``@username``, ``provider:username``, ``provider:*``, or names of
        account groups; at most 100. Default: all. Templated.
    :param export_uuid: save this export, made before, in place of a new one. PostBoost keeps files for 7 days. Templated.
    :param timeout: seconds, or a timedelta, to wait for the file, should PostBoost not have made it within its answer. Default 300.
    :param object_storage_conn_id: the Airflow connection for object storage. Templated.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises AirflowFailException: an argument is wrong, the token may not make reports, or the file is gone (410).
    :raises PostBoostError: something that a retry can mend, such as a report that PostBoost could not make.
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
        object_storage_conn_id: str | None = None,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
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
        self.object_storage_conn_id = object_storage_conn_id
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        from postboost_provider.airflow_support.storage import locate, replacing
        from postboost_provider.api.arguments import read_seconds
        from postboost_provider.services import reports

        storage = self.object_storage_conn_id or None
        with failing_fast(self):
            path = str(self.path or "").strip()
            if not path:
                raise PostBoostConfigError("path is empty: say where the file goes.")
            wanted = self._wanted()
            timeout = read_seconds("timeout", self.timeout)
            hook = PostBoostHook(self.postboost_conn_id)
            # The place first: what can't be kept is not asked for.
            with replacing(path, storage) as open_file:
                with hook.client() as api:
                    if self.export_uuid:
                        export = reports.find(api, self.export_uuid.strip(), timeout)
                    else:
                        export = reports.make(api, {**wanted, **self._account_ids(api)}, timeout)
                with hook.client(deadline_seconds=DOWNLOAD_SECONDS) as api:
                    reports.download(api, export["uuid"], open_file)
        size = locate(path, storage).stat().st_size
        self.log.info("Report %s is in %s (%d bytes).", export["uuid"], path, size)
        about = {
            name: export.get(name) for name in ("format", "dataset", "date_from", "date_to", "expires_at")
        }
        return {"path": path, "size": size, "export_uuid": export["uuid"], **about}

    def _wanted(self) -> dict[str, Any]:
        """Return the body of the request, as far as it can be told without asking PostBoost."""
        from postboost_provider.services.analytics import read_period

        if self.file_format not in ("pdf", "csv"):
            raise PostBoostConfigError(f"file_format is {self.file_format!r}; use pdf or csv.")
        if self.dataset not in ("posts", "accounts"):
            raise PostBoostConfigError(f"dataset is {self.dataset!r}; use posts or accounts.")
        own = self.date_from or self.date_to
        if own and self.period:
            raise PostBoostConfigError("period and date_from exclude each other: give one of them.")
        about = {
            "format": self.file_format,
            **({"dataset": self.dataset} if self.file_format == "csv" else {}),
        }
        if own:
            return {**about, **read_period(self.date_from, self.date_to).as_parameters()}
        return {**about, "period": self.period} if self.period else about

    def _account_ids(self, api: PostBoostClient) -> dict[str, list[int]]:
        from postboost_provider.api.arguments import read_text
        from postboost_provider.services.accounts import account_ids

        return {"account_ids": list(account_ids(api, read_text(self.accounts)))} if self.accounts else {}
