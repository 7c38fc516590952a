"""The FastAPI application: PostBoost's paths under ``/app/api``, media files, and the control endpoints."""

from __future__ import annotations

import asyncio
from email.utils import format_datetime
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response

from postboost_provider.api.operations import load_operations

# Importing these registers their responses.
from postboost_provider.sandbox.admin import billing, clients, keys, panel, workspaces  # noqa: F401
from postboost_provider.sandbox.ai import agents, brand_voice, credits, generate, repurposing  # noqa: F401
from postboost_provider.sandbox.analytics import best_times, competitors, reports, summaries, usage  # noqa: F401
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.core.routes import Routes
from postboost_provider.sandbox.events import inbox, tools, webhooks  # noqa: F401
from postboost_provider.sandbox.media import chunked_upload, folders, items, url_upload  # noqa: F401
from postboost_provider.sandbox.media.library import find_media
from postboost_provider.sandbox.publishing import (  # noqa: F401
    actions,
    connecting,
    health,
    mentions,
    posts,
    recycling,
    schedule,
    tags,
    texts,
)
from postboost_provider.sandbox.rules import activity_log  # noqa: F401
from postboost_provider.sandbox.server import control, page, pipeline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from postboost_provider.sandbox.server.service import Service

API = "/app/api"


def build_app(service: Service) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    methods = sorted({operation.method for operation in load_operations().values()})
    app.add_route(f"{API}{{path:path}}", _endpoint(service), methods)
    app.add_route("/storage/{uuid}/{name:path}", _file_of(service), ["GET"])
    app.add_route("/", _page(service), ["GET"])
    control.add_routes(app, service)
    app.add_exception_handler(HTTPException, _unrouted(service))
    return app


def _endpoint(service: Service) -> Callable[[Request], Awaitable[Response]]:
    routes = Routes(load_operations().values())

    async def endpoint(request: Request) -> Response:
        operation, request.scope["path_params"] = routes.find(request.method, request.path_params["path"])
        try:
            response = await pipeline.answer(service, operation, request)
        except asyncio.CancelledError:
            return pipeline.BrokenConnection()  # the sandbox is being stopped while a delay lasts
        response.headers["date"] = format_datetime(service.store.clock.now(), usegmt=True)
        return response

    return endpoint


def _page(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return page.show(service, request)

    return serve


def _file_of(service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        found = find_media(service.store, request.path_params["uuid"])
        if found is None:
            return pipeline.response_of(Reply.of({"message": "Not found."}, 404))
        if found.content.kept is None:
            message = f"The sandbox kept size and hash of {found.name}: it is larger than keep_media_bytes."
            return pipeline.response_of(Reply.of({"message": message}, 404))
        return Response(found.content.kept, media_type=found.mime_type)

    return serve


def _unrouted(service: Service) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith(API):
            pipeline.note(service.store, request, None)["status"] = status
        message = "Not found." if status == 404 else "The method is not supported for this route."
        return pipeline.response_of(Reply.of({"message": message}, status))

    return refuse
