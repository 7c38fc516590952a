"""A post with ids in place of names -> the body of ``create_post``, ``update_post`` and ``validate_post``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postboost_provider.api.account_name import account_name
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.times import schedule_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from postboost_provider.publishing.post import Mode

# Item 1 of a version's content is the first comment here (PostBoost's create_post, SDK 1.66.3) ...
FIRST_COMMENT_PROVIDERS = frozenset(
    {"facebook_page", "instagram", "instagram_standalone", "linkedin", "linkedin_page"}
)
# ... the next part of a thread there, which readers see as a reply below the post ...
THREAD_PROVIDERS = frozenset({"twitter", "threads", "bluesky", "mastodon", "pixelfed"})
# ... and is dropped silently elsewhere.


@dataclass(frozen=True)
class Content:
    """What is published on an account.

    :param media: integer ids, in order, of the first item.
    :param thread: the parts of a thread after ``text``, on networks that have threads.
    :param first_comment: a comment below the post, on networks that have comments. On networks that have threads it is
        a reply to the post, unless there is a ``thread``.
    :param options: the network's own options, such as a title for YouTube.
    """

    text: str
    media: Sequence[int] = ()
    thread: Sequence[str] = ()
    first_comment: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ResolvedPost:
    """A post with ids in place of names.

    :param publish_at: the aware instant of mode ``schedule``; PostBoost schedules to the minute.
    :param variants: other content for some accounts, by account id.
    :param account_times: other times for some accounts, by account id.
    :param ai_generated: True labels the post on networks that have such a label, False suppresses it, None leaves it to
        PostBoost.
    """

    content: Content
    accounts: Sequence[Mapping[str, Any]]
    mode: Mode
    publish_at: datetime | None = None
    tags: Sequence[int] = ()
    variants: Mapping[int, Content] = field(default_factory=dict)
    account_times: Mapping[int, datetime] = field(default_factory=dict)
    ai_generated: bool | None = None


def post_body(post: ResolvedPost) -> dict[str, Any]:
    """Return the body for ``create_post``, ``update_post`` and ``validate_post``.

    :raises PostBoostConfigError: a network would silently drop a part of it, or mode ``schedule`` has no time.
    """
    body: dict[str, Any] = {
        "versions": _versions(post),
        "accounts": [int(account["id"]) for account in post.accounts],
        "tags": list(post.tags),
    }
    if post.mode == "schedule":
        if post.publish_at is None:
            raise PostBoostConfigError(
                "A scheduled post needs a time: set publish_at.", code="missing_time", field="publish_at"
            )
        body |= planned(post.publish_at)
    elif post.mode == "queue":
        body["queue"] = True
    elif post.mode == "now":
        body["schedule_now"] = True
    if post.account_times:
        times = dict(sorted(post.account_times.items()))
        body |= {"timezone": "UTC", "accounts_schedule": account_schedule(times)}
    if post.ai_generated is not None:
        body["ai_generated"] = post.ai_generated
    return body


def planned(at: datetime) -> dict[str, Any]:
    """Return the fields by which a post is scheduled, or stays so when it is updated."""
    # In the order of version 0.1.0: PostBoost compares the bytes of two bodies under one key, also after an upgrade.
    return {"schedule": True, "timezone": "UTC", **schedule_fields(at)}


def account_schedule(times: Mapping[int, datetime]) -> list[dict[str, Any]]:
    """Return the times that accounts have of their own; their ``timezone`` is that of the post."""
    fields = {account_id: schedule_fields(at) for account_id, at in times.items()}
    return [{"account_id": i, "date": at["date"], "time": at["time"]} for i, at in fields.items()]


def _versions(post: ResolvedPost) -> list[dict[str, Any]]:
    """Return the original, and a version for each account whose content or options differ from it."""
    common = [account for account in post.accounts if int(account["id"]) not in post.variants]
    original = content_items(post.content, common[0] if common else None)
    versions: list[dict[str, Any]] = [{"account_id": 0, "is_original": True, "content": original}]
    for account in post.accounts:
        account_id = int(account["id"])
        content = post.variants.get(account_id, post.content)
        items, options = content_items(content, account), _options(content, account)
        if items != original or options:
            version = {"account_id": account_id, "is_original": False, "content": items}
            versions.append({**version, **({"options": options} if options else {})})
    return versions


def content_items(content: Content, account: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the items of a version's content as the account's network needs them.

    :raises PostBoostConfigError: a thread or a first comment for a network that would drop it.
    """
    # A token that may not list accounts does not know their networks; then PostBoost decides.
    provider = account["provider"] if account else None
    comment = [content.first_comment] if content.first_comment else []
    if provider is None or provider in THREAD_PROVIDERS:
        further = list(content.thread) or comment
    elif provider in FIRST_COMMENT_PROVIDERS:
        if content.thread and not comment:
            raise _dropped("thread", account)
        further = comment
    elif content.thread or comment:
        raise _dropped("thread" if content.thread else "first_comment", account)
    else:
        further = []
    return [{"body": content.text, "media": list(content.media)}, *({"body": text} for text in further)]


def dropped_part(content: Content, provider: str | None) -> str | None:
    """Return which of ``thread`` and ``first_comment`` is dropped because the network publishes the other, if one is.

    :param provider: None where the token may not tell.
    :raises PostBoostConfigError: both are set, and the network is not known.
    """
    if not (content.thread and content.first_comment):
        return None
    if provider is None:
        raise PostBoostConfigError(
            "The API key lacks the ability 'read', so it is not known whether the account has threads or first comments. "
            "Give the key that ability, or set only one of thread and first_comment.",
            code="accounts_unreadable",
            field="thread",
        )
    return "first_comment" if provider in THREAD_PROVIDERS else "thread"


def _dropped(part: str, account: Mapping[str, Any] | None) -> PostBoostConfigError:
    name = account_name(account) if account else "an account"
    return PostBoostConfigError(
        f"PostBoost does not publish a {part.replace('_', ' ')} on {name}. Give this account a variant without it, or a "
        "post of its own.",
        code="not_published",
        field=part,
    )


def _options(content: Content, account: Mapping[str, Any]) -> dict[str, Any]:
    if not content.options:
        return {}
    values = dict(content.options)
    if account["provider"] == "tiktok":
        # TikTok's options are maps by account (SDK 1.66.3); authors write the value.
        key = f"account-{int(account['id'])}"
        values = {name: v if isinstance(v, dict) else {key: v} for name, v in values.items()}
    return {str(account["provider"]): values}
