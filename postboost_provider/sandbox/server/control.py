"""The control endpoints under ``/_sandbox``. PostBoost does not have them, and they need no token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from postboost_provider.sandbox.core.faults import FaultError
from postboost_provider.sandbox.core.settings import SettingsError
from postboost_provider.sandbox.server.browsers import refusal
from postboost_provider.sandbox.server.pipeline import json_response
from postboost_provider.sandbox.server.request_body import read_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from postboost_provider.sandbox.server.service import Service

CONTROL = "/_sandbox"


def control_routes(service: Service, host: str) -> list[Route]:
    actions: dict[tuple[str, str], Callable[[Any], Any]] = {
        ("GET", "state"): lambda _: service.state(),
        ("GET", "requests"): lambda _: {"requests": service.requests()},
        ("GET", "deliveries"): lambda _: {"deliveries": service.deliveries()},
        ("POST", "resend"): lambda body: _resend(service, body),
        ("POST", "seed"): service.seed,
        ("POST", "clock"): lambda body: _clock(service, body),
        ("POST", "faults"): lambda body: _faults(service, body),
        ("POST", "settings"): lambda body: _settings(service, body),
        ("POST", "accounts"): lambda body: _account(service, body),
        ("POST", "reset"): lambda body: _reset(service, body),
    }
    return [
        Route(f"{CONTROL}/{name}", _endpoint(service, action, host), methods=[method])
        for (method, name), action in actions.items()
    ]


def _endpoint(
    service: Service, action: Callable[[Any], Any], host: str
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        if refused := refusal(request, host, has_body=bool(raw)):
            return json_response({"message": refused[1]}, refused[0])
        try:
            service.changed = service.changed or request.method != "GET"
            return json_response(action(read_json(raw)))
        except (FaultError, SettingsError, ValueError, TypeError) as error:
            return json_response({"message": str(error)}, 422)

    return endpoint


def _clock(service: Service, body: dict[str, Any]) -> dict[str, Any]:
    """Move the clock forward: ``{"advance_seconds": 3600}``."""
    if not isinstance(body, dict) or set(body) != {"advance_seconds"}:
        raise ValueError('Give the seconds to move forward: {"advance_seconds": 3600}.')
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
        raise ValueError('Give the id of the event to deliver again: {"id": "..."}.')  # noqa: TRY004
    service.resend(body["id"])
    return {"deliveries": [each for each in service.deliveries() if each["id"] == body["id"]]}


def _account(service: Service, body: Any) -> dict[str, Any]:
    """Change one account: ``{"id": 3, "authorized": false}``."""
    if not isinstance(body, dict) or "id" not in body:
        raise SettingsError('Give the account id and the changes: {"id": 3, "authorized": false}.')
    service.change_account(body["id"], {name: value for name, value in body.items() if name != "id"})
    return {"id": body["id"]}


def _reset(service: Service, body: Any) -> dict[str, Any]:
    """Start over; ``{"settings": {...}}`` changes the initial settings."""
    if not isinstance(body, dict) or not set(body) <= {"settings"}:
        raise ValueError('A reset takes an empty body, or {"settings": {...}}.')
    service.reset(body.get("settings") or {})
    return service.state()
