"""RSS feeds. The sandbox stores them but never reads one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.resources import Record, Resource
from postboost_provider.sandbox.core.responses import Response

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.validation import Fields


def _complete_feed(call: Call, fields: Fields, record: Record) -> None:
    address = urlsplit(record["url"])
    if address.scheme not in ("http", "https") or not address.hostname:
        fields.add_error("url", "The url field must be a public http(s) URL.")


FEEDS = Resource(
    "rss_feed",
    fields={"name": None, "template": "{title}\n\n{link}", "last_polled_at": None, "last_error": None},
    complete=_complete_feed,
).register()


@handles("poll_rss_feed")
def poll_rss_feed(call: Call) -> Response:
    """Report that the feed has nothing new."""
    feed = FEEDS.of_path(call)
    feed["last_polled_at"] = rfc3339(call.now)
    return Response.of({"created": 0, "skipped": 0, "data": FEEDS.shown(call, feed)})
