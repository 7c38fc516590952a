"""PostBoost's own schema, rebuilt from the official SDK, to validate responses."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sdk_schema
from jsonschema import Draft202012Validator, FormatChecker

# Where the document contradicts itself: model, field, what the field also accepts, and why.
CORRECTIONS = (
    (
        "AccountConnectionHealth",
        "reconnect_reason",
        {"type": "null"},
        "null for a healthy connection, as its description says; its type has no null",
    ),
)
# Status codes that no operation declares, and PostBoost returns.
UNDECLARED = {
    "401": "no token; upload_media_base64 declares no errors at all",
    "403": "a role, an ability or a plan that is missing is said on the front page, and not everywhere",
    "404": "a workspace or a thing that is not there",
    "409": "an Idempotency-Key in use, said on the front page",
    "422": "a body or parameter that is wrong; many operations leave it out",
    "429": "any operation may be throttled (errors page), few declare it",
}
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value) is not None


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """RFC 3339: with a T, and with a zone."""
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


@functools.cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document with the corrections."""
    found = copy.deepcopy(sdk_schema.openapi())
    for model, field, also, _ in CORRECTIONS:
        properties = found["components"]["schemas"][model]["properties"]
        properties[field] = {"anyOf": [properties[field], also]}
    return found


@functools.cache
def operations() -> dict[str, dict[str, Any]]:
    """Return the document's operations by name."""
    return {
        operation["operationId"]: operation
        for path in document()["paths"].values()
        for operation in path.values()
    }


def problems(operation: str, status: int, payload: Any) -> list[str]:
    """Return the errors of a response: an undeclared status code, or an invalid body."""
    declared = operations()[operation]["responses"].get(str(status))
    if declared is None:
        return [f"{status} is not declared"]
    content: Mapping[str, Any] = declared.get("content", {})
    if "application/json" not in content:
        return [] if content or payload is None else [f"a body that is not declared: {payload!r}"]
    schema = {**content["application/json"]["schema"], "components": document()["components"]}
    found = Draft202012Validator(schema, format_checker=FORMATS).iter_errors(payload)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]
