"""Competitors on Instagram, with invented numbers that stay the same for a username."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped
from postboost_provider.sandbox.core.responses import ErrorResponse, Response
from postboost_provider.sandbox.core.shapes import read_body

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.validation import Fields

_SNAPSHOT_DAYS = 90
_RECENT_POSTS = 12
_NOT_IMPORTED = {
    "name": None,
    "image": None,
    "followers_count": None,
    "media_count": None,
    "avg_engagement": 0,
    "last_snapshot_date": None,
}


def _complete(call: Call, fields: Fields, record: Record) -> None:
    account = call.workspace.accounts.get(record["account_id"])
    if account is not None and account.provider != "instagram":
        fields.add_error(
            "account_id", "The account must be an Instagram account connected through a Facebook Page."
        )
    record["username"] = record["username"].removeprefix("@")


COMPETITORS = Resource(
    "competitor",
    key="id",
    numbered=True,
    fields=_NOT_IMPORTED,
    dated=False,
    order="followers_count",
    filters=("account_id",),
    complete=_complete,
    verbs=("list", "delete"),
).register()


@handles("add_competitor")
def add_competitor(call: Call) -> Response:
    """Track a competitor. Its numbers are missing here: they are imported afterwards (SDK 1.66.3)."""
    new = COMPETITORS.new(call, read_body(call))
    for known in COMPETITORS.records(call).values():
        if (known["account_id"], known["username"]) == (new["account_id"], new["username"].removeprefix("@")):
            raise ErrorResponse(409, "This account already tracks that username.", competitor_id=known["id"])
    record = COMPETITORS.save(call, new)
    accepted = dict(record)
    followers = 1000 + zlib.crc32(record["username"].encode()) % 50_000
    record |= {
        "name": record["username"].title(),
        "followers_count": followers,
        "media_count": followers // 100,
        "avg_engagement": followers // 50,
        "last_snapshot_date": call.now.date().isoformat(),
    }
    return Response.of({"data": accepted, "status": "importing"}, 202)


@handles("get_competitor")
def get_competitor(call: Call) -> Response:
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
        for number in range(1, _RECENT_POSTS + 1)
    ]
    snapshots = [{"date": day.isoformat(), **counts} for day in days]
    return enveloped(call, {**record, "snapshots": snapshots, "recent_media": media})
