"""``on_duplicate="reuse"``: use an existing post with the same content, if it does all that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.polling.outcome import read_post, require_post
from postboost_provider.publishing.post_history import Published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.publishing.post_history import Intention
    from postboost_provider.publishing.resolve import Resolver


def use_duplicate(
    api: PostBoostClient,
    resolver: Resolver,
    uuid: str,
    body: Mapping[str, Any],
    *,
    is_draft: bool,
    at: datetime | None,
) -> Published:
    """Return an existing post in place of the one that was asked for.

    The guard names the first post in which one account has the content (SDK 1.66.3). The other accounts may have other
    content there, or none.

    :param body: what was asked for.
    :param at: the latest time to publish it, or None where PostBoost picks the time.
    :raises PostBoostConfigError: the existing post does less.
    """
    post = require_post(api.call("get_post", parameters={"post_uuid": uuid}), uuid)
    outcome = read_post(post)
    reached = {int(account["id"]) for account in post["accounts"]}
    missing = [i for i in body["accounts"] if i not in reached]
    others = [i for i in body["accounts"] if _content(post["versions"], i) != _content(body["versions"], i)]
    shortfall = None
    if outcome.trashed:
        shortfall = "is in the trash"
    elif outcome.status == "draft" and not is_draft:
        shortfall = "is a draft, which is not published"
    elif missing:
        shortfall = f"is not for {', '.join(map(resolver.account_name, missing))}"
    elif others:
        shortfall = f"has other content on {', '.join(map(resolver.account_name, others))}"
    elif outcome.failed_accounts:
        shortfall = f"failed on {', '.join(map(str, outcome.failed_accounts))}"
    elif at and outcome.can_be_changed and outcome.scheduled_at and outcome.scheduled_at > at:
        shortfall = f"is scheduled later, for {outcome.scheduled_at:%Y-%m-%d %H:%M} UTC"
    if shortfall:
        raise PostBoostConfigError(
            f"on_duplicate='reuse': post {uuid} has the same content, but {shortfall}. Correct it in PostBoost, publish the rest "
            "in another task, or use on_duplicate='allow' to publish all of it again.",
            code="duplicate_differs",
            field="on_duplicate",
        )
    return Published("adopted", "the same content was posted before", outcome.uuid, outcome)


def find_refused_duplicate(api: PostBoostClient, intention: Intention, body: Mapping[str, Any]) -> str | None:
    """Return the existing post because of which PostBoost refused an earlier attempt of this task, if it did.

    The guard compares only 24 hours: a later attempt would pass it, and publish a second time.

    :raises PostBoostConfigError: it did, and no longer names the post.
    """
    if not any(
        entry.outcome == "blocked_duplicate"
        and entry.label.post
        and entry.label.post.intent == intention.intent
        for entry in read_log(api, intention.actor.owner) or ()
    ):
        return None
    response = api.call("validate_post", body=body)
    for issue in response.get("issues") or ():
        if issue.get("code") == "duplicate_post" and issue.get("existing_post_uuid"):
            return str(issue["existing_post_uuid"])
    raise PostBoostConfigError(
        "on_duplicate='reuse': PostBoost refused an earlier attempt as a duplicate, but the existing post is now older than 24 "
        "hours or was deleted. Check PostBoost. To publish the content, use on_duplicate='allow'.",
        code="duplicate_unknown",
        field="on_duplicate",
    )


def _content(versions: Sequence[Mapping[str, Any]], account_id: int) -> list[tuple[str, list[int]]]:
    """Return the texts of an account, as the guard compares them, and their media."""
    original = next(v for v in versions if v["is_original"])
    version = next((v for v in versions if v["account_id"] == account_id and not v["is_original"]), original)
    texts = [" ".join(str(item.get("body") or "").split()).casefold() for item in version["content"]]
    media = [[int(number) for number in item.get("media") or ()] for item in version["content"]]
    return list(zip(texts, media, strict=True))
