"""The handlers of all operations. Importing a module registers its handlers."""
# ruff: noqa: F401

from __future__ import annotations

from postboost_provider.sandbox.admin import (
    api_keys,
    receipts,
    reseller_clients,
    subscriptions,
    users,
    workspaces,
)
from postboost_provider.sandbox.ai import agents, blog_posts, brand_voice, free_tools, images, repurposing
from postboost_provider.sandbox.analytics import best_times, competitors, reports, summaries, x_usage
from postboost_provider.sandbox.core.calls import HANDLERS
from postboost_provider.sandbox.events import inbox, webhooks
from postboost_provider.sandbox.media import chunked_upload, folders, items, upload, url_upload
from postboost_provider.sandbox.publishing import (
    account_health,
    accounts,
    actions,
    connect_accounts,
    mentions,
    posting_schedule,
    posts,
    recycling,
    rss_feeds,
    tags,
    templates,
)
from postboost_provider.sandbox.rules import activity_log, ai_credits

__all__ = ["HANDLERS"]
