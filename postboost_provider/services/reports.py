"""PostBoost's report exports: a file for a period, which PostBoost creates and keeps for download."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import NotFinishedError, PostBoostConfigError, UnexpectedResponseError
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.services.analytics import escape_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)


def create(api: PostBoostClient, body: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Have PostBoost create a report, and return its export once the file is ready.

    PostBoost takes no idempotency key for it: an attempt whose response was lost leaves one more file in its list, which
    PostBoost deletes after seven days.

    :param timeout: seconds to wait for a file that is not ready yet.
    :raises NotFinishedError: ``report_failed`` or ``timeout``; another attempt creates another report.
    """
    return _await(api, _export(api.call("create_report_export", body=body)), timeout)


def find(api: PostBoostClient, export_uuid: str, timeout: float) -> dict[str, Any]:
    """Return an export that was created before."""
    return _await(api, _read(api, export_uuid), timeout)


def download(
    api: PostBoostClient,
    export_uuid: str,
    open_file: Callable[[], IO[bytes]],
    *,
    escape_formulas: bool = False,
) -> None:
    """Write the file as it arrives. It is fetched only from the connection's own host, whatever ``download_url`` is.

    :param escape_formulas: of a CSV, see :func:`csv_line`.
    """
    parameters = {"export_uuid": export_uuid}
    if not escape_formulas:
        api.download("download_report_export", open_file, parameters=parameters)
        return
    with tempfile.TemporaryDirectory() as folder:
        received = Path(folder, "report.csv")
        api.download("download_report_export", lambda: received.open("wb"), parameters=parameters)
        with received.open("rb") as source, open_file() as target:
            escape_csv(source, target)


def _read(api: PostBoostClient, export_uuid: str) -> dict[str, Any]:
    return _export(api.call("get_report_export", parameters={"export_uuid": export_uuid}))


def _export(response: Any) -> dict[str, Any]:
    export = response.get("data") if isinstance(response, dict) else None
    if not isinstance(export, dict) or not export.get("uuid"):
        raise UnexpectedResponseError("PostBoost's response is not a report export.", code="no_id")
    return export


def _await(api: PostBoostClient, export: dict[str, Any], timeout: float) -> dict[str, Any]:
    uuid = str(export["uuid"])
    message = f"PostBoost did not finish report {uuid} within {timeout:.0f} s. Retry the task, or raise the timeout."
    return dict(wait_briefly(lambda: _finding(_read(api, uuid)), timeout, message, known=_finding(export)))


def _finding(export: dict[str, Any]) -> Finding:
    status, uuid = export.get("status"), clean_text(export["uuid"])
    if status == "failed":
        reason = clean_text(export.get("error") or "it gives no reason")
        message = f"PostBoost could not create report {uuid}: {reason}. A retry creates another one."
        raise NotFinishedError(message, code="report_failed")
    if status == "expired":
        raise PostBoostConfigError(
            f"Report {uuid} expired at {export.get('expires_at')}: PostBoost keeps a report's file for 7 days. Leave "
            "export_uuid out to create a new report.",
            code="expired",
            field="export_uuid",
        )
    log.info("Report %s is %s.", uuid, clean_text(status))
    return Finding(status == "ready", export)
