"""What the workspace has used of its X allowance."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.publishing.guardrails import x_posts_in_month

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call

_COST_USD = 0.01  # per post: made up


@answers("get_x_usage")
def get_x_usage(call: Call) -> Reply:
    """Count the X posts of this month in UTC. Without enforcement there is a count and no limit."""
    start = call.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=32)).replace(day=1) - timedelta(seconds=1)
    settings = call.store.settings
    posts = list(call.workspace.posts.values())
    used = x_posts_in_month(posts, call.now)
    with_links = x_posts_in_month(posts, call.now, only=re.compile(r"https?://\S"))
    limit = settings.x_monthly_limit if settings.x_enforced else None
    return Reply.of(
        {
            "period_start": rfc3339(start),
            "period_end": rfc3339(end),
            "enforced": settings.x_enforced,
            "posts": {"used": used, "limit": limit},
            "link_posts": {"used": with_links, "limit": limit},
            "estimated_cost_usd": round(used * _COST_USD, 2),
        }
    )
