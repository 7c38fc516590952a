"""Receipts in the panel."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from postboost_provider.sandbox.admin.panel import displayed_day, panel_page
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.panel_models import Receipt
from postboost_provider.sandbox.core.responses import SUCCESS, Response
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields


def _render_receipt(call: Call, receipt: Receipt) -> dict[str, Any]:
    days = {name: displayed_day(call, getattr(receipt, name)) for name in ("paid_at", "created_at")}
    shown = {**asdict(receipt), **days}
    del shown["id"], shown["workspace_uuid"]
    return shown


def _receipt_of(call: Call) -> Receipt:
    return call.find(call.store.receipts, "receipt_uuid")


def _write_receipt(fields: Fields, receipt: Receipt, *, tax_required: bool) -> None:
    read = {
        "transaction_id": fields.text("transaction_id", required=True),
        "invoice_number": fields.text("invoice_number", required=True),
        "amount": fields.number("amount", required=True),
        "tax": fields.number("tax", required=tax_required) or 0,
        "currency": fields.text("currency", required=True),
        "description": fields.text("description"),
        "receipt_url": fields.text("receipt_url"),
        "paid_at": fields.day("paid_at", required=True),
    }
    fields.raise_errors()
    for name, value in read.items():
        setattr(receipt, name, value)


@handles("list_receipts")
def list_receipts(call: Call) -> Response:
    workspace, invoice = call.parameter("workspace_uuid"), call.parameter("invoice_number")
    found = [
        receipt
        for receipt in reversed(call.store.receipts.values())
        if workspace in (None, receipt.workspace_uuid) and invoice in (None, receipt.invoice_number)
    ]
    return panel_page(call, found, _render_receipt)


@handles("create_receipt")
def create_receipt(call: Call) -> Response:
    """Record a receipt. Invoice numbers need not be unique."""
    fields = Fields(call.fields)
    uuid = fields.text("workspace_uuid", required=True)
    if uuid is not None and uuid not in call.store.workspaces:
        fields.add_error("workspace_uuid", "The selected workspace uuid is invalid.")
    receipt = Receipt(call.store.next_id("receipt"), new_uuid(), uuid or "", call.now)
    _write_receipt(fields, receipt, tax_required=True)
    call.store.receipts[receipt.uuid] = receipt
    return Response.of(_render_receipt(call, receipt), 201)


@handles("get_receipt")
def get_receipt(call: Call) -> Response:
    return Response.of(_render_receipt(call, _receipt_of(call)))


@handles("update_receipt")
def update_receipt(call: Call) -> Response:
    _write_receipt(Fields(call.fields), _receipt_of(call), tax_required=False)
    return SUCCESS


@handles("delete_receipt")
def delete_receipt(call: Call) -> Response:
    del call.store.receipts[_receipt_of(call).uuid]
    return SUCCESS


@handles("delete_receipts_bulk")
def delete_receipts_bulk(call: Call) -> Response:
    fields = Fields(call.fields)
    uuids = fields.items("receipts", required=True)
    fields.raise_errors()
    for uuid in uuids:
        if isinstance(uuid, str):
            call.store.receipts.pop(uuid, None)
    return SUCCESS
