"""Report exports: generated within the request, kept for seven days; and the branding of their PDFs."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from postboost_provider.sandbox.analytics.metrics import METRICS, published, with_rate
from postboost_provider.sandbox.analytics.periods import Period, read_period
from postboost_provider.sandbox.analytics.summaries import account_totals, analysed_accounts
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339, stamp
from postboost_provider.sandbox.core.models import Account, ReportExport
from postboost_provider.sandbox.core.resources import Record, enveloped
from postboost_provider.sandbox.core.responses import ErrorResponse, Response
from postboost_provider.sandbox.core.scope import require_named_accounts
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields

LIFETIME = timedelta(days=7)
MAX_POSTS = 500
_MAX_LISTED = 50
_LOGO_BYTES = 1024 * 1024
_LOGO_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_DEFAULT_BRANDING: Record = {
    "display_name": None,
    "primary_color": None,
    "footer_text": None,
    "show_powered_by": True,
    "has_logo": False,
    "updated_at": None,
}


@handles("create_report_export")
def create_report_export(call: Call) -> Response:
    """Generate the file. A key that is limited to accounts must name some (SDK 1.66.3)."""
    wanted = read_body(call)
    fields = Fields(call.fields)
    period = read_period(fields, call.now.date(), default="last_month")
    ids = fields.ids("account_ids", call.workspace.accounts, "account")
    fields.raise_errors()
    require_named_accounts(call, ids or None)
    accounts = [each for each in analysed_accounts(call) if not ids or each.id in ids]
    as_pdf = wanted["format"] == "pdf"
    dataset = None if as_pdf else wanted.get("dataset") or "posts"
    failed = call.store.settings.report_exports == "failed"
    export = ReportExport(
        uuid=new_uuid(),
        format=wanted["format"],
        dataset=dataset,
        period=period.preset,
        start=period.start,
        end=period.end,
        account_ids=ids or None,
        content=None if failed else _pdf(call, period) if as_pdf else _csv(call, accounts, period, dataset),
        created_at=call.now,
    )
    call.workspace.exports[export.uuid] = export
    return Response.of({"data": _render(call, export)}, 201)


@handles("list_report_exports")
def list_report_exports(call: Call) -> Response:
    newest_first = list(reversed(call.workspace.exports.values()))
    return Response.of({"data": [_render(call, each) for each in newest_first[:_MAX_LISTED]]})


@handles("get_report_export")
def get_report_export(call: Call) -> Response:
    return Response.of({"data": _render(call, _export_of(call))})


@handles("download_report_export")
def download_report_export(call: Call) -> Response:
    export = _export_of(call)
    status = _status(call, export)
    if export.content is None or status != "ready":
        why = "has expired" if status == "expired" else "could not be made"
        raise ErrorResponse(410, f"The report {why}.")
    kind = "application/pdf" if export.format == "pdf" else "text/csv; charset=UTF-8"
    name = f"report-{export.start}-{export.end}.{export.format}"
    headers = {"content-type": kind, "content-disposition": f'attachment; filename="{name}"'}
    return Response(200, export.content, headers)


def _export_of(call: Call) -> ReportExport:
    return call.find(call.workspace.exports, "export_uuid")


def _status(call: Call, export: ReportExport) -> str:
    if export.content is None:
        return "failed"
    return "expired" if call.now >= export.created_at + LIFETIME else "ready"


def _render(call: Call, export: ReportExport) -> dict[str, Any]:
    status = _status(call, export)
    where = f"{call.origin}/app/api/{call.workspace.uuid}/reports/exports/{export.uuid}/download"
    return {
        "uuid": export.uuid,
        "format": export.format,
        "dataset": export.dataset,
        "period": export.period,
        "date_from": str(export.start),
        "date_to": str(export.end),
        "account_ids": export.account_ids,
        "status": status,
        "error": "The report could not be made." if status == "failed" else None,
        "bytes": len(export.content) if export.content is not None else None,
        "download_url": where if status == "ready" else None,
        "created_at": rfc3339(export.created_at),
        "expires_at": rfc3339(export.created_at + LIFETIME),
    }


def _csv(call: Call, accounts: list[Account], period: Period, dataset: str | None) -> bytes:
    """Return the file, with a byte order mark like PostBoost's files (SDK 1.66.3)."""
    rows = (_account_rows if dataset == "accounts" else _post_rows)(call, accounts, period)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["published_at"])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _post_rows(call: Call, accounts: list[Account], period: Period) -> list[dict[str, Any]]:
    """Return a row for each post and account, of the latest 500 posts."""
    found = sorted(
        published(call.workspace, period.start, period.end, accounts),
        key=lambda each: (-each.post.id, each.account.id),
    )
    kept = set(list(dict.fromkeys(each.post.uuid for each in found))[:MAX_POSTS])
    return [
        {
            "published_at": stamp(each.at),
            "account": each.account.name,
            "network": each.account.provider,
            "post": each.post.content_for(each.account)[0]["body"],
            "url": each.target.external_url,
            **with_rate(each.numbers(call.now)),
        }
        for each in found
        if each.post.uuid in kept
    ]


def _account_rows(call: Call, accounts: list[Account], period: Period) -> list[dict[str, Any]]:
    names = ("followers", "follower_growth", "posts", *METRICS, "engagement_rate")
    return [
        {"account": each["name"], "network": each["provider"], **{name: each[name] for name in names}}
        for each in account_totals(call, accounts, period)
    ]


def _pdf(call: Call, period: Period) -> bytes:
    """Return a valid PDF with one line of text."""
    name = _branding(call)["display_name"] or call.workspace.name
    line = f"{name}: {period.start} to {period.end}".encode("latin-1", "replace")
    escaped = line.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    stream = b"BT /F1 18 Tf 72 720 Td (" + escaped + b") Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    document, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, each in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(document)
    document += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    document += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    document += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(document)


def _branding(call: Call) -> Record:
    return {**_DEFAULT_BRANDING, **call.workspace.records.get("report_branding", {}).get("saved", {})}


def _save_branding(call: Call, changes: Record) -> Response:
    saved = {**_branding(call), **changes, "updated_at": rfc3339(call.now)}
    call.workspace.records["report_branding"] = {"saved": saved}
    return enveloped(call, saved)


@handles("get_report_branding")
def get_report_branding(call: Call) -> Response:
    return enveloped(call, _branding(call))


@handles("update_report_branding")
def update_report_branding(call: Call) -> Response:
    """Change the fields that were sent; null resets a field."""
    sent = read_body(call)
    return _save_branding(
        call, {name: _DEFAULT_BRANDING[name] if v is None else v for name, v in sent.items()}
    )


@handles("upload_report_branding_logo")
def upload_report_branding_logo(call: Call) -> Response:
    fields = Fields(call.fields)
    logo = call.uploads.get("logo")
    if logo is None:
        fields.add_error("logo", "The logo field is required.")
    elif not logo.content.startswith(_LOGO_STARTS):
        fields.add_error("logo", "The logo field must be a file of type: png, jpg, jpeg.")
    elif len(logo.content) > _LOGO_BYTES:
        fields.add_error("logo", f"The logo field must not be greater than {_LOGO_BYTES // 1024} kilobytes.")
    fields.raise_errors()
    return _save_branding(call, {"has_logo": True})
