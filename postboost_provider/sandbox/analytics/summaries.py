"""Analytics of the workspace, of an account and of a post, all from the same numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from postboost_provider.sandbox.analytics.metrics import (
    METRICS,
    WITHOUT_ANALYTICS,
    Publication,
    days_of,
    followers,
    publications_of,
    published,
    total,
    with_rate,
)
from postboost_provider.sandbox.analytics.periods import Period, read_period
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.resources import small_page
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.scope import visible_accounts
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.publishing.accounts import account_of, render_account
from postboost_provider.sandbox.publishing.posts import post_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postboost_provider.sandbox.core.models import Account

_TABS = ("overview", "posts")


def analysed_accounts(call: Call) -> list[Account]:
    """Return the caller's accounts that have analytics."""
    return [each for each in visible_accounts(call) if each.provider not in WITHOUT_ANALYTICS]


def account_totals(call: Call, accounts: Iterable[Account], period: Period) -> list[dict[str, Any]]:
    """Return an entry per account: its identity, followers, posts of the period and their numbers."""
    by_account: dict[Account, list[Publication]] = {account: [] for account in accounts}
    for each in published(call.workspace, period.start, period.end, by_account):
        by_account[each.account].append(each)
    return [
        {
            **_identity(account),
            "followers": followers(account, period.end),
            "follower_growth": _growth(account, period),
            **total(publications, call.now),
        }
        for account, publications in by_account.items()
    ]


@handles("get_analytics_summary")
def get_analytics_summary(call: Call) -> Response:
    fields = Fields(dict(call.query))
    period = read_period(fields, call.now.date(), default="this_month")
    fields.raise_errors()
    accounts = analysed_accounts(call)
    now = account_totals(call, accounts, period)
    before = account_totals(call, accounts, period.before)
    by_engagement = sorted(now, key=lambda each: (each["engagement_rate"], each["views"]), reverse=True)
    by_posts = sorted(now, key=lambda each: each["posts"], reverse=True)
    idle = [each for each in by_posts if not each["posts"]]
    reach: Counter[str] = Counter()
    for each in now:
        reach[each["provider"]] += each["followers"]
    data = {
        "total_followers": sum(each["followers"] for each in now),
        "follower_growth": _compared(now, before, "follower_growth"),
        "total_posts": _compared(now, before, "posts"),
        **{f"total_{name}": _compared(now, before, name) for name in METRICS},
        "best_account": by_engagement[0] if by_engagement and by_engagement[0]["posts"] else None,
        "needs_attention": idle[0] if idle else None,
        "audience_chart": [
            {"date": str(day), "value": sum(followers(each, day) for each in accounts)}
            for day in days_of(period.start, period.end)
        ],
        "leaderboard": by_engagement,
        "most_active": by_posts[0] if by_posts else None,
        "least_active": by_posts[-1] if by_posts else None,
        "follower_distribution": [{"label": name, "value": value} for name, value in reach.most_common()],
        "posting_streak": {"days": _streak(call, accounts, period)},
    }
    return Response.of({"period": period.as_dict(), "data": data})


@handles("get_account_analytics")
def get_account_analytics(call: Call) -> Response:
    account = account_of(call)
    fields = Fields(dict(call.query))
    period = read_period(fields, call.now.date(), default="this_month")
    tab = fields.text("type") or _TABS[0]
    if account.provider in WITHOUT_ANALYTICS:
        fields.add_error("account", f"{account.provider} has no analytics.")
    elif tab not in _TABS:
        fields.add_error("type", "The selected type is invalid.")
    sort_by = fields.text("sort_by") or "published_at"
    if sort_by not in ("published_at", *METRICS):
        fields.add_error("sort_by", "The selected sort by is invalid.")
    fields.raise_errors()
    if tab == "posts":
        data = _posts_tab(call, account, period, sort_by)
    else:
        (data,) = account_totals(call, [account], period)
        days = days_of(period.start, period.end)
        data["followers_chart"] = [{"date": str(day), "value": followers(account, day)} for day in days]
    return Response.of(
        {
            "account": render_account(account),
            "type": tab,
            "tabs": list(_TABS),
            "period": period.as_dict(),
            "initial_sync": {"in_progress": False, "progress": None},
            "data": data,
        }
    )


def _posts_tab(call: Call, account: Account, period: Period, sort_by: str) -> dict[str, Any]:
    items = [
        {
            "post_uuid": each.post.uuid,
            "published_at": each.at.strftime("%Y-%m-%d %H:%M:%S"),
            "external_url": each.target.external_url,
            **with_rate(each.numbers(call.now)),
        }
        for each in published(call.workspace, period.start, period.end, {account})
    ]
    items.sort(
        key=lambda each: (each[sort_by], each["post_uuid"]), reverse=call.parameter("sort_dir") != "asc"
    )
    shown, meta = small_page(call, items, per_page=20, maximum=50)
    return {"items": shown, "meta": meta}


@handles("get_post_analytics")
def get_post_analytics(call: Call) -> Response:
    """Sum up the post over its accounts; empty before it is published."""
    publications = publications_of(post_of(call))
    accounts = [
        {
            **_identity(each.account),
            "external_url": each.target.external_url,
            **with_rate(each.numbers(call.now)),
        }
        for each in publications
    ]
    if not accounts:
        return Response.of({"summary": {}, "winner": None, "accounts": []})
    sums = total(publications, call.now)
    del sums["posts"]
    winner = max(accounts, key=lambda each: each["engagement_rate"])
    first = min(each.at for each in publications).date()
    summary = {
        **sums,
        "breakdown": [{"label": each["provider"], "value": each["views"]} for each in accounts],
        "funnel": [{"label": name, "value": sums[name]} for name in METRICS],
        "peak_day": {"date": str(first), "value": sums["views"]},
        "trends": {"views": [{"date": str(first), "value": sums["views"]}]},
    }
    return Response.of({"summary": summary, "winner": winner, "accounts": accounts})


def _identity(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.id,
        "account_uuid": account.uuid,
        "name": account.name,
        "provider": account.provider,
    }


def _growth(account: Account, period: Period) -> int:
    return followers(account, period.end) - followers(account, period.before.end)


def _compared(now: list[dict[str, Any]], before: list[dict[str, Any]], name: str) -> dict[str, int]:
    value, previous = (sum(each[name] for each in entries) for entries in (now, before))
    return {"value": value, "previous": previous, "change": value - previous}


def _streak(call: Call, accounts: list[Account], period: Period) -> int:
    """Return the number of consecutive days with a post up to the end of the period."""
    busy = {each.at.date() for each in published(call.workspace, period.start, period.end, accounts)}
    streak = 0
    for day in reversed(days_of(period.start, min(period.end, call.now.date()))):
        if day not in busy:
            break
        streak += 1
    return streak
