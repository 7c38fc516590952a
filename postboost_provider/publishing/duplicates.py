"""Whether a post that has the same content already does what the one that was to be made would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.polling.outcome import read_post
from postboost_provider.publishing.intention import Published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.polling.outcome import PostOutcome
    from postboost_provider.publishing.intention import Intention
    from postboost_provider.publishing.resolve import Resolver


def reuse(
    api: PostBoostClient,
    resolver: Resolver,
    uuid: str,
    body: Mapping[str, Any],
    *,
    is_draft: bool,
    at: datetime | None,
) -> Published:
    """Take a post for the one that was to be made.

    The guard names the first post in which one account has the content (SDK 1.66.3). The other accounts may have other
    content there, or none.

    :param body: what was to be made.
    :param at: when it was to go out at the latest, or None where that is left to PostBoost.
    :raises PostBoostConfigError: the post does less.
    """
    post = api.call("get_post", parameters={"post_uuid": uuid})
    found = read_post(post)
    if lacks := _lacks(resolver, post, found, body, is_draft=is_draft, at=at):
        raise PostBoostConfigError(
            f"on_duplicate='reuse': post {uuid} has the same content, but {lacks}. See to that post in PostBoost, post the "
            "rest in a task of its own, or use on_duplicate='allow' to post all of it again."
        )
    return Published("adopted", "the same content was posted before", found.uuid, found)


def find_reused(api: PostBoostClient, intention: Intention, body: Mapping[str, Any]) -> str | None:
    """Return the post that an earlier attempt of this task was refused as a duplicate of, if there is one.

    The guard looks back only 24 hours: a later attempt would pass it, and publish a second time.

    :raises PostBoostConfigError: there was one, and PostBoost does not name it any more.
    """
    # Whatever its mode was.
    entries = read_log(api, intention.actor.label(f"{intention.intent or ''} ")) or ()
    if not any(entry.outcome == "blocked_duplicate" for entry in entries):
        return None
    answer = api.call("validate_post", body=body)
    for issue in answer.get("issues") or ():
        if issue.get("code") == "duplicate_post" and issue.get("existing_post_uuid"):
            return str(issue["existing_post_uuid"])
    raise PostBoostConfigError(
        "on_duplicate='reuse': an earlier attempt of this task found the same content posted already, and PostBoost does not name "
        "that post any more: it is older than 24 hours, or was deleted. Look in PostBoost; to post it, use "
        "on_duplicate='allow'."
    )


def _lacks(
    resolver: Resolver,
    post: Mapping[str, Any],
    found: PostOutcome,
    body: Mapping[str, Any],
    *,
    is_draft: bool,
    at: datetime | None,
) -> str | None:
    reached = {int(account["id"]) for account in post["accounts"]}
    missing = [i for i in body["accounts"] if i not in reached]
    others = [i for i in body["accounts"] if _content(post["versions"], i) != _content(body["versions"], i)]
    if found.trashed:
        return "is in trash"
    if found.status == "draft" and not is_draft:
        return "is a draft, which does not go out"
    if missing:
        return f"does not go to {', '.join(map(resolver.account_name, missing))}"
    if others:
        return f"says something else on {', '.join(map(resolver.account_name, others))}"
    if found.failed_accounts:
        return f"failed on {', '.join(f'{a.provider} {a.name!r}' for a in found.failed_accounts)}"
    if at and found.can_be_changed and found.scheduled_at and found.scheduled_at > at:
        return f"goes out later, at {found.scheduled_at:%Y-%m-%d %H:%M} UTC"
    return None


def _content(versions: Sequence[Mapping[str, Any]], account_id: int) -> list[tuple[str, list[int]]]:
    """Return what an account gets: words, as the guard compares them, and media."""
    original = next(v for v in versions if v["is_original"])
    version = next((v for v in versions if v["account_id"] == account_id and not v["is_original"]), original)
    return [
        (
            " ".join(str(item.get("body") or "").split()).casefold(),
            [int(media) for media in item.get("media") or ()],
        )
        for item in version["content"]
    ]
