"""A dry run: PostBoost checks a row, and creates nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.calendar.report import RowReport, invalid
from postboost_provider.publishing.dry_run import read_check
from postboost_provider.publishing.post_history import read_warnings

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.calendar.csv import Row
    from postboost_provider.publishing.post_history import KnownPost
    from postboost_provider.publishing.resolve import MediaByTarget, PostResolution, Resolver


def check_row(
    api: PostBoostClient,
    resolver: Resolver,
    row: Row,
    resolution: PostResolution,
    mode: str,
    media: MediaByTarget,
    known: KnownPost | None,
) -> RowReport:
    """Have PostBoost check the row without creating anything. Files are checked here and not uploaded."""
    response = api.call("validate_post", body=resolution.body(mode, media, dry_run=True))
    problems, unchecked = read_check(response, resolver, resolution, media, may_repeat=known is not None)
    if problems:
        return invalid(row, problems)
    why = f"dry run: the post would be {'updated' if known else 'created'}{unchecked}"
    uuid = known.post_uuid if known else None
    return RowReport(row, "skipped", why, uuid, warnings=read_warnings(response))
