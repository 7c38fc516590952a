"""Receipts."""

from __future__ import annotations

from datetime import UTC, datetime

import time_machine

from tests.sandbox.bodies import SUCCESS, errors

NOW = datetime(2026, 10, 16, 10, tzinfo=UTC)


def receipt(workspace, **changes):
    return {
        "workspace_uuid": workspace,
        "transaction_id": "txn_1",
        "invoice_number": "INV-1",
        "amount": 49.5,
        "tax": 0,
        "currency": "EUR",
        "paid_at": "2026-10-01",
        **changes,
    }


def test_a_receipt_is_created_changed_and_deleted(sandbox, panel):
    workspace = sandbox.workspaces[0]["uuid"]
    with time_machine.travel(NOW, tick=False):
        made = panel("POST", "receipts", **receipt(workspace))
    seen = made.json()
    assert made.status_code == 201
    assert "workspace_uuid" not in seen
    assert (seen["amount"], seen["paid_at"], seen["created_at"]) == (49.5, "Oct 1, 2026", "Oct 16, 2026")
    path = f"receipts/{seen['uuid']}"
    assert panel("GET", path).json() == seen
    changed = receipt(workspace, amount=50, description="October")
    del changed["workspace_uuid"], changed["tax"]
    assert panel("PUT", path, **changed).json() == SUCCESS
    assert panel("GET", path).json() == {**seen, "amount": 50, "description": "October"}
    assert panel("DELETE", path).json() == SUCCESS
    assert panel("GET", path).status_code == panel("DELETE", path).status_code == 404


def test_receipts_are_found_by_workspace_and_number_15_per_page_newest_first(sandbox, panel):
    one, two = (each["uuid"] for each in sandbox.workspaces)
    made = [panel("POST", "receipts", **receipt(one)).json()["uuid"] for _ in range(16)]
    panel("POST", "receipts", **receipt(two, invoice_number="INV-2"))
    page = panel("GET", f"receipts?workspace_uuid={one}").json()
    assert [each["uuid"] for each in page["data"]] == made[:0:-1]
    assert (page["meta"]["total"], page["meta"]["per_page"]) == (16, 15)
    assert panel("GET", "receipts?invoice_number=INV-2").json()["meta"]["total"] == 1
    assert panel("DELETE", "receipts", receipts=[*made, "nope"]).json() == SUCCESS
    assert panel("GET", "receipts").json()["meta"]["total"] == 1
    panel("DELETE", f"workspaces/{two}")
    assert panel("GET", "receipts").json()["meta"]["total"] == 0


def test_an_invalid_receipt_is_rejected_with_all_errors(panel):
    assert set(errors(panel("POST", "receipts"))) == receipt("").keys()
    bad = receipt("nope", amount="much", paid_at="Oct 1")
    assert set(errors(panel("POST", "receipts", **bad))) == {"workspace_uuid", "amount", "paid_at"}
