"""PostBoost's report exports: a file for a period, made by PostBoost and fetched from it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError, ServerError, UnexpectedResponseError
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from postboost_provider.api.client import PostBoostClient

log = logging.getLogger(__name__)


def make(api: PostBoostClient, wanted: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Have PostBoost make a report, and return its export when the file is there.

    PostBoost makes it within the call and takes no idempotency key: a try whose answer was lost leaves one more file in
    its list, which goes after seven days.

    :param wanted: the body of ``create_report_export``.
    :param timeout: seconds to wait, should the file not be there yet.
    :raises ServerError: PostBoost could not make it, or not in time; another try makes another one.
    """
    answer = api.call("create_report_export", body=wanted)
    return _await(api, _export(answer, "create_report_export"), timeout)


def find(api: PostBoostClient, export_uuid: str, timeout: float) -> dict[str, Any]:
    """Return an export that was made before.

    :raises NotFoundError: there is none.
    :raises PostBoostConfigError: its file is gone.
    """
    return _await(api, _read(api, export_uuid), timeout)


def download(api: PostBoostClient, export_uuid: str, open_file: Callable[[], IO[bytes]]) -> None:
    """Write the file as it comes. It is fetched from the connection's own host, whatever ``download_url`` says.

    :raises PostBoostRequestError: 410: the file is gone.
    """
    api.download("download_report_export", open_file, parameters={"export_uuid": export_uuid})


def _read(api: PostBoostClient, export_uuid: str) -> dict[str, Any]:
    answer = api.call("get_report_export", parameters={"export_uuid": export_uuid})
    return _export(answer, "get_report_export")


def _export(answer: Any, operation: str) -> dict[str, Any]:
    export = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(export, dict) or not export.get("uuid"):
        raise ServerError(f"{operation}: PostBoost's answer is no report export.", status=200)
    return export


def _await(api: PostBoostClient, export: dict[str, Any], timeout: float) -> dict[str, Any]:
    uuid = str(export["uuid"])
    message = f"PostBoost did not finish report {uuid} within {timeout:.0f} s. Retry the task, or raise the timeout."
    return dict(wait_briefly(lambda: _finding(_read(api, uuid)), timeout, message, known=_finding(export)))


def _finding(export: dict[str, Any]) -> Finding:
    """Read the state of an export.

    :raises UnexpectedResponseError: PostBoost could not create it.
    :raises PostBoostConfigError: its file has expired.
    """
    status, uuid = export.get("status"), export["uuid"]
    if status == "failed":
        reason = export.get("error") or "it gives no reason"
        raise UnexpectedResponseError(
            f"PostBoost could not create report {uuid}: {reason}. A retry creates another one.",
            code="report_failed",
        )
    if status == "expired":
        raise PostBoostConfigError(
            f"Report {uuid} expired at {export.get('expires_at')}: PostBoost keeps a report's file for 7 days. Leave "
            "export_uuid out to create a new report.",
            code="expired",
            field="export_uuid",
        )
    log.info("Report %s is %s.", uuid, status)
    return Finding(status == "ready", export)
