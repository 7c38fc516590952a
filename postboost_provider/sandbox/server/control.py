"""The control endpoints under ``/_sandbox``: no part of PostBoost, and no token needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.faults import FaultError
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.core.settings import SettingsError
from postboost_provider.sandbox.server.pipeline import response_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from postboost_provider.sandbox.server.service import Service

CONTROL = "/_sandbox"


def add_routes(app: FastAPI, service: Service) -> None:
    def add(method: str, name: str, act: Callable[[Any], Any]) -> None:
        app.add_route(f"{CONTROL}/{name}", _endpoint(service, act), [method])

    add("GET", "state", lambda _: service.state())
    add("GET", "requests", lambda _: {"requests": service.requests()})
    add("GET", "deliveries", lambda _: {"deliveries": service.deliveries()})
    add("POST", "resend", lambda body: _resend(service, body))
    add("POST", "seed", service.seed)
    add("POST", "clock", lambda body: _clock(service, body))
    add("POST", "faults", lambda body: _faults(service, body))
    add("POST", "settings", lambda body: _settings(service, body))
    add("POST", "accounts", lambda body: _account(service, body))
    add("POST", "reset", lambda body: _reset(service, body))


def _endpoint(service: Service, act: Callable[[Any], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            service.changed = service.changed or request.method != "GET"
            return response_of(Reply.of(act(json.loads(raw) if raw else {})))
        except (FaultError, SettingsError, ValueError, TypeError) as error:
            return response_of(Reply.of({"message": str(error)}, 422))

    return endpoint


def _clock(service: Service, body: dict[str, Any]) -> dict[str, Any]:
    """Move the clock forward: ``{"advance_seconds": 3600}``."""
    if not isinstance(body, dict) or set(body) != {"advance_seconds"}:
        raise ValueError('Say how far to move: {"advance_seconds": 3600}.')
    service.advance(float(body["advance_seconds"]))
    return {"now": service.store.clock.now().isoformat()}


def _faults(service: Service, body: Any) -> dict[str, Any]:
    """Replace the faults by a list of rules, bare or as ``{"faults": [...]}``."""
    rules = body.get("faults") if isinstance(body, dict) else body
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise FaultError('Send a list of faults: [{"kind": "throttle"}]. An empty list clears them.')
    service.set_faults(rules)
    return {"faults": service.state()["faults"]}


def _settings(service: Service, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise SettingsError('Send the settings to change: {"publish_seconds": 0}.')
    service.change(body)
    return {"settings": service.store.settings.as_dict()}


def _resend(service: Service, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise ValueError('Say which event to deliver again: {"id": "..."}.')  # noqa: TRY004
    service.resend(body["id"])
    return {"deliveries": [each for each in service.deliveries() if each["id"] == body["id"]]}


def _account(service: Service, body: Any) -> dict[str, Any]:
    """Change how one account stands: ``{"id": 3, "authorized": false}``."""
    if not isinstance(body, dict) or "id" not in body:
        raise SettingsError('Say which account, and what to change: {"id": 3, "authorized": false}.')
    service.change_account(body["id"], {name: value for name, value in body.items() if name != "id"})
    return {"id": body["id"]}


def _reset(service: Service, body: Any) -> dict[str, Any]:
    """Start over; ``{"settings": {...}}`` on top of what the sandbox was started with."""
    if not isinstance(body, dict) or not set(body) <= {"settings"}:
        raise ValueError('A reset takes nothing, or {"settings": {...}}.')
    service.reset(body.get("settings") or {})
    return service.state()
