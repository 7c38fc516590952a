"""A dry run: PostBoost checks a post, and creates nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.field_errors import map_fields
from postboost_provider.publishing.post import Problem
from postboost_provider.publishing.post_history import read_history, read_warnings
from postboost_provider.publishing.publish import refuse_past
from postboost_provider.publishing.resolve import PostResolution, Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.publishing.post import Post
    from postboost_provider.publishing.resolve import MediaByTarget
    from postboost_provider.services.media.upload import MediaFile


def try_post(
    api: PostBoostClient,
    *,
    actor: Actor,
    post: Post,
    find_media: Callable[[str], MediaFile],
    on_duplicate: str,
    now: datetime,
    check_new: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Have PostBoost check a post, and return what would be sent.

    :param check_new: as that of :func:`publish_post`.

    :raises PostBoostConfigError: it would be refused.
    """
    resolver = Resolver(api, find_media)
    resolution = PostResolution(resolver, post, "dry run")
    with map_fields(resolution.field):
        media = resolution.media()
        known = read_history(api, actor).known
        if known is None:
            check_new()
            refuse_past(post, now, can_read_log=True)
        body = resolution.body(post.mode, media, dry_run=True)
        response = api.call("validate_post", body={**body, "allow_duplicate": on_duplicate == "allow"})
        may_repeat = known is not None or on_duplicate == "reuse"
        problems, why = read_check(response, resolver, resolution, media, may_repeat=may_repeat)
        if problems:
            message = f"PostBoost would refuse it: {'; '.join(map(str, problems))}"
            raise PostBoostConfigError(message, code="refused", field=problems[0].field)
    done = "created" if known is None else "found, and updated where it differs"
    return {
        "uuid": known.post_uuid if known else None,
        "result": "skipped",
        "why": f"dry run: the post would be {done}{why}",
        "warnings": list(read_warnings(response)),
        "body": body,
    }


def read_check(
    response: Mapping[str, Any],
    resolver: Resolver,
    resolution: PostResolution,
    media: MediaByTarget,
    *,
    may_repeat: bool,
) -> tuple[list[Problem], str]:
    """Return the problems that PostBoost's check reports, and what it could not check.

    :param may_repeat: the same content in another post is no problem: the check reports the author's own earlier post, too.
    """
    has_files = any(file is not None for found in media.values() for _, file in found)
    problems = [
        problem
        for problem in resolution.problems(response.get("errors") or {})
        # PostBoost does not have the files.
        if not (has_files and "media" in problem.field)
    ]
    problems += [
        Problem("accounts", resolver.describe_issue(issue), issue.get("code"))
        for issue in response.get("issues") or ()
        if not (may_repeat and issue.get("code") == "duplicate_post")
    ]
    return problems, "; its files were only checked here" if has_files else ""
