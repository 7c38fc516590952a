"""Competitors on Instagram, with made-up numbers that stay the same for a username."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.replies import Refusal, Reply
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped
from postboost_provider.sandbox.core.shapes import read_body

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.validation import Fields

_SNAPSHOT_DAYS = 90
_RECENT = 12
_NOT_YET = {
    "name": None,
    "image": None,
    "followers_count": None,
    "media_count": None,
    "avg_engagement": 0,
    "last_snapshot_date": None,
}


def _finish(call: Call, fields: Fields, record: Record) -> None:
    account = call.workspace.accounts.get(record["account_id"])
    if account is not None and account.provider != "instagram":
        fields.refuse(
            "account_id", "The account must be an Instagram account connected through a Facebook Page."
        )
    record["username"] = record["username"].removeprefix("@")


COMPETITORS = Resource(
    "competitor",
    key="id",
    numbered=True,
    fields=_NOT_YET,
    dated=False,
    order="followers_count",
    filters=("account_id",),
    finish=_finish,
    verbs=("list", "delete"),
).register()


@answers("add_competitor")
def add_competitor(call: Call) -> Reply:
    """Track one. The numbers are not in this answer: they come with an import afterwards (SDK 1.66.3)."""
    new = COMPETITORS.new(call, read_body(call))
    for known in COMPETITORS.records(call).values():
        if (known["account_id"], known["username"]) == (new["account_id"], new["username"].removeprefix("@")):
            raise Refusal(409, "This account tracks that username already.", competitor_id=known["id"])
    record = COMPETITORS.keep(call, new)
    accepted = dict(record)
    followers = 1000 + zlib.crc32(record["username"].encode()) % 50_000
    record |= {
        "name": record["username"].title(),
        "followers_count": followers,
        "media_count": followers // 100,
        "avg_engagement": followers // 50,
        "last_snapshot_date": call.now.date().isoformat(),
    }
    return Reply.of({"data": accepted, "status": "importing"}, 202)


@answers("get_competitor")
def get_competitor(call: Call) -> Reply:
    record = COMPETITORS.of_path(call)
    days = [call.now.date() - timedelta(days=ago) for ago in reversed(range(_SNAPSHOT_DAYS))]
    counts = {"followers_count": record["followers_count"], "media_count": record["media_count"]}
    media = [
        {
            "caption": f"Post {number} of {record['username']}",
            "permalink": f"https://instagram.example/{record['username']}/{number}",
            "media_type": "IMAGE",
            "like_count": record["avg_engagement"],
            "comments_count": 0,
            "timestamp": rfc3339(call.now - timedelta(days=number)),
        }
        for number in range(1, _RECENT + 1)
    ]
    snapshots = [{"date": day.isoformat(), **counts} for day in days]
    return enveloped(call, {**record, "snapshots": snapshots, "recent_media": media})
