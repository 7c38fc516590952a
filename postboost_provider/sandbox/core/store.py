"""The sandbox's state in memory."""

from __future__ import annotations

import secrets
import string
import uuid
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.core.clock import Clock

if TYPE_CHECKING:
    from asyncio import Task
    from datetime import datetime

    from postboost_provider.sandbox.core.faults import Fault
    from postboost_provider.sandbox.core.models import (
        AccessToken,
        Account,
        ApiKey,
        Delivery,
        Event,
        IdempotencyRecord,
        Post,
        RepurposeRun,
        User,
        Workspace,
    )
    from postboost_provider.sandbox.core.panel_models import Receipt
    from postboost_provider.sandbox.core.settings import Settings

TOKEN_NAMES = ("member", "admin", "viewer", "scoped", "expiring", "expired")
_REQUESTS_KEPT = 10_000
_DELIVERIES_KEPT = 1_000


@dataclass(slots=True)
class RateWindow:
    started: float
    used: int


class Store:
    """All data; a reset replaces it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.users: dict[int, User] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.receipts: dict[str, Receipt] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.api_keys: dict[str, ApiKey] = {}
        self.unfinished: set[Post] = set()
        self.expiring: set[Account] = set()
        self.running: set[RepurposeRun] = set()
        # When publishing starts or ends next on an account of an unfinished post; and a heap of time, id and post,
        # whose entries are outdated unless they agree with it.
        self.changes_at: dict[Post, datetime] = {}
        self.changes: list[tuple[datetime, int, Post]] = []
        self.faults: list[Fault] = []
        self.tasks: set[Task[None]] = set()
        self.idempotency: dict[tuple[int, str, str, str, str], IdempotencyRecord] = {}
        self.rates: dict[str, RateWindow] = {}
        self.requests: deque[dict[str, Any]] = deque(maxlen=_REQUESTS_KEPT)
        self.events: list[Event] = []
        self.deliveries: deque[Delivery] = deque(maxlen=_DELIVERIES_KEPT)
        self._ids: Counter[str] = Counter()

    def next_id(self, kind: str) -> int:
        self._ids[kind] += 1
        return self._ids[kind]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "tasks": set(), "changes_at": {}, "changes": []}


def new_uuid() -> str:
    return str(uuid.uuid4())


def new_token() -> str:
    """Return a token in PostBoost's format: a number, a bar and 48 letters and digits."""
    alphabet = string.ascii_letters + string.digits
    return f"{secrets.randbelow(9000) + 1000}|{''.join(secrets.choice(alphabet) for _ in range(48))}"
