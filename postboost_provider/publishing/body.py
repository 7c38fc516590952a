"""What a person means by a post -> the body the API wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.account_name import account_name
from postboost_provider.api.errors import PostBoostConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

Mode = Literal["draft", "schedule", "queue", "now"]

# Item 1 of a version's content is the first comment here (PostBoost's create_post, SDK 1.66.3) ...
FIRST_COMMENT_PROVIDERS = frozenset(
    {"facebook_page", "instagram", "instagram_standalone", "linkedin", "linkedin_page"}
)
# ... the next part of a thread there, which readers see as a reply below the post ...
THREAD_PROVIDERS = frozenset({"twitter", "threads", "bluesky", "mastodon", "pixelfed"})
# ... and is dropped without a word elsewhere.


@dataclass(frozen=True)
class Words:
    """What an account gets to publish.

    :param media: integer ids, in order, of the first item.
    :param thread: the further parts of a thread, on networks that have threads.
    :param first_comment: a comment below the post, on networks that have comments; without ``thread``, a reply to the
        post on networks that have threads.
    :param options: the network's own options, such as a title for YouTube.
    """

    text: str
    media: Sequence[int] = ()
    thread: Sequence[str] = ()
    first_comment: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Post:
    """A post as its author means it, with ids in place of names.

    :param publish_at: the aware instant that ``schedule`` is for; PostBoost plans to the minute.
    :param variants: other words for single accounts, by account id.
    :param account_times: departure times of their own for single accounts, by account id.
    :param ai_generated: True labels the post where a network has such a label, False suppresses it, None leaves it to
        PostBoost.
    """

    words: Words
    accounts: Sequence[Mapping[str, Any]]
    mode: Mode
    publish_at: datetime | None = None
    tags: Sequence[int] = ()
    variants: Mapping[int, Words] = field(default_factory=dict)
    account_times: Mapping[int, datetime] = field(default_factory=dict)
    ai_generated: bool | None = None


def post_body(post: Post) -> dict[str, Any]:
    """Return the body for ``create_post``, ``update_post`` and ``validate_post``.

    :raises PostBoostConfigError: something that a network would drop without a word, or no time to schedule for.
    """
    body: dict[str, Any] = {
        "versions": _versions(post),
        "accounts": [int(account["id"]) for account in post.accounts],
        "tags": list(post.tags),
    }
    if post.mode == "schedule":
        if post.publish_at is None:
            raise PostBoostConfigError("A post to be scheduled needs a time: give publish_at.")
        body |= {"schedule": True, "timezone": "UTC", **_time(post.publish_at)}
    elif post.mode == "queue":
        body["queue"] = True
    elif post.mode == "now":
        body["schedule_now"] = True
    if post.account_times:
        body["timezone"] = "UTC"
        body["accounts_schedule"] = [
            {"account_id": account_id, **_time(at)} for account_id, at in sorted(post.account_times.items())
        ]
    if post.ai_generated is not None:
        body["ai_generated"] = post.ai_generated
    return body


def _versions(post: Post) -> list[dict[str, Any]]:
    """Return the original, and a version for each account whose content or options differ from it."""
    common = [account for account in post.accounts if int(account["id"]) not in post.variants]
    original = content_for(post.words, common[0] if common else None)
    versions: list[dict[str, Any]] = [{"account_id": 0, "is_original": True, "content": original}]
    for account in post.accounts:
        account_id = int(account["id"])
        words = post.variants.get(account_id, post.words)
        content, options = content_for(words, account), _options(words, account)
        if content != original or options:
            version = {"account_id": account_id, "is_original": False, "content": content}
            versions.append({**version, **({"options": options} if options else {})})
    return versions


def content_for(words: Words, account: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the items of a version's content so that they mean on this account's network what their author wrote.

    :raises PostBoostConfigError: a thread or a first comment for a network that would drop it.
    """
    # A token that may not list accounts does not know their networks; then PostBoost decides.
    provider = account["provider"] if account else None
    comment = [words.first_comment] if words.first_comment else []
    if provider is None or provider in THREAD_PROVIDERS:
        further = list(words.thread) or comment
    elif provider in FIRST_COMMENT_PROVIDERS:
        if words.thread and not comment:
            raise _dropped("thread", account)
        further = comment
    elif words.thread or comment:
        raise _dropped("thread" if words.thread else "first comment", account)
    else:
        further = []
    return [{"body": words.text, "media": list(words.media)}, *({"body": text} for text in further)]


def left_out(words: Words, provider: str | None) -> str | None:
    """Return which of ``thread`` and ``first_comment`` a network leaves out because it has the other, if one.

    :param provider: None where the token may not tell.
    :raises PostBoostConfigError: both are given, and the network is not known.
    """
    if not (words.thread and words.first_comment):
        return None
    if provider is None:
        raise PostBoostConfigError(
            "Whether the account has threads or first comments can't be told: the key lacks the ability 'read'. Give it the "
            "ability, or give a thread or a first comment, not both."
        )
    return "first_comment" if provider in THREAD_PROVIDERS else "thread"


def _dropped(what: str, account: Mapping[str, Any] | None) -> PostBoostConfigError:
    name = account_name(account) if account else "an account"
    return PostBoostConfigError(
        f"PostBoost publishes no {what} on {name}. Leave it out there: give this account words of its own without one, "
        "or a post of its own."
    )


def _options(words: Words, account: Mapping[str, Any]) -> dict[str, Any]:
    if not words.options:
        return {}
    values = dict(words.options)
    if account["provider"] == "tiktok":
        # TikTok's are maps by account (SDK 1.66.3); people write the value.
        key = f"account-{int(account['id'])}"
        values = {name: v if isinstance(v, dict) else {key: v} for name, v in values.items()}
    return {str(account["provider"]): values}


def _time(at: datetime) -> dict[str, str]:
    return {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}
