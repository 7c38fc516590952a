"""The way of a request through the sandbox: faults, token, throttle, workspace, idempotency, access, answer."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from postboost_provider.sandbox.core import faults
from postboost_provider.sandbox.core.calls import HANDLERS, Call, Upload
from postboost_provider.sandbox.core.replies import Refusal, Reply
from postboost_provider.sandbox.events import webhooks
from postboost_provider.sandbox.publishing import delivery as publishing
from postboost_provider.sandbox.rules import activity_log as activity, auth, idempotency

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from postboost_provider.api.operations import Operation
    from postboost_provider.sandbox.core.faults import Fault
    from postboost_provider.sandbox.core.store import Store
    from postboost_provider.sandbox.server.service import Service

log = logging.getLogger(__name__)


class BrokenConnection(Response):
    """No answer at all: the connection breaks off. The server's protocol class hands over its transport."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass  # uvicorn would still answer 500 if this returned before it has noticed


async def answer(service: Service, operation: Operation, request: Request) -> Response:
    """Answer one request to the API, and tell the webhooks what it brought about."""
    store = service.store
    try:
        return await _answer(store, operation, request)
    finally:
        service.changed = True
        webhooks.announce(store)


async def _answer(store: Store, operation: Operation, request: Request) -> Response:
    raw = await request.body()
    publishing.progress(store)
    entry = note(store, request, operation.operation)
    fault = faults.due_for_request(store.faults, operation.operation)
    entry["fault"] = fault.kind if fault is not None else None
    if fault is not None and fault.kind == "drop_before":
        return BrokenConnection()
    reply = faults.injected_reply(fault) if fault is not None else None
    if reply is None:
        reply = await _reply(store, operation, request, raw, fault)
    if fault is not None and fault.kind == "drop_after":
        return BrokenConnection()
    entry["status"] = reply.status
    return response_of(reply)


def response_of(reply: Reply) -> Response:
    return Response(reply.content, reply.status, dict(reply.headers))


def note(store: Store, request: Request, operation: str | None) -> dict[str, Any]:
    """Put the request on record; its status is None while there is no answer."""
    entry: dict[str, Any] = {
        "time": store.clock.now().isoformat(),
        "operation": operation,
        "method": request.method,
        "path": request.scope["path"],
        "query": request.scope["query_string"].decode("latin-1"),
        "idempotency_key": request.headers.get("idempotency-key"),
        "client": request.headers.get("x-postboost-client"),
        "status": None,
        "fault": None,
    }
    store.requests.append(entry)
    return entry


async def _reply(
    store: Store, operation: Operation, request: Request, raw: bytes, fault: Fault | None
) -> Reply:
    try:
        if operation.tier == "tools":
            caller = auth.enter_tools(store, operation, request.headers)
        else:
            caller = auth.authenticate(store, request.headers)
        rate = auth.throttle(store, caller)
    except Refusal as refusal:
        return refusal.reply
    try:
        workspace = membership = None
        if operation.tier == "panel":
            auth.enter_panel(caller)
        elif operation.tier == "workspace":
            workspace, membership = auth.enter_workspace(store, caller, request.path_params["workspace_uuid"])
        fields, uploads = await _read_body(request, raw)
        call = Call(
            operation=operation,
            store=store,
            caller=caller,
            membership=membership,
            workspace_or_none=workspace,
            origin=f"{request.scope['scheme']}://{request.headers.get('host', '')}",
            url=request.scope["path"],
            path=request.path_params,
            query=request.query_params.multi_items(),
            headers=request.headers,
            raw=raw,
            fields=fields,
            uploads=uploads,
            post_uuid=request.path_params.get("post_uuid"),
        )
        reply = await _once(call, delay=fault.seconds if fault is not None and fault.kind == "delay" else 0)
        activity.log(call, reply)
    except Refusal as refusal:
        reply = refusal.reply
    return replace(reply, headers={**reply.headers, **rate})


async def _once(call: Call, *, delay: float) -> Reply:
    """Act, or replay what the Idempotency-Key has stored. A delay holds the key while it lasts."""
    try:
        record = idempotency.reserve(call)
    except Refusal as refusal:
        return refusal.reply
    if record is not None and record.reply is not None:
        return record.reply
    reply = None
    try:
        if delay:
            await asyncio.sleep(delay)
        reply = await _act(call)
    finally:
        if record is not None:
            idempotency.settle(call, record, reply)
    return reply


async def _act(call: Call) -> Reply:
    try:
        if call.workspace_or_none is not None:
            auth.check_access(call)
        elif call.operation.tier == "tools" and call.operation.needs_token:
            auth.require_ability(call, "ai")
        auth.throttle_operation(call)
        handler = HANDLERS.get(call.operation.operation)
        if handler is None:
            raise _not_here(call.operation)
        reply = handler(call)
        return reply if isinstance(reply, Reply) else await reply
    except Refusal as refusal:
        return refusal.reply
    except Exception:
        log.exception("The sandbox failed to answer %s", call.operation.operation)
        return Reply.of({"message": "Server Error"}, 500)


def _not_here(operation: Operation) -> Refusal:
    message = f"The sandbox does not answer {operation.operation} yet."
    return Refusal(501, message, operation=operation.operation)


async def _read_body(request: Request, raw: bytes) -> tuple[dict[str, Any], dict[str, Upload]]:
    """Return fields and files. A body that cannot be read has no fields: what is required is then missing."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            return await _read_form(request)
        except HTTPException:
            return {}, {}
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        return {}, {}
    return (body, {}) if isinstance(body, dict) else ({}, {})


async def _read_form(request: Request) -> tuple[dict[str, Any], dict[str, Upload]]:
    fields: dict[str, Any] = {}
    uploads = {}
    async with request.form() as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                kind = value.content_type or "application/octet-stream"
                uploads[name] = Upload(value.filename or "file", kind, await value.read())
            else:
                fields[name] = value
    return fields, uploads
