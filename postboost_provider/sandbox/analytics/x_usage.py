"""The workspace's use of its monthly X posts."""

from __future__ import annotations

import re

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import month_of, rfc3339
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.publishing.guardrails import x_posts_in_month

_COST_USD = 0.01  # per post; not documented


@handles("get_x_usage")
def get_x_usage(call: Call) -> Response:
    """Count the X posts of this UTC month. Unless enforced, there is no limit."""
    start, end = month_of(call.now)
    settings = call.store.settings
    posts = list(call.workspace.posts.values())
    used = x_posts_in_month(posts, call.now)
    with_links = x_posts_in_month(posts, call.now, only=re.compile(r"https?://\S"))
    limit = settings.x_monthly_limit if settings.x_enforced else None
    return Response.of(
        {
            "period_start": rfc3339(start),
            "period_end": rfc3339(end),
            "enforced": settings.x_enforced,
            "posts": {"used": used, "limit": limit},
            "link_posts": {"used": with_links, "limit": limit},
            "estimated_cost_usd": round(used * _COST_USD, 2),
        }
    )
