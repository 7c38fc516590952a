"""``Idempotency-Key``: a retried request gets the stored response, and has no further effect (SDK 1.66.3)."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.models import IdempotencyRecord
from postboost_provider.sandbox.core.responses import ErrorResponse, Response, invalid

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call

LIFETIME = timedelta(hours=24)


def reserve(call: Call) -> IdempotencyRecord | None:
    """Reserve the key for this request, and return its record; None without a key, or if the operation ignores it.

    The record of an earlier request has a response.

    :raises ErrorResponse: 409 while the first request runs, 422 for a different body (both by the settings), and 422
        for a key of the wrong length.
    """
    key = call.headers.get("idempotency-key")
    if key is None or not call.operation.idempotency_key:
        return None
    if not 1 <= len(key) <= 255:
        raise invalid(
            {"Idempotency-Key": ["The Idempotency-Key header must be between 1 and 255 characters."]}
        )
    fingerprint = _fingerprint(call)
    found = call.store.idempotency.get(_scope(call, key))
    if found is None or call.now - found.started_at >= LIFETIME:
        record = IdempotencyRecord(fingerprint, call.now)
        call.store.idempotency[_scope(call, key)] = record
        return record
    if found.fingerprint != fingerprint:
        message = "This Idempotency-Key was already used with a different request body."
        settings = call.store.settings
        details: dict[str, Any] = (
            {"errors": {"Idempotency-Key": [message]}} if settings.reused_key_errors else {}
        )
        raise ErrorResponse(
            settings.reused_key_status, message, **_code(call, settings.reused_key_code), **details
        )
    if found.response is None:
        message = "A request with this Idempotency-Key is still in progress."
        status = call.store.settings.in_flight_status
        raise ErrorResponse(status, message, **_code(call, "idempotency_in_progress"))
    call.post_uuid = found.post_uuid
    return replace(found, response=_replayed(found.response))


def complete(call: Call, record: IdempotencyRecord, response: Response | None) -> None:
    """Store the response, or free the key: 5xx and 429 are never stored, 4xx only if ``store_4xx`` is on."""
    stored = response is not None and response.status < 500 and response.status != 429
    if response is not None and 400 <= response.status < 500 and not call.store.settings.store_4xx:
        stored = False
    if stored:
        record.response, record.post_uuid = response, call.post_uuid
    else:
        call.store.idempotency.pop(_scope(call, call.headers["idempotency-key"]), None)


def _scope(call: Call, key: str) -> tuple[int, str, str, str, str]:
    """Return the scope of a key: the user, not the token, so all tokens of a user share it (SDK 1.66.3)."""
    return (call.caller.user.id, call.workspace.uuid, call.operation.method, call.url, key)


def _replayed(response: Response) -> Response:
    return replace(response, headers={**response.headers, "Idempotent-Replayed": "true"})


def _code(call: Call, code: str) -> dict[str, Any]:
    return {"code": code} if call.store.settings.conflict_code else {}


def _fingerprint(call: Call) -> str:
    content, settings = call.raw, call.store.settings
    if call.uploads and settings.multipart_repeats == "different":
        content = secrets.token_bytes()
    elif settings.idempotency_fingerprint == "parsed":
        parts = sorted(
            (name, upload.filename, hashlib.sha256(upload.content).hexdigest())
            for name, upload in call.uploads.items()
        )
        content = json.dumps([call.fields, parts], sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()
