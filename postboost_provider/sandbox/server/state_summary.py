"""A summary of a sandbox's data, for tests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.clock import rfc3339, stamp
from postboost_provider.sandbox.media.library import summarize_media

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.store import Store

COUNTED = ("accounts", "media", "folders", "tags", "activity", "posts")


def summarize(store: Store) -> dict[str, Any]:
    """Return clock, counts, summaries of posts and media, settings and remaining faults."""
    return {
        "now": store.clock.now().isoformat(),
        "settings": store.settings.as_dict(),
        "faults": [fault.as_dict() for fault in store.faults if fault.count > 0],
        "requests": len(store.requests),
        "workspaces": [
            {
                "name": workspace.name,
                "uuid": workspace.uuid,
                "timezone": workspace.timezone,
                **{name: len(getattr(workspace, name)) for name in COUNTED},
                "uploads": sum(upload.media is None for upload in workspace.uploads.values()),
                "statuses": dict(Counter(post.status for post in workspace.posts.values())),
            }
            for workspace in store.workspaces.values()
        ],
        "posts": [
            {
                "uuid": post.uuid,
                "workspace_uuid": workspace.uuid,
                "status": post.status,
                "trashed": post.trashed,
                "text": post.versions[0]["content"][0]["body"],
                "scheduled_at": stamp(post.scheduled_at),
                "published_at": stamp(post.published_at),
                "created_at": rfc3339(post.created_at),
                "accounts": [
                    {
                        "id": target.account.id,
                        "provider": target.account.provider,
                        "username": target.account.username,
                        "publish_status": target.status,
                    }
                    for target in post.targets
                ],
            }
            for workspace in store.workspaces.values()
            for post in workspace.posts.values()
        ],
        "media": [
            summarize_media(workspace, media)
            for workspace in store.workspaces.values()
            for media in workspace.media.values()
        ],
    }
