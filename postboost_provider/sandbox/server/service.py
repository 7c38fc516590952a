"""One sandbox: its state, and what tests and the control endpoints may do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core import faults
from postboost_provider.sandbox.core.store import TOKEN_NAMES, Store, new_token
from postboost_provider.sandbox.events import deliveries, webhooks
from postboost_provider.sandbox.publishing import connections, delivery as publishing
from postboost_provider.sandbox.server import saved_state as saved
from postboost_provider.sandbox.server.overview import overview
from postboost_provider.sandbox.server.seed import seeded_store
from postboost_provider.sandbox.server.volume import add_volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from postboost_provider.sandbox.core.settings import Settings


class Service:
    """Tokens and identifiers stay the same across resets; everything else is forgotten.

    :param state: a file to go on from, and to keep everything in.
    :raises SavedStateError: the file is none of this version.
    """

    def __init__(self, settings: Settings, state: Path | None = None) -> None:
        self.initial_settings = settings
        self.tokens = {name: new_token() for name in TOKEN_NAMES}
        self.store: Store = seeded_store(settings, self.tokens)
        self._state = state
        self.changed = True
        if state is not None and (found := saved.load(state, self.store)) is not None:
            self.tokens, self.store = found
            self.store.settings = settings

    def save(self) -> None:
        """Write what has changed to the file, if there is one."""
        if self._state is not None and self.changed:
            self.changed = False
            saved.save(self._state, self.tokens, self.store)

    def resume(self) -> None:
        """Go on with what the last run had begun. Must run in the server's event loop."""
        for delivery in self.store.deliveries:
            if delivery.status == "pending":
                deliveries.send(self.store, delivery)

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

    def seed(self, wanted: Mapping[str, Any]) -> dict[str, int]:
        """Add made-up posts, media, tags and workspaces."""
        return add_volume(self.store, wanted)

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
        return overview(self.store)

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
