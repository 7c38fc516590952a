"""One intention, and what a task does with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.idempotency import identity as identities
from postboost_provider.idempotency.activity_log import read_ledger
from postboost_provider.publishing import create as publishing
from postboost_provider.publishing.create import Intention, Published

DAY = str((datetime.now(UTC) + timedelta(days=2)).date())


IDENTITY = identities.row_identity("spring", "monday")


def intention(text: str = "Hello", mode: str = "schedule") -> Intention:
    return Intention(
        identities.ledger_scope("spring"), IDENTITY, identities.intent_hash({"text": text}), mode
    )


def body(text: str = "Hello", **more: Any) -> dict[str, Any]:
    content = [{"body": text, "media": more.pop("media", [])}]
    planned = {"schedule": True, "timezone": "UTC", "date": DAY, "time": "10:00"}
    return {
        "versions": [{"account_id": 0, "is_original": True, "content": content}],
        "accounts": [1],
        "tags": [],
        **(more or planned),
    }


def publish(api: PostBoostClient, text: str = "Hello", mode: str = "schedule", **more: Any) -> Published:
    """Do what a task does: read the ledger, then adopt or create."""
    mine = intention(text, mode)
    ledger = read_ledger(api, mine.scope)
    entry = (ledger or {}).get(mine.ledger_identity)
    if entry is not None:
        return publishing.adopt(api, mine, entry, lambda: body(text, **more))
    return publishing.create_once(api, mine, lambda: body(text, **more), ledger=ledger is not None)
