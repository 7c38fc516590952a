"""A dry run: PostBoost checks a row, and creates nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.calendar.report import RowReport, invalid
from postboost_provider.publishing.post import Problem
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
    has_files = any(file is not None for found in media.values() for _, file in found)
    problems = [
        problem
        for problem in resolution.problems(response.get("errors") or {})
        # PostBoost does not have the files.
        if not (has_files and "media" in problem.field)
    ]
    for issue in response.get("issues") or ():
        # The check reports the row's own earlier post as a duplicate.
        if not (known is not None and issue.get("code") == "duplicate_post"):
            problems.append(Problem("accounts", resolver.describe_issue(issue), issue.get("code")))
    if problems:
        return invalid(row, problems)
    files = "; its files were only checked here" if has_files else ""
    why = f"dry run: the post would be {'updated' if known else 'created'}{files}"
    uuid = known.post_uuid if known else None
    return RowReport(row, "skipped", why, uuid, warnings=read_warnings(response))
