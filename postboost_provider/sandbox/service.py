"""One sandbox: its state, and what tests and the control endpoints may do to it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox import connections, deliveries, faults, publishing, webhooks
from postboost_provider.sandbox.clock import rfc3339, stamp
from postboost_provider.sandbox.library import brief_media
from postboost_provider.sandbox.seed import seeded_store
from postboost_provider.sandbox.store import TOKEN_NAMES, Store, new_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.sandbox.settings import Settings


class Service:
    """Tokens and identifiers stay the same across resets; everything else is forgotten."""

    def __init__(self, settings: Settings) -> None:
        self.initial_settings = settings
        self.tokens = {name: new_token() for name in TOKEN_NAMES}
        self.store: Store = seeded_store(settings, self.tokens)

    def reset(self, settings: Mapping[str, Any]) -> None:
        """Start over, with the settings it was started with and these on top."""
        fresh = seeded_store(self.initial_settings.changed(settings), self.tokens)
        for task in self.store.tasks:
            task.cancel()
        self.store = fresh

    def change(self, settings: Mapping[str, Any]) -> None:
        """Change settings and nothing else."""
        self.store.settings = self.store.settings.changed(settings)
        self.store.next_step = self.store.clock.now()

    def change_account(self, account_id: int, values: Mapping[str, Any]) -> None:
        """Change how one account stands with its network."""
        connections.change(self.store, account_id, values)
        self.go_on()

    def advance(self, seconds: float) -> None:
        """Move the clock, and publish what has become due."""
        self.store.clock.advance(seconds)
        self.go_on()

    def go_on(self) -> None:
        """Publish what has become due, and tell the webhooks. Must run in the server's event loop."""
        publishing.progress(self.store)
        webhooks.announce(self.store)

    @property
    def has_webhooks(self) -> bool:
        return any(workspace.webhooks for workspace in self.store.workspaces.values())

    def set_faults(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replace the faults by these; none at all clears them."""
        self.store.faults = faults.read_faults(rules)

    def state(self) -> dict[str, Any]:
        """Return what there is: clock, counts, posts and media in brief, settings, faults that are left."""
        publishing.progress(self.store)
        return {
            "now": self.store.clock.now().isoformat(),
            "settings": self.store.settings.as_dict(),
            "faults": [fault.as_dict() for fault in self.store.faults if fault.count > 0],
            "requests": len(self.store.requests),
            "workspaces": [
                {
                    "name": workspace.name,
                    "uuid": workspace.uuid,
                    "timezone": workspace.timezone,
                    "accounts": len(workspace.accounts),
                    "media": len(workspace.media),
                    "folders": len(workspace.folders),
                    "uploads": sum(upload.media is None for upload in workspace.uploads.values()),
                    "tags": len(workspace.tags),
                    "activity": len(workspace.activity),
                    "posts": len(workspace.posts),
                    "statuses": dict(Counter(post.status for post in workspace.posts.values())),
                }
                for workspace in self.store.workspaces.values()
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
                for workspace in self.store.workspaces.values()
                for post in workspace.posts.values()
            ],
            "media": [
                brief_media(workspace, media)
                for workspace in self.store.workspaces.values()
                for media in workspace.media.values()
            ],
        }

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests to the API since the last reset, oldest first. Never a token."""
        return [dict(entry) for entry in self.store.requests]

    def deliveries(self) -> list[dict[str, Any]]:
        """Return what webhooks were told since the last reset, oldest first. Never a secret."""
        return [deliveries.brief(each) for each in self.store.deliveries]

    def resend(self, delivery_id: str) -> None:
        """Send the deliveries of one event again, as a person's "resend" does."""
        deliveries.resend(self.store, delivery_id)

    def workspaces(self) -> list[dict[str, str]]:
        return [{"name": each.name, "uuid": each.uuid} for each in self.store.workspaces.values()]
