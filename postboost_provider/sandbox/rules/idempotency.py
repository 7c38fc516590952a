"""``Idempotency-Key``: a repeat gets the stored answer, and nothing happens again (SDK 1.66.3)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.replies import Refusal, Reply, invalid

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call

LIFETIME = timedelta(hours=24)


@dataclass(slots=True)
class Record:
    """A key that was used. Without a reply, the first request is still running."""

    fingerprint: str
    started_at: datetime
    reply: Reply | None = None
    post_uuid: str | None = None


def reserve(call: Call) -> Record | None:
    """Take the key for this request, and return its record; None where there is no key, or none is heeded.

    The record of an earlier request comes back with its reply in it.

    :raises Refusal: 409 while the first request runs, 422 for another body or a key of the wrong length.
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
        record = Record(fingerprint, call.now)
        call.store.idempotency[_scope(call, key)] = record
        return record
    if found.fingerprint != fingerprint:
        message = "This Idempotency-Key was already used with a different request body."
        raise Refusal(422, message, **_code(call, "idempotency_key_reused"))
    if found.reply is None:
        message = "A request with this Idempotency-Key is still in progress."
        raise Refusal(409, message, **_code(call, "idempotency_in_progress"))
    call.post_uuid = found.post_uuid
    return replace(found, reply=_replayed(found.reply))


def settle(call: Call, record: Record, reply: Reply | None) -> None:
    """Store the answer, or free the key: 5xx and 429 are never stored; 4xx are, unless switched off."""
    kept = reply is not None and reply.status < 500 and reply.status != 429
    if reply is not None and 400 <= reply.status < 500 and not call.store.settings.store_4xx:
        kept = False
    if kept:
        record.reply, record.post_uuid = reply, call.post_uuid
    else:
        call.store.idempotency.pop(_scope(call, call.headers["idempotency-key"]), None)


def _scope(call: Call, key: str) -> tuple[int, str, str, str, str]:
    """The user, not the token: two keys of one user share their idempotency keys (SDK 1.66.3)."""
    return (call.caller.user.id, call.workspace.uuid, call.operation.method, call.url, key)


def _replayed(reply: Reply) -> Reply:
    return replace(reply, headers={**reply.headers, "Idempotent-Replayed": "true"})


def _code(call: Call, code: str) -> dict[str, Any]:
    return {"code": code} if call.store.settings.conflict_code else {}


def _fingerprint(call: Call) -> str:
    content = call.raw
    if call.store.settings.idempotency_fingerprint == "parsed":
        parts = sorted(
            (name, upload.filename, hashlib.sha256(upload.content).hexdigest())
            for name, upload in call.uploads.items()
        )
        content = json.dumps([call.fields, parts], sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()
