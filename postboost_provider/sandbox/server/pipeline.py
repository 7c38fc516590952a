"""The request pipeline: faults, token, rate limit, workspace, idempotency, access, handler."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response as HttpResponse

from postboost_provider.sandbox.core import faults
from postboost_provider.sandbox.core.calls import Call
from postboost_provider.sandbox.core.responses import ErrorResponse, Response, invalid
from postboost_provider.sandbox.events import webhooks
from postboost_provider.sandbox.rules import activity_log, auth, idempotency, rate_limit
from postboost_provider.sandbox.server.handlers import HANDLERS
from postboost_provider.sandbox.server.request_body import read_body

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from postboost_provider.api.operations import Operation
    from postboost_provider.sandbox.core.faults import Fault
    from postboost_provider.sandbox.core.store import Store
    from postboost_provider.sandbox.server.service import Service

log = logging.getLogger(__name__)

# A final status is reported once, so a restored sandbox must not report it again.
_READS_THAT_CHANGE = ("get_remote_upload_status",)


class DroppedConnection(HttpResponse):
    """Drop the connection without a response. The server's protocol class provides the transport."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass  # uvicorn would respond 500 if this returned before it notices


async def respond(service: Service, operation: Operation, request: Request) -> HttpResponse:
    """Handle one API request, and send its events to webhooks."""
    raw = await request.body()
    store = service.store
    service.advance_to_now()
    try:
        return await _respond(store, operation, request, raw)
    finally:
        # What other reads change, the clock derives again.
        if not operation.is_read or operation.operation in _READS_THAT_CHANGE or store.events:
            service.changed = True
        webhooks.send_events(store)


async def _respond(store: Store, operation: Operation, request: Request, raw: bytes) -> HttpResponse:
    entry = record_request(store, request, operation.operation)
    fault = faults.due_for_request(store.faults, operation.operation)
    entry["fault"] = fault.kind if fault is not None else None
    if fault is not None and fault.kind == "drop_before":
        return DroppedConnection()
    response = None
    if fault is not None:
        response = faults.injected_response(fault, throttle_code=store.settings.throttle_code)
    if response is None:
        response = await _handle(store, operation, request, raw, fault)
    if fault is not None and fault.kind == "drop_after":
        return DroppedConnection()
    entry["status"] = response.status
    return to_http(response)


def to_http(response: Response) -> HttpResponse:
    return HttpResponse(response.content, response.status, dict(response.headers))


def json_response(body: Any, status: int = 200) -> HttpResponse:
    return to_http(Response.of(body, status))


def record_request(store: Store, request: Request, operation: str | None) -> dict[str, Any]:
    """Record the request for the control endpoints; its status is None until there is a response."""
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


async def _handle(
    store: Store, operation: Operation, request: Request, raw: bytes, fault: Fault | None
) -> Response:
    try:
        if operation.tier == "tools":
            caller = auth.authorize_tools(store, operation, request.headers)
        else:
            caller = auth.authenticate(store, request.headers)
        rate = rate_limit.throttle(store, caller)
    except ErrorResponse as error:
        return error.response
    try:
        workspace = membership = None
        if operation.tier == "panel":
            auth.authorize_panel(caller)
        elif operation.tier == "workspace":
            workspace, membership = auth.authorize_workspace(
                store, caller, request.path_params["workspace_uuid"]
            )
        body = await read_body(request, raw, normalize_texts=store.settings.normalize_texts)
        call = Call(
            operation=operation,
            store=store,
            caller=caller,
            membership=membership,
            workspace_or_none=workspace,
            origin=f"{request.scope['scheme']}://{request.headers.get('host', '')}",
            url=request.scope["path"].rstrip("/"),
            path=request.path_params,
            query=request.query_params.multi_items(),
            headers=request.headers,
            raw=raw,
            fields=body.fields,
            uploads=body.uploads,
            body_problem=body.problem,
            post_uuid=request.path_params.get("post_uuid"),
        )
        response = await _with_idempotency(
            call, delay=fault.seconds if fault is not None and fault.kind == "delay" else 0
        )
        activity_log.log(call, response)
    except ErrorResponse as error:
        response = error.response
    return replace(response, headers={**response.headers, **rate})


async def _with_idempotency(call: Call, *, delay: float) -> Response:
    """Run the handler, or return the response stored for the Idempotency-Key. A delay keeps the key reserved."""
    try:
        record = idempotency.reserve(call)
    except ErrorResponse as error:
        return error.response
    if record is not None and record.response is not None:
        return record.response
    response = None
    try:
        if delay:
            await asyncio.sleep(delay)
        response = await _dispatch(call)
    finally:
        if record is not None:
            idempotency.complete(call, record, response)
    return response


async def _dispatch(call: Call) -> Response:
    try:
        if call.workspace_or_none is not None:
            auth.check_access(call)
        elif call.operation.tier == "tools" and call.operation.needs_token:
            auth.require_ability(call, "ai")
        rate_limit.throttle_operation(call)
        if call.body_problem is not None:
            raise invalid({"body": [call.body_problem]})
        handler = HANDLERS.get(call.operation.operation)
        if handler is None:
            raise _not_implemented(call.operation)
        response = handler(call)
        return response if isinstance(response, Response) else await response
    except ErrorResponse as error:
        return error.response
    except Exception:
        log.exception("The sandbox failed to handle %s", call.operation.operation)
        return Response.of({"message": "Server Error"}, 500)


def _not_implemented(operation: Operation) -> ErrorResponse:
    message = f"The sandbox does not implement {operation.operation}."
    return ErrorResponse(501, message, operation=operation.operation)
