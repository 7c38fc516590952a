"""One sandbox: its data, and what tests and the control endpoints can do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.ai import repurposing
from postboost_provider.sandbox.core import faults
from postboost_provider.sandbox.core.store import TOKEN_NAMES, Store, new_token
from postboost_provider.sandbox.events import deliveries, webhooks
from postboost_provider.sandbox.publishing import account_state, lifecycle
from postboost_provider.sandbox.server import saved_state
from postboost_provider.sandbox.server.bulk_seed import seed_more
from postboost_provider.sandbox.server.seed import seeded_store
from postboost_provider.sandbox.server.state_summary import summarize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from postboost_provider.sandbox.core.settings import Settings


class Service:
    """A sandbox. A reset keeps tokens and identifiers, and deletes everything else.

    :param state: a file to load the data from, if it exists, and to save it in.
    :raises SavedStateError: the file was not written by this version of the sandbox.
    """

    def __init__(self, settings: Settings, state: Path | None = None) -> None:
        self.initial_settings = settings
        self.tokens = {name: new_token() for name in TOKEN_NAMES}
        self.store: Store = seeded_store(settings, self.tokens)
        self._state = state
        self.changed = True
        self._was_busy = False
        if state is not None and (found := saved_state.load(state, self.store)) is not None:
            self.tokens, self.store = found
            self.store.settings = settings
            lifecycle.track_again(self.store)

    def save(self) -> None:
        """Write changed data to the file, if there is one. What a task changed is written after it has ended."""
        was_busy, self._was_busy = self._was_busy, bool(self.store.tasks)
        if self._state is not None and (self.changed or was_busy):
            self.changed = False
            saved_state.save(self._state, self.tokens, self.store)

    def resume(self) -> None:
        """Continue deliveries that the last run had started. Must run in the server's event loop."""
        for delivery in self.store.deliveries:
            if delivery.status == "pending":
                deliveries.send(self.store, delivery)

    def reset(self, settings: Mapping[str, Any]) -> None:
        """Start over with the initial settings and these changes."""
        fresh = seeded_store(self.initial_settings.changed(settings), self.tokens)
        for task in self.store.tasks:
            task.cancel()
        self.store = fresh

    def change(self, settings: Mapping[str, Any]) -> None:
        """Change settings and keep all data."""
        self.store.settings = self.store.settings.changed(settings)
        lifecycle.track_again(self.store)

    def change_account(self, account_id: int, values: Mapping[str, Any]) -> None:
        """Change an account as its network, a person or a plan would."""
        account_state.change(self.store, account_id, values)
        self.advance_and_notify()

    def seed(self, counts: Mapping[str, Any]) -> dict[str, int]:
        """Add sample posts, media, tags and workspaces."""
        return seed_more(self.store, counts)

    def advance(self, seconds: float) -> None:
        """Move the clock forward, and publish what is due."""
        self.store.clock.advance(seconds)
        self.advance_and_notify()

    def advance_to_now(self) -> None:
        """Advance accounts, repurpose runs and posts to the clock's time."""
        account_state.advance(self.store)
        repurposing.advance(self.store)
        lifecycle.advance(self.store)

    def advance_and_notify(self) -> None:
        """Advance to the clock's time, and send the events to webhooks. Must run in the server's event loop."""
        self.advance_to_now()
        self.changed = self.changed or bool(self.store.events)
        webhooks.send_events(self.store)

    @property
    def has_webhooks(self) -> bool:
        return any(workspace.webhooks for workspace in self.store.workspaces.values())

    def set_faults(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replace all faults; an empty list clears them."""
        self.store.faults = faults.read_faults(rules)

    def state(self) -> dict[str, Any]:
        """Return clock, counts, summaries of posts and media, settings and remaining faults."""
        self.advance_to_now()
        return summarize(self.store)

    def requests(self) -> list[dict[str, Any]]:
        """Return the API requests since the last reset, oldest first, without tokens."""
        return [dict(entry) for entry in self.store.requests]

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the webhook deliveries since the last reset, oldest first, without secrets."""
        return [deliveries.summarize(each) for each in self.store.deliveries]

    def resend(self, delivery_id: str) -> None:
        """Send the deliveries of one event again."""
        deliveries.resend(self.store, delivery_id)

    def workspaces(self) -> list[dict[str, str]]:
        return [{"name": each.name, "uuid": each.uuid} for each in self.store.workspaces.values()]
