"""Rewrite ``postboost_provider/api/operations.json`` from the official Python SDK.

For a newer SDK, raise its version in ``pyproject.toml`` first.

    python scripts/refresh_operations.py            # write the table
    python scripts/refresh_operations.py --check    # exit 1 when the table is stale
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from generated_files import write_or_check
from official_sdk import SdkOperation, import_sdk, is_list, is_optional, model_of, operations

TABLE = Path(__file__).parent.parent / "postboost_provider" / "api" / "operations.json"

# POST operations that are idempotent according to PostBoost's documentation. PUT and DELETE always are.
RETRYABLE_POSTS = {
    "validate_post",  # a dry run
    "upload_report_branding_logo",  # replaces the logo
    "connect_channel",  # the same channel is updated
    "cancel_subscription",
    "resume_subscription",
}
# A read that returns its final response only once: a retry after a lost response gets a 404.
RETURNED_ONCE = {"get_remote_upload_status"}

# Keys next to ``data`` in an envelope.
ENVELOPE_FIELDS = {"data", "links", "meta", "status", "created", "skipped"}


def tier_of(path: str) -> str:
    first = path.split("/")[1]
    return {"panel": "panel", "workspaces": "account", "tools": "tools"}.get(first, "workspace")


def response_of(models: Any, responses: dict[str, str | None]) -> tuple[int, str]:
    """Return the success status and how its body is wrapped.

    ``page`` and ``list`` have a list as ``data``, with and without page numbers; ``cursor`` is continued with
    ``next_cursor``; ``data`` wraps one object; ``bare`` is the object itself; ``untyped`` can be anything.
    """
    status = min(code for code in responses if code.startswith("2"))
    name = responses[status]
    if name is None:
        return int(status), "none"
    if name in ("bytearray", "bytes", "file"):
        return int(status), "binary"
    model = getattr(models, name, None)
    if model is None:
        return int(status), "untyped"
    fields = model.model_fields
    if "next_cursor" in fields:
        return int(status), "cursor"
    # Some objects have a field named data: an account, the analytics.
    if "data" not in fields or not fields.keys() <= ENVELOPE_FIELDS:
        return int(status), "bare"
    if not is_list(fields["data"].annotation):
        return int(status), "data"
    meta = model_of(fields["meta"].annotation) if "meta" in fields else None
    return int(status), "page" if meta and "last_page" in meta.model_fields else "list"


def secret_of(models: Any, responses: dict[str, str | None]) -> str | None:
    """Return the path of a secret that a response shows once, such as ``data.token``, or None."""
    model = getattr(models, responses[min(code for code in responses if code.startswith("2"))] or "", None)
    data = getattr(model, "model_fields", {}).get("data")
    fields = getattr(model_of(data.annotation) if data else None, "model_fields", {})
    return next((f"data.{name}" for name in ("token", "secret") if name in fields), None)


def is_retry_safe(name: str, method: str, tier: str, responses: dict[str, str | None]) -> bool:
    """Return whether sending the operation again without an idempotency key has no further effect."""
    if method != "POST":
        return name not in RETURNED_ONCE
    # Free tools store nothing; those that spend AI credits declare a 403.
    return name in RETRYABLE_POSTS or (tier == "tools" and "403" not in responses)


def row_of(models: Any, operation: SdkOperation) -> dict[str, Any]:
    name, sent, hints = operation.name, operation.sent, operation.hints
    path = sent["resource_path"]
    for wire, value in sent["path_params"].items():
        path = path.replace("{" + wire + "}", "{" + value.name + "}")
    status, envelope = response_of(models, operation.responses)
    row: dict[str, Any] = {
        "operation": name,
        "method": sent["method"],
        "path": path,
        "tier": tier_of(path),
        "parameters": [],
        "body": "none",
        "required_fields": [],
        "fields": [],
        "status": status,
        "response": envelope,
        "idempotency_key": "Idempotency-Key" in sent["header_params"],
        "retryable": is_retry_safe(name, sent["method"], tier_of(path), operation.responses),
    }
    for place, pairs in (("path", list(sent["path_params"].items())), ("query", sent["query_params"])):
        for wire, value in pairs:
            required = not is_optional(hints[value.name])
            row["parameters"].append({"name": value.name, "in": place, "wire": wire, "required": required})
    # Keys that apply to few operations are written only for those.
    if "bearerAuth" not in sent["auth_settings"]:
        row["needs_token"] = False
    if (secret := secret_of(models, operation.responses)) is not None:
        row["secret"] = secret
    if sent["files"] or sent["post_params"]:
        row["body"] = "multipart"
        names = {**sent["files"], **dict(sent["post_params"])}
        row["files"] = sorted(sent["files"])
        row["fields"] = sorted(names)
        row["required_fields"] = sorted(k for k, v in names.items() if not is_optional(hints[v.name]))
    elif sent["body"] is not None:
        row["body"] = "json"
        hint = hints[sent["body"].name]
        fields = getattr(model_of(hint), "model_fields", {})
        row["fields"] = [f.alias or key for key, f in fields.items()]
        row["required_fields"] = [f.alias or key for key, f in fields.items() if f.is_required()]
    return row


def read_sdk() -> list[dict[str, Any]]:
    import_sdk()
    models = importlib.import_module("postboost.models")
    return sorted((row_of(models, each) for each in operations()), key=lambda row: str(row["operation"]))


def render(rows: list[dict[str, Any]]) -> str:
    """Write one operation per line, so that a diff shows which one changed."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def main() -> int:
    return write_or_check({TABLE: render(read_sdk())}, Path(__file__).name)


if __name__ == "__main__":
    sys.exit(main())
