"""Write the analytics of posts, accounts and the workspace to files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.operators.base import BasePostBoostOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient


class PostBoostAnalyticsToStorageOperator(BasePostBoostOperator):
    """Write the analytics of a period to a file: per post, per account, or a summary of the workspace.

    The file replaces an existing one when it is complete. All columns of ``docs/analytics.md`` are written, in that order.

    :param kind: ``posts``: a row for each account on which a post of the period is live and not in the trash;
        ``accounts``: a row for each account that has analytics; ``summary``: one row. One request per post or account.
    :param path: a path or an ``ObjectStoragePath`` URI (``s3://``, ``gs://``, ``file://`` ...), with the period in its name,
        such as ``s3://marketing/posts/{{ ds }}.jsonl``. Templated.
    :param date_from: the first day: a date or ``YYYY-MM-DD``, in UTC. Templated.
    :param date_to: the last day, included; at most 366 days later. Templated.
    :param file_format: ``jsonl``: one object per line; or ``csv``: UTF-8, with a header, ``data`` as JSON text.
    :param escape_formulas: in CSV, put an apostrophe before texts that a spreadsheet would run as formulas; numbers stay as they are.
    :param file_mode: the permissions of a local file, such as ``0o600``. Default: those of the umask.
    :param object_storage_conn_id: the Airflow connection for object storage. Templated.
    :xcom return_value: (dict) ``path``, ``kind``, ``date_from``, ``date_to`` and the number of ``rows``.
    :raises AirflowFailException: an argument is wrong, or the token may not read analytics.
    """

    template_fields: Sequence[str] = (
        "path",
        "date_from",
        "date_to",
        "object_storage_conn_id",
        "postboost_conn_id",
    )
    ui_color = "#ede9fe"

    def __init__(
        self,
        *,
        kind: Literal["posts", "accounts", "summary"],
        path: str,
        date_from: date | str,
        date_to: date | str,
        file_format: Literal["jsonl", "csv"] = "jsonl",
        escape_formulas: bool = True,
        file_mode: int | None = None,
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.path = path
        self.date_from = date_from
        self.date_to = date_to
        self.file_format = file_format
        self.escape_formulas = escape_formulas
        self.file_mode = file_mode
        self.object_storage_conn_id = object_storage_conn_id

    def prepare(self, context: Context) -> Callable[[PostBoostClient], dict[str, Any]]:
        from postboost_provider.airflow_support.storage import check_file_mode, replacing
        from postboost_provider.api.arguments import check_choice, require_text
        from postboost_provider.services.analytics import COLUMNS, csv_line, json_line, read_period, rows

        check_choice("kind", self.kind, COLUMNS)
        check_choice("file_format", self.file_format, ("jsonl", "csv"))
        path = require_text("path", self.path)
        check_file_mode(self.file_mode, path)
        period = read_period(self.date_from, self.date_to)

        def act(api: PostBoostClient) -> dict[str, Any]:
            count = 0
            storage = self.object_storage_conn_id or None
            with replacing(path, storage, self.file_mode) as open_file, open_file() as file:
                if self.file_format == "csv":
                    file.write(csv_line(COLUMNS[self.kind]))
                for row in rows(api, self.kind, period):
                    if self.file_format == "csv":
                        file.write(csv_line(row.values(), escape_formulas=self.escape_formulas))
                    else:
                        file.write(json_line(row))
                    count += 1
            days = period.as_parameters()
            self.log.info("Wrote %d rows of %s of %s to %s.", count, self.kind, days, path)
            return {"path": path, "kind": self.kind, **days, "rows": count}

        return act
