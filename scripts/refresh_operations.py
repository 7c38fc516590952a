"""Rewrite ``postboost_provider/api/operations.json`` from the official Python SDK.

The SDK (``postboost``, in the ``test`` extra) is generated from the vendor's own OpenAPI document, so asking
its classes beats copying a page. Nothing is sent: each operation is called with its transport replaced by a
recorder, and what the recorder saw is the row.

    python scripts/refresh_operations.py            # write the table
    python scripts/refresh_operations.py --check    # exit 1 when the table is stale
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "postboost_provider" / "api" / "operations.json"

# The same effect twice, by what PostBoost's documentation says of them; PUT and DELETE repeat by their nature.
REPEATABLE_POSTS = {
    "validate_post",  # a dry run
    "upload_report_branding_logo",  # replaces the logo
    "connect_channel",  # the same channel is updated
    "cancel_subscription",
    "resume_subscription",
}
# A read whose final answer is given once: a repeat after a lost answer sees 404, whatever happened.
ANSWERED_ONCE = {"get_remote_upload_status"}


def import_sdk() -> None:
    """Import the SDK, which as published misses one of its own modules."""
    stub = types.ModuleType("postboost.models.object")
    stub.object = object  # type: ignore[attr-defined]
    sys.modules.setdefault("postboost.models.object", stub)
    importlib.import_module("postboost")


# What stands beside ``data`` where it is an envelope.
ENVELOPE_FIELDS = {"data", "links", "meta", "status", "created", "skipped"}


class Recorder:
    """Stand in for the SDK's ``ApiClient`` and keep what an operation would have sent."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}
        self.replies: dict[str, str | None] = {}

    def select_header_accept(self, accepts: list[str]) -> str:
        return accepts[0]

    def select_header_content_type(self, types_: list[str]) -> str:
        return types_[0]

    def param_serialize(self, **request: Any) -> tuple[()]:
        self.request = request
        return ()

    def call_api(self, *_args: Any, **_kwargs: Any) -> Any:
        return types.SimpleNamespace(read=lambda: None)

    def response_deserialize(self, response_data: Any, response_types_map: dict[str, str | None]) -> Any:
        self.replies = response_types_map
        return types.SimpleNamespace(data=None)


def is_optional(annotation: Any) -> bool:
    if typing.get_origin(annotation) is typing.Annotated:
        return is_optional(typing.get_args(annotation)[0])
    return typing.get_origin(annotation) in (typing.Union, types.UnionType) and type(None) in typing.get_args(
        annotation
    )


def model_of(annotation: Any) -> Any:
    """Return the pydantic model inside ``Annotated[...]`` and ``Optional[...]``, or None."""
    if hasattr(annotation, "model_fields"):
        return annotation
    found = (model_of(part) for part in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def is_list(annotation: Any) -> bool:
    if typing.get_origin(annotation) is list:
        return True
    return any(is_list(part) for part in typing.get_args(annotation))


def tier_of(path: str) -> str:
    first = path.split("/")[1]
    return {"panel": "panel", "workspaces": "account", "tools": "tools"}.get(first, "workspace")


def reply_of(models: Any, replies: dict[str, str | None]) -> tuple[int, str]:
    """Return the success status and how its body is wrapped.

    ``page`` and ``list`` hold ``data`` with a list in it, with and without page numbers; ``cursor`` goes on
    from ``next_cursor``; ``data`` wraps one thing; ``bare`` is the thing; ``untyped`` may be anything.
    """
    status = min(code for code in replies if code.startswith("2"))
    name = replies[status]
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
    # Some things have a field named data themselves: an account, the analytics.
    if "data" not in fields or not fields.keys() <= ENVELOPE_FIELDS:
        return int(status), "bare"
    if not is_list(fields["data"].annotation):
        return int(status), "data"
    meta = model_of(fields["meta"].annotation) if "meta" in fields else None
    return int(status), "page" if meta and "last_page" in meta.model_fields else "list"


def secret_of(models: Any, replies: dict[str, str | None]) -> str | None:
    """Return where a reply holds a secret that is shown once, such as ``data.token``, or None."""
    model = getattr(models, replies[min(code for code in replies if code.startswith("2"))] or "", None)
    data = getattr(model, "model_fields", {}).get("data")
    fields = getattr(model_of(data.annotation) if data else None, "model_fields", {})
    return next((f"data.{name}" for name in ("token", "secret") if name in fields), None)


def is_repeatable(name: str, method: str, tier: str, replies: dict[str, str | None]) -> bool:
    """Return whether sending it twice without an idempotency key does no more than sending it once."""
    if method != "POST":
        return name not in ANSWERED_ONCE
    # A free tool computes and stores nothing; those that spend AI credits are the ones that declare a 403.
    return name in REPEATABLE_POSTS or (tier == "tools" and "403" not in replies)


def row_of(models: Any, api_class: Any, name: str) -> dict[str, Any]:
    recorder = Recorder()
    method = getattr(api_class, name)
    raw = getattr(method, "raw_function", inspect.unwrap(method))
    hints = typing.get_type_hints(raw, include_extras=True)
    arguments = [p for p in inspect.signature(raw).parameters.values() if p.name != "self"]
    arguments = [p for p in arguments if not p.name.startswith("_")]
    values = {p.name: Sentinel(p.name) for p in arguments}
    api = api_class.__new__(api_class)
    api.api_client = recorder
    raw(api, **values)
    sent = recorder.request
    path = sent["resource_path"]
    for wire, value in sent["path_params"].items():
        path = path.replace("{" + wire + "}", "{" + value.name + "}")
    status, reply = reply_of(models, recorder.replies)
    row: dict[str, Any] = {
        "operation": name,
        "method": sent["method"],
        "path": path,
        "tier": tier_of(path),
        "parameters": [],
        "body": "none",
        "body_required": False,
        "required_fields": [],
        "fields": [],
        "status": status,
        "reply": reply,
        "idempotency_key": "Idempotency-Key" in sent["header_params"],
        "repeatable": is_repeatable(name, sent["method"], tier_of(path), recorder.replies),
    }
    for place, pairs in (("path", list(sent["path_params"].items())), ("query", sent["query_params"])):
        for wire, value in pairs:
            required = not is_optional(hints[value.name])
            row["parameters"].append({"name": value.name, "in": place, "wire": wire, "required": required})
    # What is true of few is said of those alone.
    if "bearerAuth" not in sent["auth_settings"]:
        row["needs_token"] = False
    if (secret := secret_of(models, recorder.replies)) is not None:
        row["secret"] = secret
    if sent["files"] or sent["post_params"]:
        row["body"] = "multipart"
        names = {**sent["files"], **dict(sent["post_params"])}
        row["files"] = sorted(sent["files"])
        row["fields"] = sorted(names)
        row["required_fields"] = sorted(k for k, v in names.items() if not is_optional(hints[v.name]))
        row["body_required"] = bool(row["required_fields"])
    elif sent["body"] is not None:
        row["body"] = "json"
        hint = hints[sent["body"].name]
        row["body_required"] = not is_optional(hint)
        fields = getattr(model_of(hint), "model_fields", {})
        row["fields"] = [f.alias or key for key, f in fields.items()]
        row["required_fields"] = [f.alias or key for key, f in fields.items() if f.is_required()]
    return row


class Sentinel:
    """A value that survives the SDK's own serialisation under its argument's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def value(self) -> Sentinel:  # the SDK reads `.value` of enum parameters
        return self


def read_sdk() -> list[dict[str, Any]]:
    import_sdk()
    models = importlib.import_module("postboost.models")
    package = importlib.import_module("postboost.api")
    rows = []
    for module in pkgutil.iter_modules(package.__path__):
        imported = importlib.import_module(f"postboost.api.{module.name}")
        for class_name, api_class in inspect.getmembers(imported, inspect.isclass):
            if not class_name.endswith("Api"):
                continue
            for name in vars(api_class):
                # A name ending in _0 is the generator's second spelling of an operation that has two tags.
                if re.fullmatch(r"[a-z]\w*(?<!_0)", name) and hasattr(api_class, f"_{name}_serialize"):
                    rows.append(row_of(models, api_class, name))
    return sorted(rows, key=lambda row: str(row["operation"]))


def render(rows: list[dict[str, Any]]) -> str:
    """One row a line: a diff then shows which operation changed."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def main() -> int:
    text = render(read_sdk())
    if "--check" in sys.argv[1:]:
        if TABLE.read_text() == text:
            return 0
        print(f"{TABLE.name} is stale: run python scripts/refresh_operations.py and commit the result.")
        return 1
    TABLE.write_text(text)
    print(f"{TABLE.name}: {text.count(chr(10)) - 2} operations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
