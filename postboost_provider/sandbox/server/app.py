"""The Starlette application: PostBoost's paths under ``/app/api``, media files, the page and the control endpoints."""

from __future__ import annotations

import asyncio
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.routes import Routes
from postboost_provider.sandbox.media.library import PDF, find_media
from postboost_provider.sandbox.server import browsers, control, page, pipeline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from postboost_provider.sandbox.server.service import Service

API = "/app/api"
# An uploaded SVG may have scripts, and is of the same origin as the page and the control endpoints.
_FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'"


def build_app(service: Service, host: str = "127.0.0.1") -> Starlette:
    """Return the application.

    :param host: the address that the sandbox listens on.
    """
    methods = sorted({operation.method for operation in load_operations().values()})
    app = Starlette(
        routes=[
            Route(f"{API}{{path:path}}", _endpoint(service), methods=[*methods, "OPTIONS"]),
            Route("/storage/{uuid}/{name:path}", _file_of(service), methods=["GET"]),
            Route("/", _page(service, host), methods=["GET"]),
            *control.control_routes(service, host),
        ],
        exception_handlers={HTTPException: _routing_error(service)},
    )
    app.router.redirect_slashes = False
    return app


def _endpoint(service: Service) -> Callable[[Request], Awaitable[HttpResponse]]:
    routes = Routes(load_operations().values())

    async def endpoint(request: Request) -> HttpResponse:
        path = request.path_params["path"].rstrip("/")
        if request.method == "OPTIONS":
            return HttpResponse(headers={"allow": ",".join(routes.methods(path))})
        method = "GET" if request.method == "HEAD" else request.method
        operation, request.scope["path_params"] = routes.find(method, path)
        try:
            response = await pipeline.respond(service, operation, request)
        except asyncio.CancelledError:
            return pipeline.DroppedConnection()  # the sandbox stops during a delay
        response.headers["date"] = format_datetime(service.store.clock.now(), usegmt=True)
        return response

    return endpoint


def _page(service: Service, host: str) -> Callable[[Request], Awaitable[HttpResponse]]:
    async def serve(request: Request) -> HttpResponse:
        if refused := browsers.refusal(request, host):
            return pipeline.json_response({"message": refused[1]}, refused[0])
        return page.show(service, request)

    return serve


def _file_of(service: Service) -> Callable[[Request], Awaitable[HttpResponse]]:
    async def serve(request: Request) -> HttpResponse:
        found = find_media(service.store, request.path_params["uuid"])
        if found is None:
            return pipeline.json_response({"message": "Not found."}, 404)
        if found.content.data is None:
            message = (
                f"{found.name} is larger than keep_media_bytes. The sandbox kept only its size and hash."
            )
            return pipeline.json_response({"message": message}, 404)
        headers = {"X-Content-Type-Options": "nosniff"}
        if found.mime_type != PDF:  # browsers do not show a PDF under such a policy, and a PDF is no web page
            headers["Content-Security-Policy"] = _FILE_POLICY
        return HttpResponse(found.content.data, media_type=found.mime_type, headers=headers)

    return serve


def _routing_error(service: Service) -> Callable[[Request, Exception], Awaitable[HttpResponse]]:
    async def respond(request: Request, error: Exception) -> HttpResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith(API):
            pipeline.record_request(service.store, request, None)["status"] = status
        message = "Not found." if status == 404 else "The method is not supported for this route."
        return pipeline.json_response({"message": message}, status)

    return respond
