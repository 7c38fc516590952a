"""The page at ``/`` that shows the sandbox's data. It has no script, and loads nothing from other hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
from starlette.responses import HTMLResponse

from postboost_provider.sandbox.core.clock import stamp
from postboost_provider.sandbox.events import deliveries
from postboost_provider.sandbox.publishing.account_health import connection_status
from postboost_provider.sandbox.publishing.post_input import media_by_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from postboost_provider.sandbox.core.media_models import Media
    from postboost_provider.sandbox.core.models import Post, Workspace
    from postboost_provider.sandbox.core.store import Store
    from postboost_provider.sandbox.server.service import Service

POSTS_SHOWN = 50
DELIVERIES_SHOWN = 50
_TEMPLATE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    Path(__file__).with_name("page.html").read_text(encoding="utf-8")
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def show(service: Service, request: Request) -> HTMLResponse:
    """Return the page. With ``?refresh=5`` the browser reloads it every five seconds."""
    service.advance_and_notify()
    store = service.store
    refresh = request.query_params.get("refresh", "")
    html = _TEMPLATE.render(
        now=stamp(store.clock.now()),
        refresh=int(refresh) if re.fullmatch(r"[1-9][0-9]{0,2}", refresh) else None,
        workspaces=[_workspace(store, each) for each in store.workspaces.values()],
        deliveries=[deliveries.summarize(each) for each in reversed(store.deliveries)][:DELIVERIES_SHOWN],
        posts_shown=POSTS_SHOWN,
    )
    return HTMLResponse(html, headers=_HEADERS)


def _workspace(store: Store, workspace: Workspace) -> dict[str, Any]:
    posts = workspace.by_age[::-1]
    library = media_by_id(workspace)
    return {
        "name": workspace.name,
        "uuid": workspace.uuid,
        "timezone": workspace.timezone,
        "accounts": [
            (account, connection_status(account, store.clock.now()))
            for account in workspace.accounts.values()
        ],
        "count": len(posts),
        "media": len(workspace.media),
        "posts": [_post(post, library) for post in posts[:POSTS_SHOWN]],
    }


def _post(post: Post, library: Mapping[int, Media]) -> dict[str, Any]:
    """Return the post with the text of all its versions."""
    return {
        "uuid": post.uuid,
        "status": "trashed" if post.trashed else post.status,
        "scheduled_at": stamp(post.scheduled_at),
        "published_at": stamp(post.published_at),
        "targets": post.targets,
        "versions": [
            {
                "account": next((t.account for t in post.targets if t.account.id == v["account_id"]), None),
                "parts": [
                    {
                        "text": part["body"],
                        "images": [_image(library[i]) for i in part["media"] if i in library],
                    }
                    for part in v["content"]
                ],
            }
            for v in post.versions
        ],
    }


def _image(media: Media) -> dict[str, Any]:
    is_image = media.mime_type.startswith("image/") and media.content.data is not None
    return {
        "name": media.name,
        "alt_text": media.alt_text or media.name,
        "url": f"/storage/{media.uuid}/{quote(media.name)}" if is_image else None,
    }
